"""Settings of one round trip: a task whose answer is known, and the networks that learn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hmmlens.datasets.settings import SyntheticConfig
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.rnn.settings import CellName, Training
from hmmlens.settings import Section
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings

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


@dataclass(frozen=True)
class RoundTripSettings:
    """Settings of the analysis of a trained network, see :func:`hmmlens.roundtrip.pipeline.run`.

    Attributes
    ----------
    max_frames : int
        Steps of each network that are recorded, about.
    n_states : sequence of int
        Sizes of the hidden Markov models that BIC chooses from.
    n_restarts : int
        Initialisations of each hidden Markov model of activations.
    methods : sequence of str
        Methods that label states, see :func:`hmmlens.roundtrip.recovered.load_method`.
    automata : bool
        Whether automata of networks that read symbols are learnt.
    device : str
        Where networks are trained.
    n_components : int
        Principal components in which states are searched for.
    ngram_orders : tuple of int
        Orders of the n-grams of inputs.
    n_input_restarts : int
        Initialisations of the hidden Markov models of inputs.
    n_resamples : int
        Resamples of the intervals and nulls of beliefs and generated sequences.
    belief_contexts : tuple of int
        Numbers of last symbols that a readout of beliefs without a memory reads.
    n_sequences, n_steps : int
        Sequences, and steps of each, of the Monte Carlo estimate of the Juang-Rabiner rate.
    baselines : BaselineSettings
        Settings of the baselines.
    """

    max_frames: int = 8000
    n_states: Sequence[int] = (1, 2, 3, 4, 5, 6, 8, 10, 12)
    n_restarts: int = 3
    methods: Sequence[str] = METHOD_NAMES
    automata: bool = False
    device: str = "cpu"
    n_components: int = 8
    ngram_orders: tuple[int, ...] = (1, 2, 4)
    n_input_restarts: int = 3
    n_resamples: int = 200
    belief_contexts: tuple[int, ...] = (1, 2, 4)
    n_sequences: int = 200
    n_steps: int = 200
    baselines: BaselineSettings = DEFAULT_BASELINES


DEFAULTS = RoundTripSettings()
