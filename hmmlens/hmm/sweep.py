"""Fit hidden Markov models with many state counts and restarts to one data set."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hmmlens import observations
from hmmlens.arrays import counts, seed
from hmmlens.errors import DataError
from hmmlens.hmm import checks, data_summary, selection, sweep_tasks
from hmmlens.hmm.engine import streams
from hmmlens.hmm.engine.blocks import MEMORY_LIMIT
from hmmlens.hmm.engine.covariances import COVARIANCE_TYPES
from hmmlens.hmm.engine.engines import ENGINES, expectation
from hmmlens.hmm.engine.streams import Source
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.observations import Sequences

log = logging.getLogger(__name__)


class HMMSweep:
    """All state counts, covariance types and restarts of one data set.

    Parameters
    ----------
    n_states : state counts to fit, or one count; 1 is the baseline without states.
    covariance_types : some of spherical, diag, full, tied, or one; not used for symbols.
    n_restarts : fits from different starts for each count; one is enough for a single state.
    emission : ``gaussian`` for values, ``categorical`` for symbols.
    n_symbols : symbols are 0 to ``n_symbols - 1``; None takes all up to the largest of the train
        and held-out data.
    smoothing : frames that are added to every symbol's count in every state (Lidstone's law), so
        that a symbol that train never showed has a small probability and a held-out likelihood is
        finite. 0 gives the likeliest laws, with a held-out likelihood of minus infinity then.
    engine : ``numpy``; ``torch``; or ``hmmlearn``, the reference.
    device : of torch: ``cpu``, ``cuda``, or ``auto`` for the latter where there is one.
    max_iter, tol : EM stops after so many steps, or when one gains less than ``tol`` nats per
        frame.
    min_covar : variance added to every direction, relative to the data's mean variance.
    random_state : seed of the starts, or a ``RandomState`` or ``Generator`` that gives one; None
        takes a fresh one. A restart's start depends on it, on the state count and on the restart's
        number, not on what else is fitted.
    wide_starts : whether every other restart starts from frames at random and the covariance of
        all, from where EM also finds states that share a place and differ in spread. They are often
        likelier; without them all starts are those of k-means, and states are places.
    halving : give up the worse half of the restarts after 10 steps and again after 25, as long as
        4 are left. What was given up is not ``converged``.
    n_jobs : processes; the numbers do not depend on it.
    memory_limit : bytes that EM may take in each process beside the data.

    Attributes
    ----------
    results_ : DataFrame, one row per fit: ``covariance_type, n_states, restart, log_likelihood,
        bic, aic, icl, held_out, n_parameters, n_iter, converged, n_floored, n_rescued, n_drops,
        min_occupancy, seconds``. Likelihoods are in nats over all train frames, ``held_out`` in
        nats per frame. ``n_floored`` counts eigenvalues of covariances that are mostly floor,
        ``n_rescued`` sequences that one EM step had to do in log space, ``n_drops`` steps in which
        the (penalised) likelihood fell; ``min_occupancy`` is the number of frames in the rarest
        state. A fit that broke down has NaN.
    models_ : dict (covariance_type, n_states) -> model of the best restart by likelihood.
    random_state_ : the seed that was used; given as ``random_state``, it repeats the fit.
    n_frames_ : train frames.
    n_components_ : components of a frame; 1 for symbols.
    sample_sizes_ : see :func:`hmmlens.hmm.selection.sample_sizes`.
    audit_ : DataFrame, what makes fits doubtful, see :func:`hmmlens.hmm.selection.audit`.
    bic_by_sample_size_ : what BIC chooses with each of the sample sizes, see
        :func:`hmmlens.hmm.selection.bic_by_sample_size`.
    constant_ : components that never move.
    """

    def __init__(
        self,
        n_states: int | Iterable[int] = range(1, 11),
        covariance_types: str | Sequence[str] = ("tied",),
        n_restarts: int = 3,
        emission: str = "gaussian",
        engine: str = "numpy",
        max_iter: int = 50,
        tol: float = 1e-5,
        min_covar: float = 1e-3,
        random_state: Any = 0,
        halving: bool = False,
        n_jobs: int = 1,
        memory_limit: int = MEMORY_LIMIT,
        n_symbols: int | None = None,
        smoothing: float = 0.01,
        device: str = "auto",
        wide_starts: bool = True,
    ) -> None:
        self.n_states = counts(n_states)
        if isinstance(covariance_types, str):
            covariance_types = [covariance_types]
        self.covariance_types: list[str] = list(covariance_types)
        self.n_restarts = n_restarts
        self.emission = emission
        self.engine = engine
        self.max_iter = max_iter
        self.tol = tol
        self.min_covar = min_covar
        self.random_state = random_state
        self.halving = halving
        self.n_jobs = n_jobs
        self.memory_limit = memory_limit
        self.n_symbols = n_symbols
        self.smoothing = smoothing
        self.device = device
        self.wide_starts = wide_starts

    def fit(
        self,
        X: Any,
        lengths: ArrayLike | None = None,
        held_out: Any = None,
        held_out_lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        held_out_mask: ArrayLike | None = None,
    ) -> Self:
        """Fit every model to ``X``.

        Parameters
        ----------
        X, held_out : (sequence, time, component) values or (sequence, time) symbols, or a list of
            sequences; or, with lengths, frames one sequence after another. Data larger than the
            memory come in chunks, as a Zarr or dask array or a function, see
            :meth:`hmmlens.GaussianHMM.fit`.
        lengths, held_out_lengths : (sequence); None where all are whole, or where the data carry
            their lengths, as DataArrays of :func:`hmmlens.extract` and :func:`hmmlens.reduce` do.
        mask, held_out_mask : (sequence, time), or (frame) with frames one after another; False
            where a frame was not observed. The hmmlearn engine takes none.

        Raises
        ------
        DataError
            When an argument is of no use, or data have the wrong shape, hold NaN or infinity, or
            have fewer frames than states.
        """
        self._check_settings()
        self.random_state_ = seed(self.random_state)
        if self.engine == "hmmlearn" and (mask is not None or held_out_mask is not None):
            raise DataError('mask needs engine="numpy" or "torch"; hmmlearn knows no mask')
        train = self._source(X, lengths, "X", mask)
        seen, self.sample_sizes_ = data_summary.look(train, max(self.n_states))
        symbols = self.emission == "categorical"
        self.n_frames_ = seen.n_frames
        self.n_components_ = seen.n_components
        test, n_test, largest = None, 0, seen.largest
        if held_out is not None:
            width = None if symbols else self.n_components_
            test = self._source(held_out, held_out_lengths, "held_out", held_out_mask, width)
            for part in test.chunks():
                n_test += len(part.observed)
                largest = max(largest, int(part.frames.max())) if symbols else -1
        n_symbols = (self.n_symbols or largest + 1) if symbols else 0
        floor, self.constant_ = 0.0, []
        if not symbols:
            variance = np.diagonal(seen.covariance)
            checks.spread(variance)
            floor = self.min_covar * float(variance.mean())
            self.constant_ = observations.tell_constant_columns(seen.covariance)
        data = sweep_tasks.Data(train, test, seen.n_frames, n_test, seen.sample, seen.centre, floor)
        settings = sweep_tasks.Settings(
            self.n_restarts, self.emission, self.engine, self.max_iter, self.tol, self.min_covar,
            self.random_state_, self.halving, self.memory_limit, max(self.n_states),
            n_symbols, self.smoothing, self.device, self.wide_starts,
        )  # fmt: skip
        kinds = ["none"] if symbols else self.covariance_types
        wanted = [(kind, n_states) for kind in kinds for n_states in self.n_states]
        self.models_: dict[tuple[str, int], HiddenMarkovModel] = {}
        rows = []
        for task, (found, model) in zip(wanted, self._run(data, settings, wanted), strict=True):
            rows.extend(found)
            if model is not None:
                self.models_[task] = model
        self.results_ = pd.DataFrame(rows)
        return self

    @property
    def audit_(self) -> pd.DataFrame:
        """What makes fits doubtful."""
        return selection.audit(self.results_, self.n_components_, self.sample_sizes_)

    @property
    def bic_by_sample_size_(self) -> selection.Penalties:
        """What BIC chooses with each sample size."""
        return selection.bic_by_sample_size(self.results_, self.sample_sizes_)

    def _run(
        self, data: sweep_tasks.Data, settings: sweep_tasks.Settings, wanted: list[tuple[str, int]]
    ) -> list[sweep_tasks.Task]:
        """Return the results of all tasks in their order."""
        if self.n_jobs == 1:
            found, bench = [], None
            for kind, n_states in wanted:
                if self.engine != "hmmlearn" and (bench is None or bench.covariance_type != kind):
                    bench = sweep_tasks.Bench(data, settings, kind)
                found.append(sweep_tasks.run(data, settings, kind, n_states, bench))
                best = max(row["log_likelihood"] for row in found[-1][0])
                log.info("%s, %d states: log-likelihood %.1f", kind, n_states, best)
            return found
        from joblib import Parallel, delayed

        # The largest first, so that no process is left with one when the others are done.
        order = sorted(range(len(wanted)), key=lambda i: -wanted[i][1])
        done = Parallel(n_jobs=self.n_jobs)(
            delayed(sweep_tasks.run)(data, settings, *wanted[i]) for i in order
        )
        return [task for _, task in sorted(zip(order, done, strict=True), key=lambda pair: pair[0])]

    def _check_settings(self) -> None:
        for n_states in self.n_states:
            observations.check_count(n_states, "each of n_states")
        if not self.n_states or len(set(self.n_states)) < len(self.n_states):
            raise DataError(f"n_states must hold each number once, found {self.n_states}")
        for name in ("n_restarts", "max_iter", "memory_limit"):
            observations.check_count(getattr(self, name), name)
        if self.n_symbols is not None:
            observations.check_count(self.n_symbols, "n_symbols")
        if self.emission not in ("gaussian", "categorical"):
            raise DataError(f"emission must be gaussian or categorical, found {self.emission!r}")
        kinds = self.covariance_types
        known = kinds and set(kinds) <= set(COVARIANCE_TYPES) and len(set(kinds)) == len(kinds)
        if self.emission == "gaussian" and not known:
            raise DataError(
                f"covariance_types must be some of {', '.join(COVARIANCE_TYPES)}, found {kinds}"
            )
        for name in ("min_covar", "smoothing"):
            checks.number(getattr(self, name), name, 0)
        checks.number(self.tol, "tol")
        if self.engine not in (*ENGINES, "hmmlearn"):
            raise DataError(
                f"engine must be one of {', '.join(ENGINES)}, hmmlearn, found {self.engine!r}"
            )
        if self.engine != "hmmlearn":
            expectation(self.engine, self.device)

    def _source(
        self,
        X: Any,
        lengths: ArrayLike | None,
        name: str,
        mask: ArrayLike | None,
        n_components: int | None = None,
    ) -> Source:
        """Return data that can be read again and again, checked."""

        def check(X: Any, lengths: ArrayLike | None, mask: ArrayLike | None) -> Sequences:
            return self._check(X, lengths, name, mask, n_components)

        found = streams.source(X, lengths, mask, check, self.memory_limit)
        if found.once is None and self.engine == "hmmlearn":
            raise DataError(f"the hmmlearn engine wants {name} as an array, not in chunks")
        return found

    def _check(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None,
        name: str,
        mask: ArrayLike | None,
        n_components: int | None = None,
    ) -> Sequences:
        if self.emission == "categorical":
            return observations.symbols(X, lengths, self.n_symbols, name, mask)
        found = observations.values(X, lengths, n_components, name, mask)
        if found.inside is None and lengths is None:
            raise DataError(
                f"{name} has shape {found.frames.shape}; (sequence, time, component) is needed"
            )
        return found
