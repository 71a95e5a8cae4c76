"""The study's settings: pydantic models that are the only source of keys, types and defaults.

``config.yaml`` and ``workflow/schemas/config.schema.json`` are checked against these models.
:func:`load` turns every mistake into one sentence: the key's path, what was found, what is
allowed, and the nearest valid spelling. The wording is in :mod:`hmmlens.config_errors`, which
is imported only when there is a mistake to tell, as YAML is only when a file is read.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from hmmlens.config_files import NpzData, TableData, ZarrData
from hmmlens.config_networks import (
    LOADED,
    AdapterNetwork,
    NetworkConfig,
    TrainedNetwork,
    Training,
)
from hmmlens.config_section import NAMES_ONLY, Name, Probability, Section, Seed, Split
from hmmlens.config_targets import TargetData
from hmmlens.errors import ConfigError

Model = TypeVar("Model", bound=Section)
CovarianceType = Literal["spherical", "diag", "full", "tied"]
# fmt: off
Preset = Literal["chain2", "chain3", "chain4", "chain5", "fully3", "cyclic4",
                 "fully5", "fully8", "mess3", "rrxor", "z1r"]
# fmt: on

#: Names that the workflow gives to controls, so no network may carry them.
UNTRAINED_SUFFIX = "-untrained"
RAW_PREFIX = "raw-"


class HMMData(Section):
    """Symbols sampled from a hidden Markov model: a preset, or explicit matrices."""

    kind: Literal["hmm"]
    preset: Preset | None = Field(default=None, description="a target by its name")
    startprob: list[Probability] | None = Field(default=None, description="initial law, (n_states)")
    transmat: list[list[Probability]] | None = Field(
        default=None, description="transition matrix, (n_states, n_states), rows add up to 1"
    )
    emissionprob: list[list[Probability]] | None = Field(
        default=None, description="symbol laws, (n_states, n_symbols), rows add up to 1"
    )
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    @model_validator(mode="after")
    def _one_source(self) -> HMMData:
        sources = ("preset", "startprob", "transmat", "emissionprob")
        given = [key for key in sources if getattr(self, key) is not None]
        if given not in (["preset"], list(sources[1:])):
            raise ValueError(
                "give either preset, or all three of startprob, transmat and emissionprob, "
                f"found {' and '.join(given) or 'none of them'}"
            )
        startprob, transmat, emissionprob = self.startprob, self.transmat, self.emissionprob
        if startprob is not None and transmat is not None and emissionprob is not None:
            from hmmlens.datasets.generators import check_hmm

            check_hmm(startprob, transmat, emissionprob)
        return self


class FlipFlopData(Section):
    """The flip-flop: each channel remembers the sign of its last pulse (Sussillo & Barak 2013)."""

    kind: Literal["flipflop"]
    n_bits: int = Field(default=3, ge=1, le=6)
    pulse_probability: float = Field(default=0.1, gt=0, lt=1, description="per step and channel")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()


class GaitData(Section):
    """Hip movement of two walking people (ao-compensation-model 0.1.6, MIT)."""

    kind: Literal["gait"]
    rate_hz: float = Field(default=25.0, gt=1, le=90, description="sampling rate after resampling")
    n_steps: int = Field(
        default=500, ge=20, description="steps in a window; windows do not overlap"
    )
    horizon: int = Field(
        default=5, ge=1, description="steps ahead to predict (5 at 25 Hz is 200 ms)"
    )
    select_recordings: list[str] = Field(default=["H_4km"], min_length=1)
    test_recordings: list[str] = Field(default=["H_LG_stopgo", "J_LG_stopgo"], min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> GaitData:
        from hmmlens.datasets.recordings import GAIT, check_held

        check_held(GAIT, "recordings", self.select_recordings, self.test_recordings)
        if self.horizon >= self.n_steps:
            raise ValueError(
                f"horizon must be below n_steps, the length of a window, found {self.horizon} and "
                f"{self.n_steps}"
            )
        return self


class GaitPhaseData(Section):
    """The same recordings as the network in their package reads them: 100 Hz, phase ahead."""

    kind: Literal["gait_phase"]
    n_steps: int = Field(
        default=500, ge=20, description="steps in a window; windows do not overlap"
    )
    select_recordings: list[str] = Field(default=["H_3km"], min_length=1)
    test_recordings: list[str] = Field(default=["H_LG_stopgo", "J_LG_stopgo"], min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> GaitPhaseData:
        from hmmlens.datasets.recordings import GAIT, PHASE_LEAD, check_held

        check_held(GAIT, "recordings", self.select_recordings, self.test_recordings)
        if self.n_steps <= PHASE_LEAD:
            raise ValueError(
                f"n_steps must be above {PHASE_LEAD}, the steps that the phase lies ahead, "
                f"found {self.n_steps}"
            )
        return self


class SpeechData(Section):
    """Read sentences with noise between them (LibriVox, in Debian's pocketsphinx-testdata)."""

    kind: Literal["speech"]
    n_sequences: int = Field(default=30, ge=5)
    n_steps: int = Field(default=400, ge=50, description="frames of 32 ms in a sequence")
    noise_db: float = Field(
        default=-20.0, le=0, description="level of the noise against the speech, in dB"
    )
    split: Split = Split()
    select_clips: list[str] = Field(default=["0930"], min_length=1)
    test_clips: list[str] = Field(default=["0880", "0920"], min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> SpeechData:
        from hmmlens.datasets.recordings import SPEECH, check_held

        check_held(SPEECH, "clips", self.select_clips, self.test_clips)
        return self


DatasetConfig = Annotated[
    HMMData
    | FlipFlopData
    | TargetData
    | GaitData
    | GaitPhaseData
    | SpeechData
    | TableData
    | NpzData
    | ZarrData,
    Field(discriminator="kind"),
]


class Activations(Section):
    """Which steps of the networks are recorded and explained."""

    max_frames: int = Field(
        default=13000,
        ge=100,
        description="sequences are thinned evenly within each split to stay below",
    )
    batch_size: int = Field(
        default=64, ge=1, description="sequences run through the network at once"
    )


class PCA(Section):
    """Principal components, fitted on the train split."""

    kind: Literal["pca"]
    n_components: int = Field(default=8, ge=1)


class FactorAnalysis(Section):
    """Factor analysis, fitted on the train split."""

    kind: Literal["factor_analysis"]
    n_components: int = Field(default=8, ge=1)


class ICA(Section):
    """Independent components (FastICA), fitted on the train split."""

    kind: Literal["ica"]
    n_components: int = Field(default=8, ge=1)


class Identity(Section):
    """The state itself, without the units that never move."""

    kind: Literal["identity"]


class TSNE(Section):
    """t-SNE (openTSNE), fitted on train frames, transform for the rest. Exploratory."""

    kind: Literal["tsne"]
    n_components: int = Field(default=2, ge=1, le=2)
    perplexity: float = Field(default=30.0, gt=1)
    max_fit_frames: int = Field(default=2000, ge=100, description="train frames that shape the map")

    @model_validator(mode="after")
    def _usable(self) -> TSNE:
        if 3 * self.perplexity > self.max_fit_frames - 1:
            raise ValueError(
                f"perplexity must be at most a third of max_fit_frames, found {self.perplexity} "
                f"and {self.max_fit_frames}"
            )
        return self


ReducerConfig = Annotated[PCA | FactorAnalysis | ICA | Identity | TSNE, Field(discriminator="kind")]


class Sweep(Section):
    """The hidden Markov models that are fitted to every reduced store."""

    engine: Literal["numpy", "torch", "hmmlearn"] = Field(
        default="numpy",
        description="numpy; torch, the same on a device; or hmmlearn, the slow reference",
    )
    n_states: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        default=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], min_length=1
    )
    covariance_types: list[CovarianceType] = Field(default=["tied"], min_length=1)
    n_restarts: int = Field(default=3, ge=1)
    max_iter: int = Field(default=50, ge=1)
    tol: float = Field(
        default=1e-5, gt=0, description="stop when a step gains less, nats per frame"
    )
    min_covar: float = Field(
        default=1e-3, gt=0, description="covariance floor, relative to the data's mean variance"
    )
    halving: bool = Field(
        default=False,
        description="give up the worse half of the restarts early, as long as 4 are left",
    )
    n_jobs: int = Field(
        default=1, ge=1, description="processes for one sweep; its numbers do not depend on it"
    )

    @model_validator(mode="after")
    def _usable_grid(self) -> Sweep:
        if sorted(set(self.n_states)) != self.n_states:
            raise ValueError(f"n_states must rise and hold no number twice, found {self.n_states}")
        if self.n_states[0] != 1:
            raise ValueError(
                f"n_states must begin with 1, the baseline without states, found {self.n_states}"
            )
        if len(set(self.covariance_types)) != len(self.covariance_types):
            raise ValueError(
                "covariance_types must hold no type twice, "
                f"found [{', '.join(self.covariance_types)}]"
            )
        return self


class Selection(Section):
    """How one model is chosen from a sweep, and one reducer from several."""

    criterion: Literal["bic", "aic", "held_out"] = "bic"
    fidelity_tolerance: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="the compact model is the smallest n_states whose fidelity is this close "
        "to the best in the sweep",
    )


class Controls(Section):
    """What runs through the same chain to be compared with."""

    untrained: bool = Field(default=True, description="each network with its initial weights")
    raw_input: bool = Field(
        default=True, description="hidden Markov models of the inputs themselves"
    )
    reservoir: bool = Field(
        default=True,
        description="each network that is trained here with its initial weights and a readout "
        "fitted to the task, for the verdict",
    )


class Validation(Section):
    """Intervals of the scores."""

    n_bootstrap: int = Field(default=200, ge=20, description="resamples of whole sequences")


class Study(Section):
    """One study: a config file and all that it makes under ``results/{study}``."""

    study: Name
    title: str = Field(default="Hidden Markov models of trained recurrent networks", min_length=1)
    seed: Seed = Field(default=1, description="every random draw is derived from it")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    datasets: dict[Name, DatasetConfig] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    networks: dict[Name, NetworkConfig] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    training: Training = Training()
    activations: Activations = Activations()
    reducers: dict[Name, ReducerConfig] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    sweep: Sweep = Sweep()
    selection: Selection = Selection()
    validation: Validation = Validation()
    controls: Controls = Controls()

    @field_validator("networks", mode="before")
    @classmethod
    def _trained_unless_said(cls, networks: Any) -> Any:
        if not isinstance(networks, dict):
            return networks
        loaded = {key for kind in LOADED for key in kind.model_fields}
        others = loaded - set(TrainedNetwork.model_fields)
        return {
            name: {"kind": "trained", **section}
            if isinstance(section, dict) and not others & set(section)
            else section
            for name, section in networks.items()
        }

    @model_validator(mode="after")
    def _references(self) -> Study:
        from hmmlens import config_names, layout

        problems = [
            *config_names.problems(layout.EXPLAINING, "network", self.networks, "networks"),
            *config_names.problems(layout.EXPLAINING, "reducer", self.reducers, "reducers"),
        ]
        for name, network in self.networks.items():
            problems += config_names.layer_problems(network.layers, f"networks.{name}.layers")
            if network.dataset not in self.datasets:
                from hmmlens.config_errors import did_you_mean

                problems.append(
                    f"networks.{name}.dataset: there is no dataset {network.dataset!r}"
                    f"{did_you_mean(network.dataset, self.datasets)}, "
                    f"wants one of: {', '.join(self.datasets)}"
                )
            elif isinstance(network, AdapterNetwork):
                from hmmlens.networks.adapters import ADAPTERS

                wanted = (ADAPTERS[network.adapter].dataset, "table", "npz", "zarr")
                kind = self.datasets[network.dataset].kind
                if kind not in wanted:
                    problems.append(
                        f"networks.{name}.dataset: {network.adapter} cannot read a dataset of kind "
                        f"{kind}; allowed: {', '.join(wanted)}"
                    )
            if name.endswith(UNTRAINED_SUFFIX) or name.startswith(RAW_PREFIX):
                problems.append(
                    f"networks.{name}: a network's name may not begin with {RAW_PREFIX} or end "
                    f"with {UNTRAINED_SUFFIX}; those names are for controls"
                )
        problems += self._wide_reducers()
        if all(isinstance(reducer, TSNE) for reducer in self.reducers.values()):
            problems.append(
                "reducers: found t-SNE alone, which is only exploratory; add another reducer, "
                "such as pca-8: {kind: pca, n_components: 8}"
            )
        if problems:
            # Each line starts with its own path, because this section is the whole file.
            raise ValueError("\n".join(problems))
        return self

    def _wide_reducers(self) -> list[str]:
        """Return a sentence for each reducer that is wider than every network."""
        networks = self.networks.values()
        if not all(isinstance(network, TrainedNetwork) for network in networks):
            return []
        widest = max(network.width for network in networks if isinstance(network, TrainedNetwork))
        return [
            f"reducers.{name}.n_components: found {wanted}, and no layer of a network has a state "
            f"of more than {widest} values"
            for name, reducer in self.reducers.items()
            if (wanted := getattr(reducer, "n_components", 0)) > widest
        ]

    def training_of(self, network: str) -> Training:
        """Return the training settings of a network: its own, or else the study's."""
        section = self.networks[network]
        return (isinstance(section, TrainedNetwork) and section.training) or self.training


def load(raw: Any, source: str = "config.yaml") -> Study:
    """Check a parsed config and return it as a :class:`Study`.

    Parameters
    ----------
    raw : the mapping read from YAML.
    source : the file's name, for the messages.

    Raises
    ------
    ConfigError
        With one sentence per mistake, each on its own line: ``source: key.path: ...``.
    """
    return check(Study, raw, source)


def check(model: type[Model], raw: Any, source: str) -> Model:
    """Return ``raw`` as a model of settings, or raise a ConfigError as :func:`load` does."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        from hmmlens.config_errors import sentences

        told = sentences(error.errors(include_url=False), model.model_json_schema())
        raise ConfigError("\n".join(f"{source}: {sentence}" for sentence in told)) from None


def read(path: str | os.PathLike[str]) -> Study:
    """Read a config file and check it.

    Parameters
    ----------
    path : a YAML file.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not YAML, holds a key twice, or has wrong settings.
    """
    from hmmlens.config_errors import read_yaml

    return load(read_yaml(path), os.fspath(path))
