"""A hidden Markov model whose states are linear dynamics: the baseline for autocorrelated data.

x_t = b_k + A_k x_{t-1} + e_t in state k, e_t Gaussian with one covariance for all states
(Hamilton 1990). Where activations only drift, one such state explains what a Gaussian hidden Markov
model needs many for.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from hmmlens.arguments import check_count
from hmmlens.errors import DataError
from hmmlens.hmm import checks, inference
from hmmlens.hmm.engine.covariances import roots
from hmmlens.hmm.estimator import Estimator
from hmmlens.hmm.inference import FilterResult
from hmmlens.ragged import steps_inside
from hmmlens.typing import Floats, Ints


class ARHMM(Estimator):
    """An autoregressive hidden Markov model of order 1, fitted by EM from k-means clusters.

    Parameters
    ----------
    n_states : int
        Number of states.
    max_iter : int, default=50
        Largest number of EM steps.
    tol : float, default=1e-4
        EM stops when a step gains less, nats per frame.
    floor : float, default=1e-6
        Added to every variance, relative to the mean variance of the data.
    random_state : int, default=0
        Seed of k-means.

    Attributes
    ----------
    startprob_ : ndarray of shape (state,)
        Initial distribution.
    transmat_ : ndarray of shape (state, next_state)
        Transition probabilities.
    weights_ : ndarray of shape (state, 1 + component, component)
        ``b_k`` above the transpose of ``A_k``.
    covariance_ : ndarray of shape (component, component)
        Covariance of e_t.
    log_likelihoods_ : list of float
        Before each step of EM, nats per frame.

    Examples
    --------
    >>> from hmmlens.hmm import ARHMM
    >>> rng = np.random.default_rng(0)
    >>> states = np.tile(np.arange(60) // 10 % 2, (8, 1))
    >>> values = 4.0 * states[..., None] + rng.normal(size=(8, 60, 1))
    >>> model = ARHMM(n_states=2).fit(values, np.full(8, 60))
    >>> model.filter(values, np.full(8, 60)).posteriors.shape
    (8, 60, 2)
    """

    startprob_: Floats
    transmat_: Floats
    weights_: Floats
    covariance_: Floats

    def __init__(
        self,
        n_states: int,
        max_iter: int = 50,
        tol: float = 1e-4,
        floor: float = 1e-6,
        random_state: int = 0,
    ) -> None:
        self.n_states, self.max_iter, self.tol = n_states, max_iter, tol
        self.floor, self.random_state = floor, random_state

    def fit(self, values: Floats, length: Ints) -> Self:
        """Fit to sequences; the first step of each is only conditioned on.

        Parameters
        ----------
        values : ndarray of shape (sequence, time, component)
            Values; what stands past a sequence's end is not used.
        length : ndarray of int of shape (sequence,)
            Steps of each sequence.

        Returns
        -------
        self
            The fitted model.

        Raises
        ------
        DataError
            When a setting is unsound, there are fewer steps than states need, or nothing varies.
        """
        check_count(self.n_states, "n_states")
        check_count(self.max_iter, "max_iter")
        checks.number(self.tol, "tol")
        checks.number(self.floor, "floor", 0)
        past, now, inside = _pairs(values, length)
        n, d = int(inside.sum()), values.shape[2]
        if n < self.n_states * (d + 2):
            raise DataError(
                f"{n} steps are too few for {self.n_states} autoregressive states of {d} "
                "components; give more data, fewer components or fewer states"
            )
        checks.spread(now[inside].var(axis=0), "values")
        self._floor = self.floor * float(now[inside].var(axis=0).mean())
        gamma = self._start(now, inside)
        self.startprob_ = np.full(self.n_states, 1 / self.n_states)
        self.transmat_ = np.full((self.n_states, self.n_states), 0.2 / self.n_states)
        self.transmat_ += 0.8 * np.eye(self.n_states)
        self._regress(past[inside], now[inside], gamma[inside])
        self.log_likelihoods_: list[float] = []
        for _ in range(self.max_iter):
            density = self._log_density(past, now, inside)
            passed = inference.forward(self.startprob_, self.transmat_, density, inside)
            self.log_likelihoods_.append(float(passed.log_likelihood.sum()) / n)
            if len(self.log_likelihoods_) > 1:
                before, last = self.log_likelihoods_[-2:]
                if last - before < self.tol:
                    break
            gamma = inference.smooth(passed, self.transmat_, inside)[0]
            self._move(passed, gamma, inside)
            self._regress(past[inside], now[inside], gamma[inside])
        return self

    def filter(self, values: Floats, length: Ints) -> FilterResult:
        """Return filtered posteriors.

        Parameters
        ----------
        values : ndarray of shape (sequence, time, component)
            Values; what stands past a sequence's end is not used.
        length : ndarray of int of shape (sequence,)
            Steps of each sequence.

        Returns
        -------
        FilterResult
            Probabilities, 0 past a sequence's end. The first step of a sequence, which has none
            before it, gets the initial distribution.

        Raises
        ------
        DataError
            When a parameter is unsound.
        """
        self._check()
        past, now, inside = _pairs(values, length)
        density = self._log_density(past, now, inside)
        passed = inference.forward(self.startprob_, self.transmat_, density, inside)
        first = np.broadcast_to(self.startprob_, (len(values), 1, self.n_states))
        distributions = (np.exp(logs) for logs in (passed.posteriors, passed.predicted))
        filtered, predicted = (
            np.concatenate([first, distribution], axis=1) for distribution in distributions
        )
        return FilterResult(filtered, predicted, passed.log_likelihood)

    def _check(self) -> None:
        k, d = self.n_states, np.shape(self.covariance_)[0]
        self.startprob_ = checks.distributions(self.startprob_, "startprob_", (k,))
        self.transmat_ = checks.distributions(self.transmat_, "transmat_", (k, k))
        self.weights_ = checks.numbers(self.weights_, "weights_", (k, 1 + d, d))
        self.covariance_ = checks.numbers(self.covariance_, "covariance_", (d, d))

    def _start(self, now: Floats, inside: NDArray[np.bool_]) -> Floats:
        """Return posteriors that assign each step to its cluster of k-means."""
        from sklearn.cluster import KMeans

        labels = KMeans(self.n_states, n_init=1, random_state=self.random_state).fit_predict(
            now[inside]
        )
        gamma = np.zeros((*inside.shape, self.n_states))
        gamma[inside] = np.eye(self.n_states)[labels]
        return gamma

    def _regress(self, past: Floats, now: Floats, gamma: Floats) -> None:
        """Set weights and covariance from weighted least squares over frames."""
        design = np.c_[np.ones(len(past)), past]
        weights, scatter = [], np.zeros((now.shape[1], now.shape[1]))
        for k in range(self.n_states):
            weighted = design * gamma[:, k, None]
            gram = weighted.T @ design
            # For a state with too few steps to determine its weights.
            gram += 1e-9 * max(float(np.trace(gram)), 1e-9) * np.eye(len(gram))
            coefficients = np.linalg.solve(gram, weighted.T @ now)
            residual = now - design @ coefficients
            scatter += (residual * gamma[:, k, None]).T @ residual
            weights.append(coefficients)
        self.weights_ = np.stack(weights)
        self.covariance_ = scatter / len(now) + self._floor * np.eye(now.shape[1])

    def _move(self, passed: FilterResult, gamma: Floats, inside: NDArray[np.bool_]) -> None:
        """Set start and transitions from the posteriors (Rabiner 1989, eq. 40)."""
        self.startprob_ = gamma[:, 0][inside[:, 0]].mean(axis=0)
        both = inside[:, 1:]
        ahead = np.where(np.isfinite(passed.predicted), passed.predicted, 0.0)[:, 1:][both]
        ratio = gamma[:, 1:][both] * np.exp(-ahead)
        moves = self.transmat_ * (np.exp(passed.posteriors[:, :-1][both]).T @ ratio)
        total = moves.sum(axis=1, keepdims=True)
        self.transmat_ = np.where(total > 0, moves / np.maximum(total, 1e-300), self.transmat_)

    def _log_density(self, past: Floats, now: Floats, inside: NDArray[np.bool_]) -> Floats:
        """Return log p(x_t | x_{t-1}, state) (sequence, pair, state), 0 past the end."""
        design = np.c_[np.ones(int(inside.sum())), past[inside]]
        factor = roots(self.covariance_[None], "covariance_", "use a larger floor")[0]
        constant = np.log(np.diag(factor)).sum() + 0.5 * now.shape[2] * np.log(2 * np.pi)
        out = np.zeros((*inside.shape, self.n_states))
        for k, weights in enumerate(self.weights_):
            white = np.linalg.solve(factor, (now[inside] - design @ weights).T)
            out[inside, k] = -0.5 * (white**2).sum(axis=0) - constant
        return out


def _pairs(values: Floats, length: Ints) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return steps, the steps after them, and the mask (sequence, pair) of pairs that exist."""
    inside = steps_inside(length, *values.shape[:2])
    return values[:, :-1], values[:, 1:], inside[:, 1:]
