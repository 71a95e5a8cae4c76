"""The tasks of a sweep, each all restarts of one covariance type and one number of states."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from hmmlens.hmm.engine import initialisation
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.hmm.sweeping.fits import fit_batch, fit_by_hmmlearn
from hmmlens.hmm.sweeping.kept import keep
from hmmlens.hmm.sweeping.task_data import FitBuffers, SweepData, SweepSettings
from hmmlens.typing import Floats

log = logging.getLogger(__name__)


class Initialisations(NamedTuple):
    """What the restarts of one number of states begin with, for all covariance types.

    Attributes
    ----------
    starts : list of dict of ndarray
        One for each restart.
    seconds : float
        What it took, by restart and covariance type.
    """

    starts: list[dict[str, Floats]]
    seconds: float


#: A row for each restart, and the models of :func:`hmmlens.hmm.sweeping.kept.keep`.
Task = tuple[list[dict[str, Any]], dict[int, HiddenMarkovModel]]


def run_all(
    data: SweepData, settings: SweepSettings, grid: list[tuple[str, int]], n_jobs: int
) -> list[Task]:
    """Run all tasks of a sweep.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    grid : list of (str, int)
        Covariance type and state count of each task.
    n_jobs : int
        Number of processes.

    Returns
    -------
    list of Task
        In the order of ``grid``, whatever ``n_jobs``.
    """
    counts = list(dict.fromkeys(n_states for _, n_states in grid))
    n_kinds = len({kind for kind, _ in grid})
    if n_jobs == 1:
        with _one_thread():
            begin = {k: initialise(data, settings, k, n_kinds) for k in counts}
            tasks, buffers = [], None
            for kind, n_states in grid:
                stale = buffers is None or buffers.covariance_type != kind
                if settings.engine != "hmmlearn" and stale:
                    buffers = FitBuffers(data, settings, kind)
                tasks.append(run(data, settings, kind, begin[n_states], buffers))
                best = max(row["log_likelihood"] for row in tasks[-1][0])
                log.info("%s, %d states: log-likelihood %.1f", kind, n_states, best)
        return tasks
    from joblib import Parallel, delayed

    job = delayed(_limited)
    with Parallel(n_jobs=n_jobs) as parallel:
        found = parallel(job(initialise, data, settings, k, n_kinds) for k in counts)
        begin = dict(zip(counts, found, strict=True))
        # The largest first, so that no process is left with one when the others are done.
        order = sorted(range(len(grid)), key=lambda i: -grid[i][1])
        done = parallel(job(run, data, settings, grid[i][0], begin[grid[i][1]]) for i in order)
    return [task for _, task in sorted(zip(order, done, strict=True), key=lambda pair: pair[0])]


def _one_thread() -> Any:
    """Return a context in which linear algebra has one thread.

    One is as fast here as several, and gives the same bits in whatever process.
    """
    # SciPy must be loaded before the limit is set, or the threads of its BLAS escape it.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _limited(function: Callable[..., Any], *arguments: Any) -> Any:
    with _one_thread():
        return function(*arguments)


def initialise(
    data: SweepData, settings: SweepSettings, n_states: int, n_kinds: int
) -> Initialisations:
    """Return what the restarts of one number of states begin with.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    n_states : int
        Number of states.
    n_kinds : int
        Number of covariance types, which share the time.

    Returns
    -------
    Initialisations
        The same for every covariance type.
    """
    began = time.perf_counter()
    # With one state every start gives the same model.
    n_restarts = settings.n_restarts if n_states > 1 else 1
    seed, frames = settings.random_state, data.sample
    if settings.emission == "categorical":
        starts = initialisation.categorical_initialisations(
            frames, settings.n_symbols, n_states, n_restarts, seed, settings.initialisation
        )
    else:
        starts = initialisation.gaussian_initialisations(
            frames, n_states, n_restarts, data.floor, seed, settings.wide_initialisation,
            settings.initialisation,
        )  # fmt: skip
    return Initialisations(starts, (time.perf_counter() - began) / (n_restarts * n_kinds))


def run(
    data: SweepData,
    settings: SweepSettings,
    covariance_type: str,
    begin: Initialisations,
    buffers: FitBuffers | None = None,
) -> Task:
    """Run one task of a sweep.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    covariance_type : str
        The covariance type; ``none`` for symbols.
    begin : Initialisations
        What the restarts begin with.
    buffers : FitBuffers, optional
        Those of this covariance type; None makes them.

    Returns
    -------
    Task
        A row for each restart, and the models of :func:`hmmlens.hmm.sweeping.kept.keep`.
    """
    n_states = len(begin.starts[0]["startprob"])
    if settings.engine == "hmmlearn":
        fitted = [fit_by_hmmlearn(data, settings, covariance_type, one) for one in begin.starts]
    else:
        buffers = FitBuffers(data, settings, covariance_type) if buffers is None else buffers
        fitted = fit_batch(data, settings, buffers, begin.starts)
    rows, fits = [], {}
    for restart, (row, model) in enumerate(fitted):
        row["seconds"] += begin.seconds
        head = {"covariance_type": covariance_type, "n_states": n_states, "restart": restart}
        rows.append(head | row)
        if model is not None:
            fits[restart] = row["log_likelihood"], model
    return rows, keep(fits, settings.wide_initialisation and settings.emission == "gaussian")
