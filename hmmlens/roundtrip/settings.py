"""Settings of one round trip: a task whose answer is known, and the networks that learn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hmmlens.datasets.settings import SyntheticConfig
from hmmlens.datasets.synthetic.task import TaskData
from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import Answer, Half, Recipe
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
    expected: Literal["D", "N", "M", "B", "F", "C", "open"] = Field(
        description="the grade that is right for a competent network: D discrete states, N many of "
        "them, M states next to a continuum, B points with graded states between them, F no memory "
        "beyond the last inputs, C a continuum; open where it is not known beforehand"
    )
    half: Half | None = Field(
        default=None,
        description="of a task of the suite: fixing, where thresholds of the verdict were fixed, "
        "or reporting, where none was",
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


#: The grade that is right for a network that learnt a task of the suite, by the task's answer.
EXPECTED: dict[Answer, Literal["D", "N", "M", "B", "F", "C"]] = {
    "discrete": "D",
    "many": "N",
    "belief": "B",
    "mixed": "M",
    "continuum": "C",
    "forgets": "F",
}
#: What the names of round trips of the suite begin with.
PREFIX = "suite-"


class Suite(Section):
    """All tasks of :mod:`hmmlens.datasets.synthetic.tasks` as round trips."""

    cells: list[CellName] = Field(default=["gru"], min_length=1)
    n_seeds: int = Field(default=1, ge=1)
    halves: list[Half] = Field(default=["fixing", "reporting"], min_length=1)
    surrogates: bool = Field(
        default=True, description="judge surrogates of the networks that learn continua"
    )

    def trips(self) -> dict[str, Trip]:
        """Return the round trips by their names.

        Returns
        -------
        dict of str to Trip
            Each with the training that learns its task.

        Examples
        --------
        >>> Suite(halves=["reporting"]).trips()["suite-lexer"].expected
        'D'
        """
        found = {}
        for name, task in TASKS.items():
            if task.half not in self.halves:
                continue
            recipe = task.recipe
            found[PREFIX + name.replace("_", "-")] = Trip(
                dataset=TaskData(
                    kind="task",
                    name=name,
                    n_sequences=recipe.n_sequences,
                    n_steps=recipe.n_steps,
                ),
                expected=EXPECTED[task.answer],
                half=task.half,
                cells=self.cells,
                n_units=recipe.n_units,
                n_seeds=self.n_seeds,
                surrogates=self.surrogates and task.answer == "continuum",
                training=training_of(recipe),
            )
        return found


def training_of(recipe: Recipe) -> Training:
    """Return the training settings of a recipe.

    Parameters
    ----------
    recipe : Recipe
        How a network learns a task.

    Returns
    -------
    Training
        Without early stopping.
    """
    return Training(
        max_epochs=recipe.n_epochs,
        patience=recipe.n_epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        clip_norm=recipe.clip_norm,
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
