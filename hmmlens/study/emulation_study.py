"""The settings of networks that emulate hidden Markov models, of their training, and of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from hmmlens import settings
from hmmlens.emulation.settings import (
    PRESETS,
    Analysis,
    Bias,
    Emulation,
    EmulationNetwork,
    Protocols,
    Target,
)
from hmmlens.errors import did_you_mean
from hmmlens.settings import NAMES_ONLY, Name, Section, Seed
from hmmlens.study.layout import Step

if TYPE_CHECKING:
    from hmmlens.datasets.synthetic.generators import HMMParameters


#: Steps that every network takes part in.
ALWAYS: tuple[Step, ...] = ("trained", "plateau")


class OnlyFirst(Section):
    """Analyses that only the first seeds take part in, and how many."""

    scores: int | None = Field(default=None, ge=1)
    reverse: int | None = Field(default=None, ge=1)
    kicks: int | None = Field(default=None, ge=1)
    states: int | None = Field(default=None, ge=1)
    protocols: int | None = Field(default=None, ge=1)


class Emulator(EmulationNetwork):
    """Networks of one kind, one for each seed."""

    target: Name = Field(description="a preset, or a name in targets")
    n_seeds: int = Field(default=1, ge=1)
    training: Emulation | None = Field(default=None, description="replaces the study's emulation")
    analyses: list[Analysis] = Field(
        default=["scores", "reverse", "kicks", "states"],
        description="what is done with it; without any, only its training is looked at",
    )

    only_first: OnlyFirst = Field(
        default=OnlyFirst(), description="analyses that only so many seeds take part in"
    )

    kicks_at: list[Annotated[float, Field(gt=0)]] = Field(
        default=[],
        description="losses at which kick units are searched for as well, at the first checkpoint "
        "that has so small a one: energy distances, as shares of that of independent symbols",
    )

    def seeds(self, step: Step) -> range:
        """Return the seeds that take part in a step.

        Parameters
        ----------
        step : str
            One of :data:`hmmlens.study.layout.STEPS`.

        Returns
        -------
        range
            The first seeds; empty where the network does not take part.
        """
        if step in ALWAYS:
            return range(self.n_seeds)
        if step not in self.analyses:
            return range(0)
        most: int | None = getattr(self.only_first, step)
        return range(self.n_seeds if most is None else min(most, self.n_seeds))

    def architecture(self) -> EmulationNetwork:
        """Return the settings of the network itself, without those of its training and analyses.

        Returns
        -------
        EmulationNetwork
            The architecture.
        """
        return EmulationNetwork(
            **{name: getattr(self, name) for name in EmulationNetwork.model_fields}
        )


class EmulationStudy(Section):
    """A study of networks that emulate hidden Markov models; it fills ``results/{study}``."""

    study: Name
    title: str = Field(default="Networks that emulate hidden Markov models", min_length=1)
    scale: Literal["laptop", "paper"] = Field(
        default="laptop",
        description="what the report compares; at the paper's scale, numbers that depend on the "
        "batch size and the length of sequences are compared with the paper's",
    )
    seed: Seed = Field(default=1, description="every random draw is derived from it")
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    emulation: Emulation = Field(description="how networks are trained; {} takes the defaults")
    targets: dict[Name, Target] = Field(default={}, json_schema_extra=NAMES_ONLY)
    networks: dict[Name, Emulator] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    protocols: Protocols = Protocols()
    bias: Bias | None = Field(default=None, description="leave out to compare no objectives")

    @property
    def n_scored(self) -> int:
        """Number of sequences that score a network; aligning as many as the paper takes minutes.

        Returns
        -------
        int
            5000 at the scale of the paper, else 1000.
        """
        return 5000 if self.scale == "paper" else 1000

    @model_validator(mode="after")
    def _usable(self) -> EmulationStudy:
        for name in self.targets:
            if name in PRESETS:
                raise ValueError(f"targets.{name}: is a preset's name; call it something else")
        from hmmlens.study import config_names, rules

        if taken := config_names.problems(rules.EMULATING, "network", self.networks, "networks"):
            raise ValueError("\n".join(taken))
        known = (*self.targets, *PRESETS)
        asked = {f"networks.{name}.target": net.target for name, net in self.networks.items()}
        if self.bias is not None:
            asked |= {f"bias.targets[{i}]": name for i, name in enumerate(self.bias.targets)}
        for path, name in asked.items():
            if name not in known:
                hint = did_you_mean(name, known)
                raise ValueError(
                    f"{path}: there is no target {name!r}{hint}, wants one of: {', '.join(known)}"
                )
        for name, network in self.networks.items():
            if len(set(network.analyses)) < len(network.analyses):
                raise ValueError(f"networks.{name}.analyses: holds one of them twice")
            for analysis, most in network.only_first.model_dump(exclude_none=True).items():
                if analysis not in network.analyses or most > network.n_seeds:
                    raise ValueError(
                        f"networks.{name}.only_first.{analysis}: found {most}, with "
                        f"{network.n_seeds} seeds and these analyses: "
                        f"{', '.join(network.analyses) or 'none'}"
                    )
            if self.training_of(name).carried and network.target in self.targets:
                distribution = self.hmm_of(network.target)
                if (
                    abs(
                        distribution.startprob @ distribution.transmat - distribution.startprob
                    ).max()
                    > 1e-6
                ):
                    raise ValueError(
                        f"networks.{name}: carries states over, for which the startprob of "
                        f"{network.target} must be its stationary distribution"
                    )
        return self

    def training_of(self, name: str) -> Emulation:
        """Return the training settings of a network: its own, or else the study's.

        Parameters
        ----------
        name : str
            Name of a configured network.

        Returns
        -------
        Emulation
            The settings.
        """
        return self.networks[name].training or self.emulation

    def hmm_of(self, target: str) -> HMMParameters:
        """Return the parameters of a target.

        Parameters
        ----------
        target : str
            Name of a configured target or of a preset.

        Returns
        -------
        HMMParameters
            Initial, transition and emission probabilities.
        """
        from hmmlens.datasets.synthetic.generators import preset_hmm

        own = self.targets.get(target)
        return preset_hmm(target) if own is None else own.parameters()


def load(raw: Any, source: str) -> EmulationStudy:
    """Check a parsed config and return it; see :func:`hmmlens.study.config.load`.

    Parameters
    ----------
    raw : object
        The mapping read from YAML.
    source : str
        Name of the file, for the messages.

    Returns
    -------
    EmulationStudy
        The checked settings.

    Raises
    ------
    ConfigError
        With one sentence per mistake, each on its own line.
    """
    return settings.check(EmulationStudy, raw, source)
