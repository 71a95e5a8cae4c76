"""Fitting a model: by EM to all data, or chunk by chunk as they come."""

from __future__ import annotations

import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm import em, streams
from hmmlens.hmm.blocks import Block, Workspace, blocks_of
from hmmlens.hmm.engines import expectation, floats_per_frame
from hmmlens.hmm.inputs import Sequences, check_count
from hmmlens.hmm.parameters import Family, Parameters, Prior, Statistics

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

#: Stepwise EM gives the k-th chunk the weight (k + 2) ** -STEP (Cappe & Moulines 2009; above
#: 1/2 the steps settle, below 1 they still travel far).
STEP = 0.6


class ConvergenceMonitor:
    """Watches EM, as hmmlearn's does; a subclass may decide otherwise when to stop.

    Attributes
    ----------
    history : log-likelihood (with the log prior under ``prior_mode="floor"``) before each step
    iter : steps done
    """

    def __init__(self, tol: float, n_iter: int, verbose: bool) -> None:
        self.tol, self.n_iter, self.verbose = tol, n_iter, verbose
        self.history: list[float] = []
        self.iter = 0

    def _reset(self) -> None:
        self.history.clear()
        self.iter = 0

    def report(self, log_prob: float) -> None:
        """Take note of one step."""
        if self.verbose:
            delta = log_prob - self.history[-1] if self.history else np.nan
            print(f"{self.iter + 1:>10d} {log_prob:>16.8f} {delta:>+16.8f}", file=sys.stderr)
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self) -> bool:
        """Whether the last gain was below ``tol``, or all steps are done."""
        gained = len(self.history) >= 2 and self.history[-1] - self.history[-2] < self.tol
        return self.iter == self.n_iter or gained


class Fitted(ABC):
    """A model that can be fitted; :class:`HiddenMarkovModel` adds what it can tell then."""

    startprob_: Floats
    transmat_: Floats

    n_components: int
    startprob_prior: Any
    transmat_prior: Any
    algorithm: str
    random_state: Any
    n_iter: int
    tol: float
    verbose: bool
    params: str
    init_params: str
    implementation: str
    prior_mode: str
    engine: str
    device: str
    memory_limit: int
    monitor_: ConvergenceMonitor
    _seen: streams.Survey | None = None
    _running: Statistics | None = None
    _n_chunks: int = 0

    # What a kind of emission has to give.

    @abstractmethod
    def log_density(self, frames: NDArray[Any]) -> Floats:
        """Return log P(frame | state) (frame, state) of checked frames."""

    @abstractmethod
    def _check_data(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None,
        mask: ArrayLike | None = None,
        fitted: bool = True,
    ) -> Sequences: ...

    @abstractmethod
    def _init(self, seen: streams.Survey) -> None: ...

    @abstractmethod
    def _family(self) -> Family: ...

    @abstractmethod
    def _centred(self, given: Sequences) -> tuple[Family, Parameters, Floats | None]:
        """Return a family whose features give all of the log density, its batch, and a centre."""

    @abstractmethod
    def _prior(self, seen: streams.Survey, centre: Floats | None) -> Prior: ...

    @abstractmethod
    def _get_emission(self) -> tuple[Floats, ...]: ...

    @abstractmethod
    def _set_emission(self, emission: tuple[Floats, ...]) -> None: ...

    @abstractmethod
    def _draw(self, state: int, rng: Any) -> Any: ...

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Free parameters, as counted by BIC and AIC."""

    def _check_is_fitted(self) -> None:
        if not hasattr(self, "startprob_") or not hasattr(self, "transmat_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(
                f"this {type(self).__name__} has no parameters yet; call fit first"
            )
        for name in ("startprob_", "transmat_"):
            rows = np.atleast_2d(getattr(self, name)).sum(axis=-1)
            # hmmlearn leaves a row of zeros where no transition was ever seen.
            allowed = np.isclose(rows, 1) | ((rows == 0) if name == "transmat_" else False)
            if not allowed.all():
                where = int(np.flatnonzero(~allowed)[0])
                raise DataError(f"row {where} of {name} adds up to {rows[where]:.4g}, not to 1")
        if np.shape(self.startprob_) != (self.n_components,):
            raise DataError(f"startprob_ has shape {np.shape(self.startprob_)}, "
                            f"({self.n_components},) is needed")  # fmt: skip
        if np.shape(self.transmat_) != (self.n_components, self.n_components):
            raise DataError(f"transmat_ has shape {np.shape(self.transmat_)}, "
                            f"({self.n_components}, {self.n_components}) is needed")  # fmt: skip

    # Fitting.

    def fit(
        self, X: Any, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Self:
        """Estimate the parameters by EM.

        Parameters
        ----------
        X : data in one of the layouts of the class; or, for data larger than memory, a Zarr or
            dask array (sequence, time, component), which is read in slices of sequences, or a
            function that returns an iterator over chunks, each an array, (array, lengths) or
            (array, lengths, mask). Every EM step reads them all once and holds one at a time.
        lengths : (sequence); not with a function.
        mask : (sequence, time), or (frame) for flat data, False where a frame was not observed;
            not with a function.
        """
        check_count(self.n_components, "n_components")
        check = partial(self._check_data, fitted=False)
        source = streams.source(X, lengths, mask, check, self.memory_limit)
        seen = streams.survey(source, self.n_components)
        self._init(seen)
        self._check_is_fitted()
        self._seen = None
        held = None if source.once is None else self._pack(source.once, seen)

        def blocks() -> Iterable[Block]:
            if held is not None:
                return held
            return (block for part in source.chunks() for block in self._pack(part, seen))

        self.monitor_._reset()
        (fit,) = em.fit(
            blocks,
            self._family(),
            self._get_batch(seen),
            self._prior(seen, seen.centre),
            self.n_iter,
            -np.inf,
            expectation(self.engine, self.device),
            update=self.params,
            counts_prior=self.prior_mode == "floor",
            final=False,
            on_step=self._report,
        )
        if fit.params is None:
            raise DataError(
                "EM broke down: a likelihood or a parameter is no longer a finite number; "
                'use prior_mode="floor", fewer states or another random_state'
            )
        self._set_batch(fit.params, seen)
        self.n_rescued_ = fit.n_rescued
        return self

    def partial_fit(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Self:
        """Take one step of stepwise EM, an approximation that sees each chunk once or a few times.

        The statistics of the chunk enter a running mean, and the M-step follows (Cappé & Moulines
        2009). The first call also draws the start. A chunk should hold many frames of every state.

        Parameters
        ----------
        X, lengths, mask : a chunk, in one of the layouts of the class.
        """
        check_count(self.n_components, "n_components")
        given = self._check_data(X, lengths, mask, self._seen is not None)
        if self._seen is None:
            self._seen = streams.survey(streams.Source(given, lambda: iter([given])),
                                        self.n_components)  # fmt: skip
            self._init(self._seen)
            self._running, self._n_chunks = None, 0
        else:
            n_frames = self._seen.n_frames + len(given.observed)
            self._seen = replace(self._seen, n_frames=n_frames, sample=given.frames[:0])
        self._check_is_fitted()
        seen, family = self._seen, self._family()
        old = self._get_batch(seen)
        blocks = self._pack(given, seen)
        expect = expectation(self.engine, self.device)
        found = em.total(lambda: blocks, old, family, expect, Workspace())
        mean = found.scaled(1 / len(given.observed))
        if self._running is not None:
            weight = (self._n_chunks + 2) ** -STEP
            mean = mean.scaled(weight)
            mean += self._running.scaled(1 - weight)
        self._running, self._n_chunks = mean, self._n_chunks + 1
        # As if all frames so far had said this, so that priors count as they do in fit.
        stats, prior = mean.scaled(seen.n_frames), self._prior(seen, seen.centre)
        new = em.maximise(old, stats, family, prior, self.params)
        if not em.all_finite(new).all():
            raise DataError("the chunk led to a parameter that is not finite; give larger chunks")
        self._set_batch(new, seen)
        return self

    def _pack(self, part: Sequences, seen: streams.Survey) -> list[Block]:
        n_features = self._family().n_features(seen.n_components)
        held = floats_per_frame(self.engine, self.n_components, n_features)
        return blocks_of(part.frames, part.lengths, seen.centre, held, self.memory_limit)

    def _get_batch(self, seen: streams.Survey) -> Parameters:
        """Return the parameters as a batch of one, means of centred values."""
        emission = tuple(part[None] for part in self._get_emission())
        batch = Parameters(self.startprob_[None], self.transmat_[None], emission)
        return em.shift(batch, self._family(), None if seen.centre is None else -seen.centre)

    def _set_batch(self, batch: Parameters, seen: streams.Survey) -> None:
        found = em.shift(batch, self._family(), seen.centre)
        self.startprob_, self.transmat_ = found.startprob[0], found.transmat[0]
        self._set_emission(tuple(part[0] for part in found.emission))

    def _report(self, log_prob: float) -> bool:
        self.monitor_.report(log_prob)
        return bool(self.monitor_.converged)

    def _dirichlet_start(self) -> Any:
        """Draw start and transition laws where they are asked for, in hmmlearn's order."""
        from sklearn.utils import check_random_state

        rng = check_random_state(self.random_state)
        k = self.n_components
        if self._needs_init("s", "startprob_"):
            self.startprob_ = rng.dirichlet(np.full(k, 1 / k))
        if self._needs_init("t", "transmat_"):
            self.transmat_ = rng.dirichlet(np.full(k, 1 / k), size=k)
        self.startprob_, self.transmat_ = np.asarray(self.startprob_), np.asarray(self.transmat_)

    def _needs_init(self, code: str, name: str) -> bool:
        return code in self.init_params or not hasattr(self, name)
