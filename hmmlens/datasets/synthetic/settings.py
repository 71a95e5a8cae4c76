"""Settings of generated datasets beside hidden Markov models and the flip-flop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hmmlens.settings import Section, Split


class ToggleData(Section):
    """The toggle: the target changes its sign with every pulse."""

    kind: Literal["toggle"]
    pulse_probability: float = Field(default=0.1, gt=0, lt=1, description="per step")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()


class CounterData(Section):
    """A counter: the target is the number of pulses so far, modulo a small number, one-hot."""

    kind: Literal["counter"]
    modulus: int = Field(default=3, ge=2, le=8)
    pulse_probability: float = Field(default=0.1, gt=0, lt=1, description="per step")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()


class TomitaData(Section):
    """A Tomita grammar: the target says whether the word so far is in the language."""

    kind: Literal["tomita"]
    grammar: int = Field(ge=1, le=7)
    mistake_probability: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="per step, that a word must become decided for good as soon as it can",
    )
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=100, ge=2)
    split: Split = Split()


class ContinuumData(Section):
    """A task without discrete states, on which no states must be found."""

    kind: Literal["continuum"]
    law: Literal["ar1", "var2", "ring", "ring2", "integrator", "leaky", "head_direction"]
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()


TargetData = ToggleData | CounterData | TomitaData | ContinuumData
