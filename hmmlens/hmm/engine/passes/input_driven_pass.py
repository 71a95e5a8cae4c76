"""Posteriors and expected transitions of models whose transitions depend on the input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.passes import filtering
from hmmlens.hmm.engine.passes.logspace import log, log_sum
from hmmlens.hmm.engine.passes.rescue import HUGE_BACKWARD
from hmmlens.hmm.engine.subnormals import without_subnormals
from hmmlens.typing import Floats, Ints


class DrivenStatistics(NamedTuple):
    """Result of :func:`expect`.

    Attributes
    ----------
    log_likelihood : ndarray of shape (sequence,)
        log p(y_1:T), nats.
    filtered, predicted, smoothed : ndarray of shape (sequence, time, state)
        p(state_t | y_1:t), p(state_t | y_1:t-1), p(state_t | y_1:T); 0 past a sequence's end.
    trans : ndarray of shape (class, state, next_state)
        Expected transitions of all sequences.
    """

    log_likelihood: Floats
    filtered: Floats
    predicted: Floats
    smoothed: Floats
    trans: Floats


def expect(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    classes: Ints,
    inside: NDArray[np.bool_],
    smooth: bool = True,
) -> DrivenStatistics:
    """Return posteriors and expected transitions, all sequences at once.

    Rabiner 1989, III A to C, with the transition matrix of each step's class. Densities are scaled
    by their largest over the states. Where that may lose a path to underflow, which takes matrices
    with zeros, the passes are repeated in log space.

    Parameters
    ----------
    startprob : ndarray of shape (state,)
        Initial distribution.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities.
    log_density : ndarray of shape (sequence, time, state)
        log p(y_t | state_t); 0 past a sequence's end.
    classes : ndarray of int of shape (sequence, time)
        Class of the input at each step; arbitrary past a sequence's end.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.
    smooth : bool, default=True
        Without it ``smoothed`` and ``trans`` are empty.

    Returns
    -------
    DrivenStatistics
        Posteriors, expected transitions and log-likelihoods.

    Raises
    ------
    DataError
        When a value has no probability under any state.
    """
    result = _scaled(startprob, transmat, log_density, classes, inside, smooth)
    if result is None:
        return _logarithmic(startprob, transmat, log_density, classes, inside, smooth)
    return result


@without_subnormals
def _scaled(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    classes: Ints,
    inside: NDArray[np.bool_],
    smooth: bool,
) -> DrivenStatistics | None:
    """Return the result of :func:`expect` by scaled probabilities; None where not safe."""
    n_sequences, n_steps, n_states = log_density.shape
    moves = np.where(inside, classes, 0)
    passed = filtering.scaled(startprob, transmat, log_density, inside, moves)
    if not passed.exact.all():
        return None
    filtered, predicted, density, scale, total, _ = passed
    gone = ~inside
    if not smooth:
        filtered[gone] = predicted[gone] = 0
        return DrivenStatistics(total, filtered, predicted, density[:0], transmat[:0])
    smoothed = filtered.copy()
    # Past the end densities are 1, so that steps there have no effect.
    weighted = density / scale[:, :, None]
    ahead = np.ones((n_sequences, n_states))
    for t in range(n_steps - 2, -1, -1):
        weighted[:, t + 1] *= ahead
        ahead = (transmat[moves[:, t + 1]] @ weighted[:, t + 1, :, None])[:, :, 0]
        if not ahead[inside[:, t + 1]].max(initial=0) <= HUGE_BACKWARD:
            return None
        smoothed[:, t] = filtered[:, t] * ahead
    trans = np.zeros_like(transmat)
    later = inside[:, 1:]
    before, after, move = filtered[:, :-1][later], weighted[:, 1:][later], moves[:, 1:][later]
    for k in np.unique(move):
        of_class = move == k
        trans[k] = transmat[k] * (before[of_class].T @ after[of_class])
    for part in (filtered, predicted, smoothed):
        part[gone] = 0
    return DrivenStatistics(total, filtered, predicted, smoothed, trans)


def _logarithmic(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    classes: Ints,
    inside: NDArray[np.bool_],
    smooth: bool,
) -> DrivenStatistics:
    """Return the result of :func:`expect` by passes in log space, whatever underflows."""
    n_sequences, n_steps, n_states = log_density.shape
    log_transmat, moves = log(transmat), np.where(inside, classes, 0)
    passed = filtering.logarithmic(startprob, transmat, log_density, inside, moves)
    filtered, predicted, emitted, total = passed
    smoothed, trans = filtered.copy(), np.zeros_like(transmat)
    ahead = np.zeros((n_sequences, n_states))
    for t in range(n_steps - 2, -1, -1) if smooth else ():
        on = np.flatnonzero(inside[:, t + 1])
        weighted = log_transmat[moves[on, t + 1]] + (emitted[:, t + 1] + ahead)[on, None]
        np.add.at(trans, moves[on, t + 1], np.exp(filtered[on, t, :, None] + weighted))
        ahead[on] = log_sum(weighted)
        smoothed[on, t] = (filtered[:, t] + ahead)[on]
    if not smooth:
        return DrivenStatistics(
            total, np.exp(filtered), np.exp(predicted), emitted[:0], transmat[:0]
        )
    return DrivenStatistics(total, np.exp(filtered), np.exp(predicted), np.exp(smoothed), trans)
