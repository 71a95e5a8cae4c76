"""The tasks of a sweep, each all restarts of one covariance type and one number of states."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine import em, initialisation, mstep
from hmmlens.hmm.engine.blocks import Block, Workspace, blocks_of
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.engines import expectation, floats_per_frame
from hmmlens.hmm.engine.initialisation import InitialisationSettings
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior
from hmmlens.hmm.engine.streams import ChunkedData
from hmmlens.hmm.engine.symbols import Categorical
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM, HiddenMarkovModel
from hmmlens.hmm.sweeping import hmmlearn_engine
from hmmlens.hmm.sweeping.kept import keep
from hmmlens.hmm.sweeping.rows import describe, n_floored
from hmmlens.observations import Sequences
from hmmlens.typing import Floats

log = logging.getLogger(__name__)


@dataclass
class SweepSettings:
    """Settings that the tasks of one sweep share; see :class:`hmmlens.HMMSweep`."""

    n_restarts: int
    emission: str
    engine: str
    max_iter: int
    tol: float
    min_covar: float
    random_state: int
    halving: bool
    memory_limit: int
    largest: int
    n_symbols: int
    smoothing: float
    device: str
    wide_initialisation: bool
    initialisation: InitialisationSettings


@dataclass
class SweepData:
    """Train and held-out sequences, and their moments.

    Attributes
    ----------
    train, test : ChunkedData
        In memory, or read again in every step of EM.
    n_frames, n_test : int
        Frames that are observed.
    sample : ndarray of shape (frame, component) or (frame,)
        Train frames for the initialisations: all, or a part of data that are read in chunks.
    centre : ndarray of shape (component,) or None
        Mean of the train frames; None for symbols.
    floor : float
        Smallest variance of every direction.
    """

    train: ChunkedData
    test: ChunkedData | None
    n_frames: int
    n_test: int
    sample: NDArray[Any]
    centre: Floats | None
    floor: float


class FitBuffers:
    """The data packed for one covariance type, and memory to work in, for all numbers of states.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    covariance_type : str
        The covariance type; ``none`` for symbols.
    """

    def __init__(self, data: SweepData, settings: SweepSettings, covariance_type: str) -> None:
        self.covariance_type = covariance_type
        self.family: Family
        if settings.emission == "categorical":
            self.family = Categorical(settings.n_symbols)
        else:
            self.family = Gaussian(covariance_type)
        d = 1 if data.centre is None else len(data.centre)
        rows = settings.n_restarts * settings.largest
        held = floats_per_frame(settings.engine, rows, self.family.n_features(d))

        def _pack(part: Sequences) -> list[Block]:
            limit = settings.memory_limit
            return blocks_of(part.frames, part.lengths, data.centre, held, limit)

        def _packed(source: ChunkedData) -> Callable[[], Iterable[Block]]:
            if source.once is not None:
                blocks = _pack(source.once)
                return lambda: blocks
            return lambda: (block for part in source.chunks() for block in _pack(part))

        self.train = _packed(data.train)
        self.test = None if data.test is None else _packed(data.test)
        self.space = Workspace()


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
        fitted = [_by_hmmlearn(data, settings, covariance_type, one) for one in begin.starts]
    else:
        buffers = FitBuffers(data, settings, covariance_type) if buffers is None else buffers
        fitted = _batched(data, settings, buffers, begin.starts)
    rows, fits = [], {}
    for restart, (row, model) in enumerate(fitted):
        row["seconds"] += begin.seconds
        head = {"covariance_type": covariance_type, "n_states": n_states, "restart": restart}
        rows.append(head | row)
        if model is not None:
            fits[restart] = row["log_likelihood"], model
    return rows, keep(fits, settings.wide_initialisation and settings.emission == "gaussian")


def _batched(
    data: SweepData, settings: SweepSettings, buffers: FitBuffers, begin: list[dict[str, Floats]]
) -> list[tuple[dict[str, Any], HiddenMarkovModel | None]]:
    """Fit all restarts in one batch."""
    family, centre = buffers.family, data.centre
    n_frames, n_states = data.n_frames, len(begin[0]["startprob"])
    prior = Prior(emissionprob=1 + settings.smoothing)
    if centre is not None:
        prior = mstep.floor_prior(
            buffers.covariance_type, data.floor, n_frames, n_states, len(centre)
        )
    back = None if centre is None else -centre
    start = mstep.shift(initialisation.batch(begin, buffers.covariance_type), family, back)
    expect = expectation(settings.engine, settings.device)
    fits = em.fit(
        buffers.train,
        family,
        start,
        prior,
        settings.max_iter,
        settings.tol * n_frames,
        expect,
        halving=settings.halving,
        space=buffers.space,
    )
    held = np.full(len(fits), np.nan)
    good = [i for i, one in enumerate(fits) if one.params is not None]
    if buffers.test is not None and good:
        params = mstep.join([p for one in fits if (p := one.params) is not None])
        stats = em.total(buffers.test, params, family, expect, buffers.space)
        held[good] = stats.log_likelihood / data.n_test
    found = []
    for one, test in zip(fits, held, strict=True):
        model = None if one.params is None else model_of(one.params, buffers, centre)
        row = describe(model, one.log_likelihood, one.entropy, float(test), n_frames)
        drops = np.diff(one.objective) < -1e-9 * n_frames
        row |= {
            "n_iter": len(one.history),
            "converged": one.converged,
            "n_floored": n_floored(model, data.floor),
            "n_rescued": one.n_rescued,
            "n_drops": int(drops.sum()),
            "min_occupancy": one.min_occupancy,
            "seconds": one.seconds,
        }
        found.append((row, model))
    return found


def model_of(params: Parameters, buffers: FitBuffers, centre: Floats | None) -> HiddenMarkovModel:
    """Return the first of a batch as a model of the data before they were centred.

    Parameters
    ----------
    params : Parameters
        A batch of one.
    buffers : FitBuffers
        The packed data.
    centre : ndarray of shape (component,) or None
        What was subtracted from the data.

    Returns
    -------
    GaussianHMM or CategoricalHMM
        A fitted model.
    """
    params = mstep.shift(params, buffers.family, centre)
    emission = [part[0] for part in params.emission]
    if len(emission) == 1:
        return CategoricalHMM.from_parameters(params.startprob[0], params.transmat[0], *emission)
    model = GaussianHMM(len(params.startprob[0]), buffers.covariance_type)
    model.startprob_, model.transmat_ = params.startprob[0], params.transmat[0]
    model.means_, model._covars_ = emission
    return model


def _by_hmmlearn(
    data: SweepData, settings: SweepSettings, covariance_type: str, start: dict[str, Floats]
) -> tuple[dict[str, Any], HiddenMarkovModel | None]:
    """Fit one restart by the reference engine."""
    began = time.perf_counter()
    train, test = data.train.once, None if data.test is None else data.test.once
    assert train is not None, "the sweep has refused this engine otherwise"
    frames, lengths, _ = train
    tol = settings.tol * len(frames)
    if settings.emission == "categorical":
        fit = hmmlearn_engine.fit_categorical(
            frames, lengths, start, settings.max_iter, tol, settings.smoothing
        )
    else:
        fit = hmmlearn_engine.fit_gaussian(
            frames, lengths, covariance_type, start, data.floor, settings.max_iter, tol
        )
    model, held = fit.model, np.nan
    likelihood = entropy = occupancy = np.nan
    if model is not None:
        likelihood = model.score_checked(train)
        if not np.isfinite(likelihood):
            model = None
    if model is not None:
        posteriors, each = model.smooth_checked(train)
        entropy = float(each.sum())
        occupancy = float(posteriors.sum(axis=(0, 1)).min())
        if test is not None:
            held = model.score_checked(test) / len(test.frames)
    row = describe(model, likelihood, entropy, held, data.n_frames)
    return row | {
        "n_iter": len(fit.history),
        "converged": fit.converged,
        "n_floored": n_floored(model, data.floor),
        "n_rescued": int(fit.rescued),
        "n_drops": 0,
        "min_occupancy": occupancy,
        "seconds": time.perf_counter() - began,
    }, model
