"""Settings of datasets: one section for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hmmlens.datasets.own.settings import NpzData, TableData, ZarrData
from hmmlens.datasets.synthetic.settings import TargetData
from hmmlens.settings import Probability, Section, Split

# fmt: off
Preset = Literal["chain2", "chain3", "chain4", "chain5", "fully3", "cyclic4",
                 "fully5", "fully8", "mess3", "rrxor", "z1r"]


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
            from hmmlens.datasets.synthetic.generators import check_hmm

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
        from hmmlens.datasets.recorded.names import GAIT, check_held

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
        from hmmlens.datasets.recorded.names import GAIT, PHASE_LEAD, check_held

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
        from hmmlens.datasets.recorded.names import SPEECH, check_held

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
