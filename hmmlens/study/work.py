"""What a job takes by a model of its work: peak of memory, seconds and what it keeps.

The peak of memory and the seconds of every rule were measured on studies of 2,000 to 300,000
steps, networks of 8 to 128 units and sweeps of 4 to 8 numbers of states, with one thread. The terms
below lie above all of them; ``tests/study/cluster/test_needs.py`` has the figures and compares. The
models of studies of emulating networks are in :mod:`hmmlens.study.emulation_work`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hmmlens.naming import N_LAGS


class Work(NamedTuple):
    """Cost of one job.

    Attributes
    ----------
    mb : float
        Peak of memory in MB.
    seconds : float
        Time in seconds.
    """

    mb: float
    seconds: float


class Size(NamedTuple):
    """The quantities that the cost of a job grows with.

    Attributes
    ----------
    n_steps : int
        Steps of all sequences of the dataset.
    n_values : int
        Values of a step, input and target together.
    n_recorded : int
        Steps that are recorded and explained.
    n_units : int
        Units of all layers together.
    n_components : int
        Dimensions of the widest reduction.
    n_epochs : int
        Epochs of training; 0 without training.
    n_fits : float
        States times steps of EM, summed over all hidden Markov models of one reduction.
    n_reducers : int
        Reductions of a layer.
    n_networks : int
        Trainings of one network, with those of its untrained control.
    n_kept : int
        States of all models that a sweep keeps, padded to the largest.
    """

    n_steps: int
    n_values: int
    n_recorded: int = 0
    n_units: int = 0
    n_components: int = 0
    n_epochs: int = 0
    n_fits: float = 0.0
    n_reducers: int = 1
    n_networks: int = 1
    n_kept: int = 0


def _nothing(size: Any) -> float:
    """Return 0: the results hold few numbers whatever the size."""
    return 0.0


class OfSize(NamedTuple):
    """The model of a job whose work grows with a :class:`Size`.

    Attributes
    ----------
    work : callable
        Takes a :class:`Size` and returns the :class:`Work` of the job.
    kept : callable
        Takes a :class:`Size` and returns how many numbers the results hold.
    """

    work: Callable[[Size], Work]
    kept: Callable[[Size], float] = _nothing

    @property
    def least(self) -> Work:
        """The work of the smallest job.

        Returns
        -------
        Work
            The work of a job of size 0.
        """
        return self.work(Size(0, 0))


class Gathering(NamedTuple):
    """The model of a job that combines results of other jobs.

    Attributes
    ----------
    each : Work
        Work that each result adds.
    least : Work
        Work of a job without any result.
    """

    each: Work
    least: Work


def _values(size: Size) -> float:
    """MB of all inputs and targets, as floats of 8 bytes."""
    return 8e-6 * size.n_steps * size.n_values


def _states(size: Size) -> float:
    """MB of the recorded states of all layers."""
    return 8e-6 * size.n_recorded * size.n_units


def _all_states(size: Size) -> float:
    """MB of the states of all steps, recorded or not."""
    return 8e-6 * size.n_steps * size.n_units


def _step(size: Size) -> float:
    """Seconds of one step of a network in a batch."""
    return 1e-5 + 1e-9 * size.n_units**2


def _sweep(size: Size) -> float:
    return 1e-8 * size.n_recorded * size.n_fits


def _train(size: Size) -> Work:
    mb = 500 + 3 * _values(size) + 1e-4 * size.n_units**2
    return Work(mb, 5 + (2 + 2 * size.n_epochs) * size.n_steps * _step(size))


MAKE_DATASET = OfSize(
    lambda s: Work(200 + 6 * _values(s), 5 + 1e-4 * s.n_steps), lambda s: s.n_steps * s.n_values
)
FIND_CEILINGS = OfSize(lambda s: Work(250 + 6 * _values(s), 5 + 1e-4 * s.n_steps))
RAW_INPUT = OfSize(
    lambda s: Work(250 + 4 * (1 + N_LAGS) * _values(s), 5 + 1e-4 * s.n_recorded),
    lambda s: s.n_recorded * s.n_components,
)
TRAIN_NETWORK = OfSize(_train, lambda s: s.n_units**2)
RECORD_ACTIVATIONS = OfSize(
    lambda s: Work(450 + 2 * _states(s), 5 + 10 * s.n_recorded * _step(s)),
    lambda s: s.n_recorded * (s.n_units + s.n_values),
)
FIND_ENDPOINTS = OfSize(lambda s: Work(450 + 2 * _states(s), 10 + 1e6 * _step(s)))
REDUCE_LAYER = OfSize(
    lambda s: Work(300 + 6 * _states(s), 10 + s.n_recorded * (3e-4 + 2e-8 * s.n_units**2)),
    lambda s: s.n_recorded * s.n_components,
)
# The engine keeps its tables below half a gigabyte.
SWEEP_STATES = OfSize(
    lambda s: Work(
        450 + 32e-6 * s.n_recorded * s.n_components + min(540, 1.2e-3 * s.n_recorded),
        5 + _sweep(s),
    ),
    lambda s: s.n_kept * s.n_components**2,
)
VALIDATE_LAYER = OfSize(
    lambda s: Work(
        300 + 4 * _states(s), 10 + s.n_reducers * (1e-3 * s.n_recorded + 0.2 * _sweep(s))
    )
)
INTERPRET_LAYER = OfSize(
    lambda s: Work(250 + 4 * _states(s), 5 + 1e-3 * s.n_recorded), lambda s: s.n_recorded
)
JUDGE_NETWORK = OfSize(
    lambda s: Work(350 + 4 * _states(s), 5 + s.n_networks * (5 + 1e-3 * s.n_recorded))
)
CHECK_NETWORK = OfSize(
    lambda s: Work(350 + 4 * _states(s), 5 + s.n_networks * (10 + 2e-3 * s.n_recorded))
)
JUDGE_RESERVOIRS = OfSize(
    lambda s: Work(600 + 6 * _all_states(s), 5 + s.n_networks * (10 + 2e-4 * s.n_steps))
)
ROUND_TRIP = OfSize(
    lambda s: Work(
        700 + 8 * _all_states(s), 60 + _train(s).seconds + 5 * _sweep(s) + 1e-3 * s.n_steps
    )
)
