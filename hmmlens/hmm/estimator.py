"""What does not depend on the kind of emission: fitting, scores, posteriors, paths, samples."""

from __future__ import annotations

import inspect
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm import em, inference, streams
from hmmlens.hmm.blocks import Block, blocks_of
from hmmlens.hmm.emissions import Family, Parameters, Prior
from hmmlens.hmm.engines import expectation
from hmmlens.hmm.inference import Filtered
from hmmlens.hmm.inputs import Sequences

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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


class HiddenMarkovModel(ABC):
    """Base of :class:`GaussianHMM` and :class:`CategoricalHMM`, whose parameters it documents.

    Data are *flat* as in hmmlearn, one sequence after another, with ``lengths`` that add up to
    the number of frames; or *padded* (sequence, time, ...) with the length of each sequence.
    What comes out for each frame has the layout of the data.
    """

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
    memory_limit: int
    monitor_: ConvergenceMonitor

    # What a kind of emission has to give.

    @abstractmethod
    def log_density(self, frames: NDArray[Any]) -> Floats:
        """Return log P(frame | state) (frame, state) of checked frames."""

    @abstractmethod
    def _check_data(self, X: ArrayLike, lengths: ArrayLike | None, fitted: bool) -> Sequences: ...

    @abstractmethod
    def _check_ours(self, X: ArrayLike, lengths: ArrayLike | None) -> Sequences: ...

    @abstractmethod
    def _init(self, seen: streams.Survey) -> None: ...

    @abstractmethod
    def _family(self) -> Family: ...

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

    # scikit-learn's habits.

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set the constructor's arguments."""
        known = inspect.signature(type(self)).parameters
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{name!r} is no parameter of {type(self).__name__}")
            setattr(self, name, value)
        self.monitor_ = ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if not _same(value, defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(given)})"

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

    def fit(self, X: Any, lengths: ArrayLike | None = None) -> Self:
        """Estimate the parameters by EM.

        Parameters
        ----------
        X : data in one of the layouts of the class; or, for data larger than memory, a Zarr or
            dask array (sequence, time, component), which is read in slices of sequences, or a
            function that returns an iterator over chunks, each an array or a pair (array,
            lengths). Every EM step reads them all once and holds one at a time.
        lengths : (sequence); not with a function.
        """
        source = streams.source(X, lengths, lambda x, n: self._check_data(x, n, False),
                                self.memory_limit)  # fmt: skip
        seen = streams.survey(source, self.n_components)
        self._init(seen)
        self._check_is_fitted()
        self._run(source, seen)
        return self

    def _run(self, source: streams.Source, seen: streams.Survey) -> None:
        family, centre = self._family(), seen.centre
        limit = self.memory_limit
        rows = self.n_components
        n_features = family.n_features(seen.n_components)

        def packed(part: Sequences) -> list[Block]:
            return blocks_of(part.frames, part.lengths, centre, n_features, rows, limit)

        held = None if source.once is None else packed(source.once)

        def blocks() -> Iterable[Block]:
            if held is not None:
                return held
            return (block for part in source.chunks() for block in packed(part))

        self.monitor_._reset()
        emission = tuple(part[None] for part in self._get_emission())
        start = Parameters(self.startprob_[None], self.transmat_[None], emission)
        (fit,) = em.fit(
            blocks,
            family,
            em.shift(start, family, None if centre is None else -centre),
            self._prior(seen, centre),
            self.n_iter,
            -np.inf,
            expectation(self.engine),
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
        found = em.shift(fit.params, family, centre)
        self.startprob_, self.transmat_ = found.startprob[0], found.transmat[0]
        self._set_emission(tuple(part[0] for part in found.emission))
        self.n_rescued_ = fit.n_rescued

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

    # Scores.

    def _observe(self, given: Sequences) -> tuple[Floats, NDArray[np.bool_]]:
        """Return log densities (sequence, time, state), 0 past the end, and the mask inside."""
        flat = self.log_density(given.frames)
        inside = given.padded(np.ones(len(flat), dtype=bool), False)
        return given.padded(flat, 0.0), inside.astype(bool)

    def _forward(self, given: Sequences) -> tuple[Filtered, NDArray[np.bool_]]:
        density, inside = self._observe(given)
        return inference.forward(self.startprob_, self.transmat_, density, inside), inside

    def filter(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Filtered:
        """Return filtered posteriors and log-likelihoods (Rabiner 1989, eq. 19 to 21)."""
        self._check_is_fitted()
        given = self._check_ours(X, lengths)
        passed, inside = self._forward(given)
        posteriors, predicted = np.exp(passed.posteriors), np.exp(passed.predicted)
        if given.inside is None:
            posteriors, predicted = posteriors[inside], predicted[inside]
        return Filtered(posteriors, predicted, passed.log_likelihood)

    def smooth(self, X: ArrayLike, lengths: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Return smoothed posteriors and each sequence's state entropy.

        Returns
        -------
        posteriors : (sequence, time, state), or (frame, state) for flat data
        entropy : (sequence), H(state path | data) in nats (Hernando et al. 2005)
        """
        self._check_is_fitted()
        return self.smooth_of(self._check_ours(X, lengths))

    def score_samples(self, X: ArrayLike, lengths: ArrayLike | None = None) -> tuple[float, Floats]:
        """Return the log-likelihood of all sequences and the smoothed posteriors."""
        self._check_is_fitted()
        given = self._check_data(X, lengths, True)
        passed, inside = self._forward(given)
        gamma, _ = inference.smooth(passed, self.transmat_, inside)
        gamma = gamma if given.inside is not None else gamma[inside]
        return float(passed.log_likelihood.sum()), gamma

    def score(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Return the log-likelihood of all sequences together, in nats."""
        self._check_is_fitted()
        return self.score_of(self._check_data(X, lengths, True))

    def score_of(self, given: Sequences) -> float:
        """Return the log-likelihood of data that have been checked."""
        return float(self._forward(given)[0].log_likelihood.sum())

    def smooth_of(self, given: Sequences) -> tuple[Floats, Floats]:
        """Return what :meth:`smooth` does, of data that have been checked."""
        passed, inside = self._forward(given)
        gamma, entropy = inference.smooth(passed, self.transmat_, inside)
        return (gamma if given.inside is not None else gamma[inside]), entropy

    def predict_proba(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Floats:
        """Return smoothed posteriors (sequence, time, state), or (frame, state) for flat data."""
        return self.score_samples(X, lengths)[1]

    def decode(
        self, X: ArrayLike, lengths: ArrayLike | None = None, algorithm: str | None = None
    ) -> tuple[float, Ints]:
        """Return the best states and their score.

        Parameters
        ----------
        algorithm : ``viterbi``, the best path and its log probability; or ``map``, the best state
            of each step by itself and the sum of their posteriors. None takes the constructor's.

        Returns
        -------
        score : float
        states : (sequence, time), -1 past the end; or (frame) for flat data
        """
        self._check_is_fitted()
        algorithm = algorithm or self.algorithm
        if algorithm not in ("viterbi", "map"):
            raise ValueError(f"algorithm must be viterbi or map, found {algorithm!r}")
        given = self._check_data(X, lengths, True)
        density, inside = self._observe(given)
        laws = self.startprob_, self.transmat_
        if algorithm == "viterbi":
            path, best = inference.viterbi(*laws, density, inside)
            total = float(best.sum())
        else:
            gamma, _ = inference.smooth(
                inference.forward(*laws, density, inside), self.transmat_, inside
            )
            path = np.where(inside, gamma.argmax(axis=2), -1)
            total = float(gamma.max(axis=2)[inside].sum())
        return total, (path if given.inside is not None else path[inside])

    def predict(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Ints:
        """Return the best states, see :meth:`decode`."""
        return self.decode(X, lengths)[1]

    def bic(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Return -2 log L + m log N, N being the number of frames; the lower the better."""
        self._check_is_fitted()
        n_frames = len(self._check_data(X, lengths, True).frames)
        return -2 * self.score(X, lengths) + self.n_parameters * float(np.log(n_frames))

    def aic(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Return -2 log L + 2 m; the lower the better."""
        return -2 * self.score(X, lengths) + 2 * self.n_parameters

    def icl(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Return BIC + 2 H(states | data), which counts unclear states against a model.

        Biernacki, Celeux & Govaert (2000), with the entropy of whole state paths.
        """
        self._check_is_fitted()
        given = self._check_data(X, lengths, True)
        return self.bic(X, lengths) + 2 * float(self.smooth_of(given)[1].sum())

    # The chain.

    def get_stationary_distribution(self) -> Floats:
        """Return the law (state) that the transitions leave as it is."""
        self._check_is_fitted()
        k = self.n_components
        system = np.vstack([self.transmat_.T - np.eye(k), np.ones(k)])
        law: Floats = np.linalg.lstsq(system, np.r_[np.zeros(k), 1.0], rcond=None)[0]
        return law

    def sample(
        self, n_samples: int = 1, random_state: Any = None, currstate: int | None = None
    ) -> tuple[NDArray[Any], Ints]:
        """Draw one sequence.

        Parameters
        ----------
        currstate : the first state; None draws it.

        Returns
        -------
        X : (frame, component), or (frame, 1) of symbols
        states : (frame)
        """
        from sklearn.utils import check_random_state

        self._check_is_fitted()
        rng = check_random_state(self.random_state if random_state is None else random_state)
        limits = np.cumsum(self.transmat_, axis=1)
        if currstate is None:
            currstate = int((np.cumsum(self.startprob_) > rng.rand()).argmax())
        states, frames = [currstate], [self._draw(currstate, rng)]
        for _ in range(n_samples - 1):
            currstate = int((limits[currstate] > rng.rand()).argmax())
            states.append(currstate)
            frames.append(self._draw(currstate, rng))
        return np.atleast_2d(frames), np.array(states, dtype=np.int64)


def _same(value: Any, default: Any) -> bool:
    return value is default or (np.ndim(value) == 0 and value == default)
