"""Forward and backward passes in log space: slower than scaling, and safe wherever it is not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats

#: exp of less than this adds nothing to 1; and where an exponential underflows it takes ten times
#: as long.
LOWEST = -700.0

#: Logarithms above this, in absolute value, would cost those that are added to them more than 12
#: digits after the point.
LARGE = 1e4


class SequencePosteriors(NamedTuple):
    """Result of :func:`expect`.

    Attributes
    ----------
    log_likelihood : ndarray of shape (sequence,)
        log p(y_1:T), nats; minus infinity where the model gives the data no probability.
    posteriors : ndarray of shape (sequence, time, state)
        p(state_t | y_1:T); 0 past a sequence's end.
    trans : ndarray of shape (sequence, state, next_state)
        Expected transitions.
    """

    log_likelihood: Floats
    posteriors: Floats
    trans: Floats


def log(p: Floats) -> Floats:
    """Return log p, minus infinity where p is 0.

    Parameters
    ----------
    p : ndarray
        Probabilities or densities.

    Returns
    -------
    ndarray
        Natural logarithms.
    """
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(p)
    return logs


def log_sum(logs: Floats, axis: int = -1) -> Floats:
    """Return the log of the sum of exponentials over one axis.

    Parameters
    ----------
    logs : ndarray
        Logarithms; minus infinity is allowed.
    axis : int, default=-1
        The axis that is summed over.

    Returns
    -------
    ndarray
        One axis less.
    """
    top = logs.max(axis=axis, keepdims=True)
    below = np.maximum(logs - np.where(np.isfinite(top), top, 0.0), LOWEST)
    total: Floats = log(np.exp(below).sum(axis=axis)) + top.squeeze(axis)
    return total


def without_large(
    log_density: Floats, possible: NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats]:
    """Subtract what is common to all states from log densities that are very large.

    Next to a log density of -1e16 the logarithms of probabilities are lost to rounding, while
    differences between states are not. Smaller ones stay as they are, to the last bit.

    Parameters
    ----------
    log_density : ndarray of shape (..., state)
        Log densities.
    possible : ndarray of bool of shape (..., state), optional
        States that count, because their probability before the frame is above 0.

    Returns
    -------
    log_density : ndarray of shape (..., state)
        Log densities less ``common``.
    common : ndarray of shape (...)
        What was subtracted; 0 where nothing was.
    """
    top = log_density if possible is None else np.where(possible, log_density, -np.inf)
    top = top.max(axis=-1)
    large = np.isfinite(top) & (np.abs(top) > LARGE)
    if not large.any():
        return log_density, np.zeros_like(top)
    common = np.where(large, top, 0.0)
    return log_density - common[..., None], common


def expect(
    startprob: Floats, transmat: Floats, log_density: Floats, lengths: NDArray[np.integer]
) -> SequencePosteriors:
    """Return posteriors and expected transitions (Rabiner 1989, III A and B).

    Parameters
    ----------
    startprob : ndarray of shape (sequence, state)
        Initial distributions.
    transmat : ndarray of shape (sequence, state, next_state)
        Transition probabilities.
    log_density : ndarray of shape (sequence, time, state)
        log p(y_t | state_t); arbitrary past a sequence's end.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    SequencePosteriors
        Posteriors, expected transitions and log-likelihoods.
    """
    n_sequences, n_steps, _ = log_density.shape
    log_transmat = log(transmat)
    log_density = log_density.copy()
    forward = np.full_like(log_density, -np.inf)
    current = log(startprob)
    log_density[:, 0], common = without_large(log_density[:, 0], np.isfinite(current))
    forward[:, 0] = current + log_density[:, 0]
    for t in range(1, n_steps):
        on = np.flatnonzero(lengths > t)
        current = log_sum(forward[on, t - 1][:, :, None] + log_transmat[on], axis=1)
        log_density[on, t], more = without_large(log_density[on, t], np.isfinite(current))
        common[on] += more
        forward[on, t] = current + log_density[on, t]
    ends = forward[np.arange(n_sequences), lengths - 1]
    total = log_sum(ends)
    # Sequences without probability would turn into NaN; they get 0 everywhere.
    known = np.where(np.isfinite(total), total, np.inf)
    posteriors = np.zeros_like(log_density)
    trans = np.zeros_like(transmat)
    backward = np.zeros((n_sequences, log_density.shape[2]))
    for t in range(n_steps - 1, -1, -1):
        on = np.flatnonzero(lengths > t + 1)
        if len(on):
            ahead = log_density[on, t + 1] + backward[on]
            joint = log_transmat[on] + ahead[:, None, :]
            both = forward[on, t][:, :, None] + joint - known[on, None, None]
            trans[on] += np.exp(both)
            backward[on] = log_sum(joint)
        here = lengths > t
        posteriors[here, t] = np.exp(forward[here, t] + backward[here] - known[here, None])
    return SequencePosteriors(total + common, posteriors, trans)
