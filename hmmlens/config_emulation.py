"""The settings of networks that emulate hidden Markov models, of their training, and of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from hmmlens import config
from hmmlens.config import Preset
from hmmlens.config_errors import did_you_mean
from hmmlens.config_section import NAMES_ONLY, Name, Probability, Section, Seed

if TYPE_CHECKING:
    from hmmlens.datasets.generators import HMMParameters

Objective = Literal["sinkhorn", "split", "energy"]


class EmulationNetwork(Section):
    """A network that is driven by noise; the defaults are those of Torre et al. 2025."""

    cell: Literal["relu", "tanh", "gru", "lstm"] = "relu"
    n_units: int = Field(default=150, ge=1)
    n_noise: int = Field(default=100, ge=1, description="dimensions of the noise")
    bias: bool = False
    leak: float = Field(
        default=1.0, gt=0, le=1, description="share of the state renewed in a step; relu and tanh"
    )
    radius: float | None = Field(
        default=None,
        gt=0,
        description="spectral radius that the initial recurrent weights are scaled to, of relu and "
        "tanh; null leaves them as drawn, with about .58",
    )

    @model_validator(mode="after")
    def _usable(self) -> EmulationNetwork:
        if self.leak != 1 and self.cell not in ("relu", "tanh"):
            raise ValueError(f"leak: a {self.cell} has gates instead; leave leak at 1")
        if self.radius is not None and self.cell not in ("relu", "tanh"):
            raise ValueError(f"radius: a {self.cell} has several recurrent matrices; leave it out")
        return self


class Emulation(Section):
    """How such a network is trained: Adam on the distance of two batches of sequences."""

    objective: Objective = Field(
        default="sinkhorn", description="sinkhorn is the paper's; split and energy are unbiased"
    )
    n_steps: int = Field(default=50, ge=2, description="length of the sequences")
    n_updates: int = Field(default=800, ge=1, description="steps of Adam")
    batch_size: int = Field(default=512, ge=2, description="sequences; split halves them")
    n_data: int | None = Field(
        default=2048,
        ge=2,
        description="sequences of the target that are drawn once and used in turn; null draws new "
        "ones for every update",
    )
    learning_rate: float = Field(default=1e-3, gt=0)
    betas: tuple[Probability, Probability] = Field(default=(0.9, 0.9), strict=False)
    clip_norm: float = Field(default=0.9, gt=0, description="largest norm of the whole gradient")
    rate_drops: list[Probability] = Field(
        default=[], description="shares of n_updates at which the learning rate is multiplied"
    )
    rate_factor: float = Field(default=0.3, gt=0, le=1, description="what it is multiplied by")
    carried: Probability = Field(
        default=0.0,
        description="share of the batch that goes on from where it stood after the last update",
    )
    max_age: int = Field(
        default=400, ge=1, description="steps after which a carried state starts anew"
    )
    activity_penalty: float = Field(
        default=0.0,
        ge=0,
        description="weight of the mean squared activity of a sequence, as far as it is above 1",
    )
    checkpoint_every: int = Field(default=10, ge=1, description="updates between weights kept")
    log_every: int = Field(default=1, ge=1, description="updates between rows of the history")

    @model_validator(mode="after")
    def _usable(self) -> Emulation:
        if max(self.betas) >= 1:
            raise ValueError(f"betas: must be below 1, found {list(self.betas)}")
        return self


#: Presets that emit from states.
PRESETS = tuple(name for name in get_args(Preset) if name not in ("rrxor", "z1r"))
#: What a network may be asked after its training.
Analysis = Literal["scores", "reverse", "kicks", "states"]
#: What is done with networks: every one is trained, and the plateau of its loss looked for.
Step = Literal["trained", "plateau", "scores", "reverse", "kicks", "states"]
ALWAYS: tuple[Step, ...] = ("trained", "plateau")


class Target(Section):
    """A hidden Markov model to emulate."""

    startprob: list[Probability] = Field(min_length=2, description="initial law, (n_states)")
    transmat: list[list[Probability]] = Field(
        description="transition matrix, (n_states, n_states), rows add up to 1"
    )
    emissionprob: list[list[Probability]] = Field(
        description="symbol laws, (n_states, n_symbols), rows add up to 1"
    )

    @model_validator(mode="after")
    def _usable(self) -> Target:
        from hmmlens.dynamics.labels import informative

        informative(self.parameters())
        return self

    def parameters(self) -> HMMParameters:
        """Return the matrices as arrays."""
        from hmmlens.datasets.generators import check_hmm

        return check_hmm(self.startprob, self.transmat, self.emissionprob)


class OnlyFirst(Section):
    """Analyses that only the first seeds take part in, and how many."""

    scores: int | None = Field(default=None, ge=1)
    reverse: int | None = Field(default=None, ge=1)
    kicks: int | None = Field(default=None, ge=1)
    states: int | None = Field(default=None, ge=1)


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

    def seeds(self, step: Step) -> range:
        """Return the seeds that take part in a step."""
        if step in ALWAYS:
            return range(self.n_seeds)
        if step not in self.analyses:
            return range(0)
        most: int | None = getattr(self.only_first, step)
        return range(self.n_seeds if most is None else min(most, self.n_seeds))

    def architecture(self) -> EmulationNetwork:
        """Return what a network is, without what is done with it."""
        return EmulationNetwork(
            **{name: getattr(self, name) for name in EmulationNetwork.model_fields}
        )


class Bias(Section):
    """Hand-made generators are shown to the objectives, batches growing."""

    targets: list[Name] = Field(default=["chain2"], min_length=1)
    objectives: list[Objective] = Field(default=["sinkhorn", "split", "energy"], min_length=1)
    n_steps: int = Field(default=100, ge=2, description="length of the sequences")
    batch_sizes: list[Annotated[int, Field(ge=4)]] = Field(
        default=[256, 512, 1024, 2048, 4096], min_length=1
    )
    n_draws: list[Annotated[int, Field(ge=2)]] = Field(
        default=[32, 24, 16, 8, 4], description="draws at each of batch_sizes"
    )

    @model_validator(mode="after")
    def _usable(self) -> Bias:
        for key in ("targets", "objectives", "batch_sizes"):
            listed = getattr(self, key)
            if len(set(listed)) < len(listed):
                told = ", ".join(map(str, listed))
                raise ValueError(f"{key}: must hold nothing twice, found {told}")
        if len(self.n_draws) != len(self.batch_sizes):
            raise ValueError(
                f"n_draws: needs a number for each of batch_sizes, found {len(self.n_draws)} for "
                f"{len(self.batch_sizes)}"
            )
        return self


class EmulationStudy(Section):
    """A study of networks that emulate hidden Markov models; it fills ``results/{study}``."""

    study: Name
    title: str = Field(default="Networks that emulate hidden Markov models", min_length=1)
    scale: Literal["laptop", "paper"] = Field(
        default="laptop",
        description="what the report says of it; at the paper's, numbers that hang on the size of "
        "the batch and the length of sequences are held against the paper's",
    )
    seed: Seed = Field(default=1, description="every random draw is derived from it")
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    emulation: Emulation = Field(description="how networks are trained; {} takes the defaults")
    targets: dict[Name, Target] = Field(default={}, json_schema_extra=NAMES_ONLY)
    networks: dict[Name, Emulator] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    bias: Bias | None = Field(default=None, description="leave out to ask no objective")

    @property
    def n_scored(self) -> int:
        """Sequences that a network is scored by; to align as many as the paper takes minutes."""
        return 5000 if self.scale == "paper" else 1000

    @model_validator(mode="after")
    def _usable(self) -> EmulationStudy:
        for name in self.targets:
            if name in PRESETS:
                raise ValueError(f"targets.{name}: is a preset's name; call it something else")
        from hmmlens import config_names, layout

        if taken := config_names.problems(layout.EMULATING, "network", self.networks, "networks"):
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
                law = self.hmm_of(network.target)
                if abs(law.startprob @ law.transmat - law.startprob).max() > 1e-6:
                    raise ValueError(
                        f"networks.{name}: carries states over, for which the startprob of "
                        f"{network.target} must be its stationary law"
                    )
        return self

    def training_of(self, name: str) -> Emulation:
        """Return the training settings of a network: its own, or else the study's."""
        return self.networks[name].training or self.emulation

    def hmm_of(self, target: str) -> HMMParameters:
        """Return a target's parameters."""
        from hmmlens.datasets.generators import preset_hmm

        own = self.targets.get(target)
        return preset_hmm(target) if own is None else own.parameters()


def load(raw: Any, source: str) -> EmulationStudy:
    """Check a parsed config and return it; see :func:`hmmlens.config.load`."""
    return config.check(EmulationStudy, raw, source)
