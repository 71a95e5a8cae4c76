"""Filtering, smoothing and decoding of known models.

All recursions run over all sequences at once. A posterior may fall below the smallest float and
be needed later, when a zero among the transitions leaves no other way; so nothing leaves log
space, but for filtering alone, which does where that cannot happen. Arrays are padded:
``log_density`` (sequence, time, state) is 0 past a sequence's end, where ``inside`` (sequence,
time) is False.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine import filtering
from hmmlens.hmm.engine.filtering import refuse_impossible
from hmmlens.hmm.engine.logspace import LARGE, log, without_large
from hmmlens.typing import Floats, Int64s


class Filtered(NamedTuple):
    """Result of the forward pass.

    posteriors : (sequence, time, state), P(state_t | data up to t); 0 past a sequence's end
    predicted : (sequence, time, state), P(state_t | data before t)
    log_likelihood : (sequence), nats
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
) -> Filtered:
    """Return what :class:`Filtered` holds, with logs of the posteriors (Rabiner 1989, eq. 19-21).

    Parameters
    ----------
    startprob : (state)
    transmat : (state, next_state)
    refuse : bool
        False gives a sequence that the model cannot emit a log-likelihood of minus infinity; its
        posteriors mean nothing.

    Raises
    ------
    DataError
        When the model cannot emit a sequence, and ``refuse``.
    """
    found = filtering.logarithmic(startprob, transmat, log_density, inside, refuse=refuse)
    return Filtered(found.filtered, found.predicted, found.log_likelihood)


def filter_states(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    inside: NDArray[np.bool_],
    refuse: bool = True,
) -> Filtered:
    """Return what :class:`Filtered` holds, by scaled probabilities (Rabiner 1989, V A).

    Several times faster than :func:`forward`, which takes over when a scaling constant falls
    below ``TINY_SCALE``. The arguments are the same.
    """
    found = filtering.scaled(startprob, transmat, log_density, inside)
    if found is None:
        passed = forward(startprob, transmat, log_density, inside, refuse)
        return Filtered(np.exp(passed.posteriors), np.exp(passed.predicted), passed.log_likelihood)
    found.filtered[~inside] = found.predicted[~inside] = 0.0
    return Filtered(found.filtered, found.predicted, found.log_likelihood)


def smooth(passed: Filtered, transmat: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return smoothed posteriors and each sequence's state entropy.

    Parameters
    ----------
    passed : result of :func:`forward`.

    Returns
    -------
    posteriors : (sequence, time, state), P(state_t | all data of the sequence)
    entropy : (sequence), H(state path | data) in nats (Hernando et al. 2005)
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
    """Return the best path (sequence, time), -1 past the end, and its log probability (sequence).

    Viterbi's algorithm (Rabiner 1989, III B).
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
    """Return the best paths (frame) of few long sequences, and their log probability.

    Step by step, as :func:`viterbi` goes, these would crawl; hmmlearn's compiled loop does not.
    None where only :func:`viterbi` is exact, or says which sequence is impossible.

    Parameters
    ----------
    log_density : (frame, state), sequences one after another.
    lengths : (sequence)
    """
    from hmmlearn.base import BaseHMM

    if (np.isfinite(log_density) & (np.abs(log_density) > LARGE)).any():
        return None

    class Known(BaseHMM):
        def _check(self) -> None:
            """Take any parameters: ours are checked, and hmmlearn would refuse a row of zeros."""

        def _compute_log_likelihood(self, X: Int64s) -> Floats:
            return log_density[X[:, 0]]

    model = Known(len(startprob))
    model.startprob_, model.transmat_ = startprob, transmat
    score, path = model.decode(np.arange(len(log_density))[:, None], lengths, algorithm="viterbi")
    return (path, float(score)) if np.isfinite(score) else None


def _safe_log(p: Floats) -> Floats:
    """Return log p with 0 where p is 0, so that p log p is 0 there."""
    return np.log(np.where(p > 0, p, 1.0))
