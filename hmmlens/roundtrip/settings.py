"""Settings of one round trip: a task whose answer is known, and the networks that learn it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hmmlens.datasets.settings import SyntheticConfig
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.rnn.settings import CellName, Training
from hmmlens.settings import Section

MethodName = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z -]*|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")
]


class Trip(Section):
    """One task whose answer is known, learnt by some kinds of network, once for each seed."""

    dataset: SyntheticConfig
    expected: Literal["D", "B", "C", "open"] = Field(
        description="the grade that a competent network deserves: D discrete states, B finite "
        "attractors with graded belief, C a continuum; open where it is not known beforehand"
    )
    cells: list[CellName] = Field(default=list(TRAINABLE), min_length=1)
    n_units: int = Field(default=32, ge=1)
    n_seeds: int = Field(default=3, ge=1)
    surrogates: bool = Field(
        default=False, description="judge shuffled and phase-randomised activations too"
    )
    training: Training | None = Field(
        default=None, description="replaces the study's training section"
    )


#: The baselines of the kind ``states``, see :mod:`hmmlens.validation.baselines.methods`.
METHOD_NAMES = ("hmm", "k-means", "gaussian mixture", "pca grid", "ar-hmm")
