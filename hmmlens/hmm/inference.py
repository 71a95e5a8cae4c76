"""Filtering, smoothing and decoding with known models.

All recursions run over all sequences at once. A posterior may fall below the smallest float and
be needed later, when a zero among the transitions leaves no other path; therefore the passes stay
in log space, except for filtering alone where that cannot happen. Arrays are padded:
``log_density`` (sequence, time, state) is 0 past a sequence's end, where ``inside`` (sequence,
time) is False.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.engine.passes import filtering
from hmmlens.hmm.engine.passes.filtering import refuse_impossible
from hmmlens.hmm.engine.passes.logspace import LARGE, log, without_large
from hmmlens.typing import Floats, Int64s


class FilterResult(NamedTuple):
    """Result of the forward pass.

    Attributes
    ----------
    posteriors : ndarray of shape (sequence, time, state)
        p(state_t | y_1:t); 0 past a sequence's end.
    predicted : ndarray of shape (sequence, time, state)
        p(state_t | y_1:t-1).
    log_likelihood : ndarray of shape (sequence,)
        log p(y_1:T), nats.
    """

    posteriors: Floats
    predicted: Floats
    log_likelihood: Floats


def forward(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    inside: NDArray[np.bool_],
    refuse: bool = True,
) -> FilterResult:
    """Filter in log space (Rabiner 1989, eq. 19 to 21).

    Parameters
    ----------
    startprob : ndarray of shape (state,)
        Initial distribution.
    transmat : ndarray of shape (state, next_state)
        Transition probabilities.
    log_density : ndarray of shape (sequence, time, state)
        log p(y_t | state_t); 0 past a sequence's end.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.
    refuse : bool, default=True
        False gives a sequence that the model cannot emit a log-likelihood of minus infinity; its
        posteriors mean nothing.

    Returns
    -------
    FilterResult
        With the logarithms of both posteriors, minus infinity past a sequence's end.

    Raises
    ------
    DataError
        When the model cannot emit a sequence, and ``refuse``.
    """
    result = filtering.logarithmic(startprob, transmat, log_density, inside, refuse=refuse)
    return FilterResult(result.filtered, result.predicted, result.log_likelihood)


def filter_states(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    inside: NDArray[np.bool_],
    refuse: bool = True,
) -> FilterResult:
    """Filter by scaled probabilities (Rabiner 1989, V A).

    Several times faster than :func:`forward`, which takes over for the sequences in which a scaling
    constant falls below ``TINY_SCALE``.

    Parameters
    ----------
    startprob, transmat, log_density, inside : ndarray
        See :func:`forward`.
    refuse : bool, default=True
        See :func:`forward`.

    Returns
    -------
    FilterResult
        Probabilities, 0 past a sequence's end.

    Examples
    --------
    >>> startprob, transmat = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> log_density = np.log([[[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]]])
    >>> inside = np.ones((1, 3), dtype=bool)
    >>> filter_states(startprob, transmat, log_density, inside).posteriors.round(2).tolist()
    [[[0.8, 0.2], [0.92, 0.08], [0.56, 0.44]]]
    """
    result = filtering.scaled(startprob, transmat, log_density, inside)
    result.filtered[~inside] = result.predicted[~inside] = 0.0
    again = np.flatnonzero(~result.exact)
    if len(again):
        try:
            passed = forward(startprob, transmat, log_density[again], inside[again], refuse)
        except DataError:
            # Among all sequences, the message has the number of the one that it is about.
            forward(startprob, transmat, log_density, inside, refuse)
            raise
        result.filtered[again] = np.exp(passed.posteriors)
        result.predicted[again] = np.exp(passed.predicted)
        result.log_likelihood[again] = passed.log_likelihood
    return FilterResult(result.filtered, result.predicted, result.log_likelihood)


def smooth(
    passed: FilterResult, transmat: Floats, inside: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return smoothed posteriors and the entropy of each sequence's state path.

    Parameters
    ----------
    passed : FilterResult
        Result of :func:`forward`.
    transmat : ndarray of shape (state, next_state)
        Transition probabilities.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.

    Returns
    -------
    posteriors : ndarray of shape (sequence, time, state)
        p(state_t | y_1:T).
    entropy : ndarray of shape (sequence,)
        H(state path | data) in nats (Hernando et al. 2005).

    Examples
    --------
    >>> startprob, transmat = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> log_density = np.log([[[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]]])
    >>> inside = np.ones((1, 3), dtype=bool)
    >>> passed = forward(startprob, transmat, log_density, inside)
    >>> smooth(passed, transmat, inside)[0].round(2).tolist()
    [[[0.84, 0.16], [0.8, 0.2], [0.56, 0.44]]]
    """
    alpha, predicted = passed.posteriors, passed.predicted
    n_sequences, n_steps, _ = alpha.shape
    log_transmat = log(transmat)
    gamma = np.exp(alpha)
    last = inside & ~np.c_[inside[:, 1:], np.zeros(n_sequences, dtype=bool)]
    ends = gamma[last]
    # A sequence may have no step, as a pair of steps of one step.
    entropy = np.zeros(n_sequences)
    entropy[last.any(axis=1)] = -(ends * _safe_log(ends)).sum(axis=1)
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


def viterbi(
    startprob: Floats, transmat: Floats, log_density: Floats, inside: NDArray[np.bool_]
) -> tuple[Int64s, Floats]:
    """Return the best path of each sequence (Viterbi's algorithm, Rabiner 1989, III B).

    Parameters
    ----------
    startprob, transmat, log_density, inside : ndarray
        See :func:`forward`.

    Returns
    -------
    path : ndarray of int of shape (sequence, time)
        -1 past a sequence's end.
    log_probability : ndarray of shape (sequence,)
        log p(path, y_1:T), nats.

    Raises
    ------
    DataError
        When the model cannot emit a sequence.

    Examples
    --------
    >>> startprob, transmat = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> log_density = np.log([[[0.8, 0.2], [0.8, 0.2], [0.01, 0.99]]])
    >>> inside = np.ones((1, 3), dtype=bool)
    >>> viterbi(startprob, transmat, log_density, inside)[0].tolist()
    [[0, 0, 1]]
    """
    n_sequences, n_steps, n_states = log_density.shape
    score = log(startprob)
    emitted, common = without_large(log_density[:, 0], np.isfinite(score))
    score = score + emitted
    refuse_impossible(score.max(axis=1), inside[:, 0], 0)
    log_transmat = log(transmat)
    back = np.tile(np.arange(n_states, dtype=np.int16), (n_sequences, n_steps, 1))
    for t in range(1, n_steps):
        candidates = score[:, :, None] + log_transmat[None]
        best, advanced = candidates.argmax(axis=1), candidates.max(axis=1)
        valid = inside[:, t]
        back[valid, t] = best[valid]
        emitted, more = without_large(log_density[:, t], np.isfinite(advanced))
        common[valid] += more[valid]
        score[valid] = (advanced + emitted)[valid]
        refuse_impossible(score.max(axis=1), valid, t)
    path = np.empty((n_sequences, n_steps), dtype=np.int64)
    path[:, -1] = score.argmax(axis=1)
    for t in range(n_steps - 1, 0, -1):
        path[:, t - 1] = back[np.arange(n_sequences), t, path[:, t]]
    path[~inside] = -1
    return path, score.max(axis=1) + common


def viterbi_of_few(
    startprob: Floats, transmat: Floats, log_density: Floats, lengths: NDArray[np.integer]
) -> tuple[Int64s, float] | None:
    """Return the best paths of few long sequences by hmmlearn's compiled loop.

    :func:`viterbi` is vectorised over sequences, so that few long ones take as long as many.

    Parameters
    ----------
    startprob : ndarray of shape (state,)
        Initial distribution.
    transmat : ndarray of shape (state, next_state)
        Transition probabilities.
    log_density : ndarray of shape (frame, state)
        log p(y_t | state_t), sequences one after another.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    (path, log_probability) or None
        Path (frame,) and the log probability of all paths together, nats; None where only
        :func:`viterbi` is exact, or can name the sequence that is impossible.
    """
    from hmmlearn.base import BaseHMM

    if (np.isfinite(log_density) & (np.abs(log_density) > LARGE)).any():
        return None

    class _Known(BaseHMM):
        def _check(self) -> None:
            """Take any parameters: ours are checked, and hmmlearn would refuse a row of zeros."""

        def _compute_log_likelihood(self, X: Int64s) -> Floats:
            return log_density[X[:, 0]]

    model = _Known(len(startprob))
    model.startprob_, model.transmat_ = startprob, transmat
    score, path = model.decode(np.arange(len(log_density))[:, None], lengths, algorithm="viterbi")
    return (path, float(score)) if np.isfinite(score) else None


def _safe_log(p: Floats) -> Floats:
    """Return log p with 0 where p is 0, so that p log p is 0 there."""
    return np.log(np.where(p > 0, p, 1.0))
