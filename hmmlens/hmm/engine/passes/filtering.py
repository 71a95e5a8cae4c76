"""Forward passes over padded sequences, with one transition matrix or one for each class of inputs.

:func:`scaled` is fast and exact unless a path underflows; :func:`logarithmic` is exact always. The
passes that look back in time differ in what they sum, and stand where they are used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.engine.passes.logspace import log, log_sum, without_large
from hmmlens.hmm.engine.passes.rescue import TINY_SCALE
from hmmlens.hmm.engine.subnormals import without_subnormals
from hmmlens.typing import Floats, Ints


class ScaledPass(NamedTuple):
    """Result of :func:`scaled`.

    Attributes
    ----------
    filtered : ndarray of shape (sequence, time, state)
        p(state_t | y_1:t); arbitrary past a sequence's end.
    predicted : ndarray of shape (sequence, time, state)
        p(state_t | y_1:t-1); arbitrary past a sequence's end.
    density : ndarray of shape (sequence, time, state)
        p(y_t | state_t) divided by its largest value over the states.
    scale : ndarray of shape (sequence, time)
        p(y_t | y_1:t-1), divided by the same value.
    log_likelihood : ndarray of shape (sequence,)
        log p(y_1:T), nats.
    exact : ndarray of bool of shape (sequence,)
        False where a scaling constant falls below ``TINY_SCALE``, so that a path may have been lost
        to underflow; everything else means nothing for such a sequence.
    """

    filtered: Floats
    predicted: Floats
    density: Floats
    scale: Floats
    log_likelihood: Floats
    exact: NDArray[np.bool_]


class LogPass(NamedTuple):
    """Result of :func:`logarithmic`.

    Attributes
    ----------
    filtered : ndarray of shape (sequence, time, state)
        log p(state_t | y_1:t); minus infinity past a sequence's end.
    predicted : ndarray of shape (sequence, time, state)
        log p(state_t | y_1:t-1); minus infinity past a sequence's end.
    emitted : ndarray of shape (sequence, time, state)
        log p(y_t | state_t) - log p(y_t | y_1:t-1); arbitrary past a sequence's end.
    log_likelihood : ndarray of shape (sequence,)
        log p(y_1:T), nats.
    """

    filtered: Floats
    predicted: Floats
    emitted: Floats
    log_likelihood: Floats


@without_subnormals
def scaled(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    inside: NDArray[np.bool_],
    classes: Ints | None = None,
) -> ScaledPass:
    """Return filtered posteriors by scaled probabilities (Rabiner 1989, V A).

    Parameters
    ----------
    startprob : ndarray of shape (state,)
        Initial distribution.
    transmat : ndarray of shape (state, next_state) or (class, state, next_state)
        Transition probabilities; the latter shape with ``classes``.
    log_density : ndarray of shape (sequence, time, state)
        log p(y_t | state_t); 0 past a sequence's end.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.
    classes : ndarray of int of shape (sequence, time), optional
        Class of the input at each step, 0 past a sequence's end. The class of step t selects the
        matrix that leads from t - 1 to t.

    Returns
    -------
    ScaledPass
        Posteriors, log-likelihoods, and for which sequences they hold.
    """
    top = log_density.max(axis=2)
    filtered, predicted = np.empty_like(log_density), np.empty_like(log_density)
    scale = np.empty(log_density.shape[:2])
    prior = np.broadcast_to(startprob, log_density[:, 0].shape)
    # A number that is not finite here fails the comparison below.
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.exp(log_density - top[..., None])
        for t in range(log_density.shape[1]):
            if t and classes is None:
                prior = filtered[:, t - 1] @ transmat
            elif t and classes is not None:
                prior = (filtered[:, t - 1, None] @ transmat[classes[:, t]])[:, 0]
            joint = prior * density[:, t]
            scale[:, t] = joint.sum(axis=1)
            predicted[:, t], filtered[:, t] = prior, joint / scale[:, t, None]
    good = scale >= TINY_SCALE
    steps = np.log(scale, where=inside & good, out=np.zeros_like(scale)) + top
    total: Floats = np.where(inside, steps, 0.0).sum(axis=1)
    exact: NDArray[np.bool_] = np.all(good | ~inside, axis=1)
    return ScaledPass(filtered, predicted, density, scale, total, exact)


def logarithmic(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    inside: NDArray[np.bool_],
    classes: Ints | None = None,
    refuse: bool = True,
) -> LogPass:
    """Return logarithms of filtered posteriors, computed in log space (Rabiner 1989, eq. 19-21).

    Parameters
    ----------
    startprob, transmat, log_density, inside : ndarray
        See :func:`scaled`.
    classes : ndarray of int of shape (sequence, time), optional
        See :func:`scaled`.
    refuse : bool, default=True
        False gives a sequence that the model cannot emit a log-likelihood of minus infinity; its
        posteriors mean nothing.

    Returns
    -------
    LogPass
        Logarithms of the posteriors, and the log-likelihoods.

    Raises
    ------
    DataError
        When the model cannot emit a sequence, and ``refuse``.
    """
    n_sequences, n_steps, _ = log_density.shape
    filtered, predicted = (np.full_like(log_density, -np.inf) for _ in range(2))
    emitted = np.zeros_like(log_density)
    total = np.zeros(n_sequences)
    impossible = np.zeros(n_sequences, dtype=bool)
    log_transmat = log(transmat)
    prior = np.broadcast_to(log(startprob), log_density[:, 0].shape)
    for t in range(n_steps):
        valid = inside[:, t]
        if t and classes is None:
            prior = log_sum(filtered[:, t - 1, None, :] + log_transmat.T)
        elif t and classes is not None:
            prior = log_sum(filtered[:, t - 1, :, None] + log_transmat[classes[:, t]], axis=1)
        emitted[:, t], common = without_large(log_density[:, t], np.isfinite(prior))
        joint = prior + emitted[:, t]
        scale = log_sum(joint)
        if not refuse:
            impossible |= valid & np.isneginf(scale)
            scale = np.where(impossible, 0.0, scale)
        refuse_impossible(scale, valid, t)
        predicted[valid, t], filtered[valid, t] = prior[valid], joint[valid] - scale[valid, None]
        emitted[valid, t] -= scale[valid, None]
        total[valid] += (scale + common)[valid]
    total[impossible] = -np.inf
    return LogPass(filtered, predicted, emitted, total)


def refuse_impossible(log_probability: Floats, valid: NDArray[np.bool_], step: int) -> None:
    """Refuse a sequence that the model cannot emit.

    Parameters
    ----------
    log_probability : ndarray of shape (sequence,)
        Log probability of the observation at ``step`` given those before it.
    valid : ndarray of bool of shape (sequence,)
        Sequences that have this step.
    step : int
        For the message.

    Raises
    ------
    DataError
        When the log probability of a valid sequence is minus infinity or NaN.
    """
    bad = np.flatnonzero(valid & ~np.isfinite(log_probability))
    if len(bad):
        raise DataError(
            f"sequence {bad[0]}, step {step}: the model gives this observation no probability"
        )
