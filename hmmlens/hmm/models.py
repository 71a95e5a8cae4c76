"""Fitted hidden Markov models: likelihood, filtered and smoothed posteriors, best path.

Names and shapes are hmmlearn's. Data are (sequence, time, component) values or (sequence, time)
symbols, ``lengths`` (sequence) where they are ragged; steps past a sequence's end are ignored.
All recursions run over all sequences at once, in log space where it matters, so that neither
far outliers nor exact zeros in ``transmat_`` underflow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Filtered(NamedTuple):
    """Result of the forward pass.

    posteriors : (sequence, time, state), P(state_t | data up to t); 0 past a sequence's end
    predicted : (sequence, time, state), P(state_t | data before t)
    log_likelihood : (sequence), nats
    """

    posteriors: Floats
    predicted: Floats
    log_likelihood: Floats


class HiddenMarkovModel(ABC):
    """What does not depend on the kind of emission.

    Attributes
    ----------
    startprob_ : (state)
    transmat_ : (state, next_state)
    """

    startprob_: Floats
    transmat_: Floats

    @abstractmethod
    def log_emission(self, X: ArrayLike) -> Floats:
        """Return log P(observation | state), shape (sequence, time, state)."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Free parameters, as counted by BIC and AIC."""

    @property
    def n_components(self) -> int:
        """Number of states (hmmlearn's word)."""
        return len(self.startprob_)

    def filter(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Filtered:
        """Return filtered posteriors and log-likelihoods (Rabiner 1989, eq. 19 to 21)."""
        alpha, predicted, total, _ = self._forward(X, lengths)
        return Filtered(np.exp(alpha), np.exp(predicted), total)

    def _forward(
        self, X: ArrayLike, lengths: ArrayLike | None
    ) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        """Return what :class:`Filtered` holds, with logs of the posteriors, and the mask inside.

        A posterior may fall below the smallest float and be needed later, when a zero in
        ``transmat_`` leaves no other way; so nothing leaves log space.
        """
        log_emission, inside = self._observe(X, lengths)
        n_sequences, n_steps, n_states = log_emission.shape
        posteriors = np.full_like(log_emission, -np.inf)
        predicted = np.full_like(log_emission, -np.inf)
        total = np.zeros(n_sequences)
        log_transmat = _log(self.transmat_)
        prior = np.broadcast_to(_log(self.startprob_), (n_sequences, n_states))
        for t in range(n_steps):
            valid = inside[:, t]
            joint = prior + log_emission[:, t]
            scale = _log_sum(joint)
            _refuse_impossible(scale, valid, t)
            current = joint - scale[:, None]
            posteriors[valid, t] = current[valid]
            predicted[valid, t] = prior[valid]
            total[valid] += scale[valid]
            prior = _log_sum(current[:, None, :] + log_transmat.T)
        return posteriors, predicted, total, inside

    def _observe(self, X: ArrayLike, lengths: ArrayLike | None) -> tuple[Floats, NDArray[np.bool_]]:
        """Return log emissions, 0 past a sequence's end, and the mask of steps inside."""
        data = np.asarray(X)
        if lengths is None or data.ndim < 2:
            log_emission = self.log_emission(data)
            return log_emission, np.ones(log_emission.shape[:2], dtype=bool)
        inside = steps_inside(lengths, *data.shape[:2])
        # What fills the rest may be NaN or -1, and must not be looked at.
        within = inside.reshape(*inside.shape, *[1] * (data.ndim - 2))
        log_emission = self.log_emission(np.where(within, data, 0))
        return np.where(inside[:, :, None], log_emission, 0.0), inside

    def smooth(self, X: ArrayLike, lengths: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Return smoothed posteriors and each sequence's state entropy.

        Returns
        -------
        posteriors : (sequence, time, state), P(state_t | all data of the sequence)
        entropy : (sequence), H(state path | data) in nats (Hernando et al. 2005)
        """
        alpha, predicted, _, inside = self._forward(X, lengths)
        n_sequences, n_steps, _ = alpha.shape
        log_transmat = _log(self.transmat_)
        gamma = np.exp(alpha)
        last = inside & ~np.c_[inside[:, 1:], np.zeros(n_sequences, dtype=bool)]
        ends = gamma[last]
        entropy: Floats = -(ends * _safe_log(ends)).sum(axis=1)
        for t in range(n_steps - 2, -1, -1):
            valid = inside[:, t + 1]
            ahead = predicted[valid, t + 1]
            ahead = np.where(np.isfinite(ahead), ahead, 0.0)
            # P(state_t = i | state_t+1 = j, data up to t)
            kernel = np.exp(alpha[valid, t][:, :, None] + log_transmat - ahead[:, None, :])
            after = gamma[valid, t + 1]
            gamma[valid, t] = np.einsum("nij,nj->ni", kernel, after)
            column = -(kernel * _safe_log(kernel)).sum(axis=1)
            entropy[valid] += (column * after).sum(axis=1)
        return gamma, entropy

    def predict_proba(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Floats:
        """Return smoothed posteriors (sequence, time, state)."""
        return self.smooth(X, lengths)[0]

    def predict(self, X: ArrayLike, lengths: ArrayLike | None = None) -> Ints:
        """Return the best path (sequence, time) by Viterbi's algorithm, -1 past the end."""
        log_emission, inside = self._observe(X, lengths)
        n_sequences, n_steps, n_states = log_emission.shape
        score = _log(self.startprob_) + log_emission[:, 0]
        _refuse_impossible(score.max(axis=1), inside[:, 0], 0)
        log_transmat = _log(self.transmat_)
        back = np.tile(np.arange(n_states), (n_sequences, n_steps, 1))
        for t in range(1, n_steps):
            candidates = score[:, :, None] + log_transmat[None]
            best = candidates.argmax(axis=1)
            advanced = np.take_along_axis(candidates, best[:, None], axis=1)[:, 0]
            valid = inside[:, t]
            back[valid, t] = best[valid]
            score[valid] = (advanced + log_emission[:, t])[valid]
            _refuse_impossible(score.max(axis=1), valid, t)
        path = np.empty((n_sequences, n_steps), dtype=np.int64)
        path[:, -1] = score.argmax(axis=1)
        for t in range(n_steps - 1, 0, -1):
            path[:, t - 1] = back[np.arange(n_sequences), t, path[:, t]]
        path[~inside] = -1
        return path

    def score(self, X: ArrayLike, lengths: ArrayLike | None = None) -> float:
        """Return the log-likelihood of all sequences together, in nats."""
        return float(self.filter(X, lengths).log_likelihood.sum())


class GaussianHMM(HiddenMarkovModel):
    """Gaussian emissions.

    Parameters
    ----------
    startprob : (state)
    transmat : (state, next_state)
    means : (state, component)
    covars : (state, component, component)
    covariance_type : what was estimated: spherical, diag, full or tied.
    """

    def __init__(
        self,
        startprob: Floats,
        transmat: Floats,
        means: Floats,
        covars: Floats,
        covariance_type: str,
    ) -> None:
        self.startprob_, self.transmat_ = startprob, transmat
        self.means_, self.covars_, self.covariance_type = means, covars, covariance_type

    def log_emission(self, X: ArrayLike) -> Floats:
        """Return Gaussian log densities (sequence, time, state) of (sequence, time, component)."""
        values = np.asarray(X, dtype=np.float64)
        n_features = self.means_.shape[1]
        if values.ndim != 3 or values.shape[2] != n_features:
            raise DataError(f"X has shape {values.shape}; (sequence, time, {n_features}) is needed")
        from scipy.linalg import solve_triangular

        flat = values.reshape(-1, n_features)
        logs = np.empty((len(flat), self.n_components))
        for k, (mean, covariance) in enumerate(zip(self.means_, self.covars_, strict=True)):
            root = np.linalg.cholesky(covariance)
            white = solve_triangular(root, (flat - mean).T, lower=True, check_finite=False)
            log_det = 2 * np.log(np.diag(root)).sum()
            logs[:, k] = -0.5 * ((white**2).sum(axis=0) + log_det + n_features * np.log(2 * np.pi))
        return logs.reshape(*values.shape[:2], self.n_components)

    @property
    def n_parameters(self) -> int:
        """Free parameters: start, transitions, means and covariances."""
        k, d = self.means_.shape
        covariance = {
            "spherical": k,
            "diag": k * d,
            "full": k * d * (d + 1) // 2,
            "tied": d * (d + 1) // 2,
        }[self.covariance_type]
        return int((k - 1) + k * (k - 1) + k * d + covariance)


class CategoricalHMM(HiddenMarkovModel):
    """Symbols.

    Parameters
    ----------
    startprob : (state)
    transmat : (state, next_state)
    emissionprob : (state, symbol)
    """

    def __init__(self, startprob: Floats, transmat: Floats, emissionprob: Floats) -> None:
        self.startprob_, self.transmat_, self.emissionprob_ = startprob, transmat, emissionprob

    def log_emission(self, X: ArrayLike) -> Floats:
        """Return log probabilities (sequence, time, state) of symbols (sequence, time)."""
        symbols = np.asarray(X)
        n_symbols = self.emissionprob_.shape[1]
        if symbols.ndim != 2 or not np.issubdtype(symbols.dtype, np.integer):
            raise DataError("X must hold whole numbers, one symbol each, as (sequence, time)")
        if symbols.size and (symbols.min() < 0 or symbols.max() >= n_symbols):
            raise DataError(f"X holds a symbol outside 0 to {n_symbols - 1}")
        logs: Floats = _log(self.emissionprob_.T)[symbols]
        return logs

    @property
    def n_parameters(self) -> int:
        """Free parameters: start, transitions and symbol laws."""
        k, v = self.emissionprob_.shape
        return int((k - 1) + k * (k - 1) + k * (v - 1))


def steps_inside(lengths: ArrayLike | None, n_sequences: int, n_steps: int) -> NDArray[np.bool_]:
    """Return a mask (sequence, time), True before each sequence's end.

    Raises
    ------
    DataError
        When a length is below 1 or above ``n_steps``.
    """
    if lengths is None:
        return np.ones((n_sequences, n_steps), dtype=bool)
    ends = np.asarray(lengths)
    if ends.shape != (n_sequences,):
        raise DataError(f"lengths has shape {ends.shape}; ({n_sequences},) is needed")
    bad = np.flatnonzero((ends < 1) | (ends > n_steps))
    if len(bad):
        raise DataError(
            f"lengths[{bad[0]}] is {ends[bad[0]]}; each must lie between 1 and {n_steps}"
        )
    mask: NDArray[np.bool_] = np.arange(n_steps)[None] < ends[:, None]
    return mask


def _log(p: Floats) -> Floats:
    """Return log p, minus infinity where p is 0."""
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(p)
    return logs


def _log_sum(logs: Floats) -> Floats:
    """Return the log of the sum of exponentials over the last axis."""
    top = logs.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return _log(np.exp(logs - top).sum(axis=-1)) + top[..., 0]


def _refuse_impossible(log_probability: Floats, valid: NDArray[np.bool_], step: int) -> None:
    """Raise :class:`DataError` if a valid sequence (sequence) has no probability, or NaN."""
    bad = np.flatnonzero(valid & ~np.isfinite(log_probability))
    if len(bad):
        raise DataError(
            f"sequence {bad[0]}, step {step}: the model gives this observation no probability"
        )


def _safe_log(p: Floats) -> Floats:
    """Return log p with 0 where p is 0, so that p log p is 0 there."""
    return np.log(np.where(p > 0, p, 1.0))
