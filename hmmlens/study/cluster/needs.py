"""Memory and time that a job asks a cluster for, by a model of its work.

The peak of memory and the seconds of every rule were measured on studies of 2,000 to 300,000
steps, networks of 8 to 128 units and sweeps of 4 to 8 numbers of states, with one thread. The terms
below lie above all of them; ``tests/study/cluster/test_needs.py`` has the figures and compares. A
job asks for twice the memory and eight times the time, because nodes differ, and each attempt after
a failure for twice as much again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from hmmlens.naming import N_LAGS
from hmmlens.study.cluster.sizes import Size

#: Memory of the two processes of Snakemake that SLURM counts beside a job's own.
SNAKEMAKE_MB = 400
MEMORY_MARGIN, TIME_MARGIN = 2, 8
#: Minutes that a job may take to find its files and libraries on a busy file system.
START_MINUTES = 5


class Work(NamedTuple):
    """Peak of memory, in MB, and seconds of one job."""

    mb: float
    seconds: float


class Need(NamedTuple):
    """What a job asks for: memory in MB, time in minutes."""

    mem_mb: int
    runtime: int


def _values(size: Size) -> float:
    """MB of all inputs and targets, as floats of 8 bytes."""
    return 8e-6 * size.n_steps * size.n_values


def _states(size: Size) -> float:
    """MB of the recorded states of all layers."""
    return 8e-6 * size.n_recorded * size.n_units


def _step(size: Size) -> float:
    """Seconds of one step of a network in a batch."""
    return 1e-5 + 1e-9 * size.n_units**2


def _sweep(size: Size) -> float:
    return 1e-8 * size.n_recorded * size.n_fits


def _train(size: Size) -> Work:
    mb = 500 + 3 * _values(size) + 1e-4 * size.n_units**2
    return Work(mb, 5 + (2 + 2 * size.n_epochs) * size.n_steps * _step(size))


def _all_states(size: Size) -> float:
    """MB of the states of all steps, recorded or not."""
    return 8e-6 * size.n_steps * size.n_units


#: rule -> its work. A rule that is not here stays on the login node.
WORK: dict[str, Callable[[Size], Work]] = {
    "make_dataset": lambda s: Work(200 + 6 * _values(s), 5 + 1e-4 * s.n_steps),
    "find_ceilings": lambda s: Work(250 + 6 * _values(s), 5 + 1e-4 * s.n_steps),
    "raw_input": lambda s: Work(250 + 4 * (1 + N_LAGS) * _values(s), 5 + 1e-4 * s.n_recorded),
    "train_network": _train,
    "load_network": _train,
    "record_activations": lambda s: Work(450 + 2 * _states(s), 5 + 10 * s.n_recorded * _step(s)),
    "find_endpoints": lambda s: Work(450 + 2 * _states(s), 10 + 1e6 * _step(s)),
    "reduce_layer": lambda s: Work(
        300 + 6 * _states(s), 10 + s.n_recorded * (3e-4 + 2e-8 * s.n_units**2)
    ),
    # The engine keeps its tables below half a gigabyte.
    "sweep_states": lambda s: Work(
        450 + 32e-6 * s.n_recorded * s.n_components + min(540, 1.2e-3 * s.n_recorded),
        5 + _sweep(s),
    ),
    "validate_layer": lambda s: Work(
        300 + 4 * _states(s), 10 + s.n_reducers * (1e-3 * s.n_recorded + 0.2 * _sweep(s))
    ),
    "interpret_layer": lambda s: Work(250 + 4 * _states(s), 5 + 1e-3 * s.n_recorded),
    "judge_network": lambda s: Work(
        350 + 4 * _states(s), 5 + s.n_networks * (5 + 1e-3 * s.n_recorded)
    ),
    "check_network": lambda s: Work(
        350 + 4 * _states(s), 5 + s.n_networks * (10 + 2e-3 * s.n_recorded)
    ),
    "judge_reservoirs": lambda s: Work(
        600 + 6 * _all_states(s), 5 + s.n_networks * (10 + 2e-4 * s.n_steps)
    ),
    "round_trip": lambda s: Work(
        700 + 8 * _all_states(s), 60 + _train(s).seconds + 5 * _sweep(s) + 1e-3 * s.n_steps
    ),
}


def need(rule: str, size: Size, attempt: int = 1) -> Need:
    """Return what a job asks for.

    Parameters
    ----------
    rule : its name.
    size : of its work, see :mod:`hmmlens.study.cluster.sizes`.
    attempt : 1, and one more after each failure.
    """
    work, again = WORK[rule](size), 2 ** (attempt - 1)
    memory = (SNAKEMAKE_MB + MEMORY_MARGIN * work.mb) * again
    minutes = (START_MINUTES + TIME_MARGIN * work.seconds / 60) * again
    return Need(100 * ceil(memory / 100), ceil(minutes))
