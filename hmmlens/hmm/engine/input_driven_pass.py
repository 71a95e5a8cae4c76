"""Forward and backward passes of models whose transitions depend on the input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.estep import HUGE_BACKWARD, TINY_SCALE
from hmmlens.hmm.engine.logspace import log, log_sum, without_large
from hmmlens.hmm.inference import refuse_impossible
from hmmlens.typing import Floats, Ints


class Expected(NamedTuple):
    """Result of :func:`expect`.

    log_likelihood : (sequence), nats
    filtered, predicted, smoothed : (sequence, time, state), 0 past a sequence's end
    trans : (class, state, next_state), expected transitions of all sequences
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
) -> Expected:
    """Return posteriors and expected transitions, all sequences at once.

    Rabiner 1989, III A to C, with the table of each step's class. Densities are scaled by their
    largest over the states. Where that may lose a path to underflow, which takes tables with zeros,
    everything is done again in log space.

    Parameters
    ----------
    transmat : (class, state, next_state)
    log_density : (sequence, time, state), 0 past the end.
    classes, inside : (sequence, time)
    smooth : without it ``smoothed`` and ``trans`` are empty.

    Raises
    ------
    DataError
        When a value has no probability under any state.
    """
    found = _scaled(startprob, transmat, log_density, classes, inside, smooth)
    if found is None:
        return _logarithmic(startprob, transmat, log_density, classes, inside, smooth)
    return found


def _scaled(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    classes: Ints,
    inside: NDArray[np.bool_],
    smooth: bool,
) -> Expected | None:
    """Do what :func:`expect` does with scaled probabilities; None where these are not safe."""
    n_sequences, n_steps, n_states = log_density.shape
    moves = np.where(inside, classes, 0)
    top = log_density.max(axis=2)
    filtered, predicted = np.empty_like(log_density), np.empty_like(log_density)
    scale = np.empty((n_sequences, n_steps))
    prior = np.broadcast_to(startprob, (n_sequences, n_states))
    # What is not a number here is found by the comparison below.
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.exp(log_density - top[..., None])
        for t in range(n_steps):
            if t:
                prior = (filtered[:, t - 1, None] @ transmat[moves[:, t]])[:, 0]
            joint = prior * density[:, t]
            scale[:, t] = joint.sum(axis=1)
            predicted[:, t], filtered[:, t] = prior, joint / scale[:, t, None]
    if not (scale[inside] >= TINY_SCALE).all():
        return None
    total = np.where(inside, np.log(scale, where=inside, out=np.zeros_like(scale)) + top, 0.0)
    total = total.sum(axis=1)
    gone = ~inside
    if not smooth:
        filtered[gone] = predicted[gone] = 0
        return Expected(total, filtered, predicted, density[:0], transmat[:0])
    smoothed = filtered.copy()
    trans = np.zeros_like(transmat)
    ahead = np.ones((n_sequences, n_states))
    for t in range(n_steps - 2, -1, -1):
        # Past the end densities are 1, so what lies ahead says nothing there.
        weighted = density[:, t + 1] * ahead / scale[:, t + 1, None]
        table = transmat[moves[:, t + 1]]
        pair = filtered[:, t, :, None] * table * weighted[:, None]
        valid = np.flatnonzero(inside[:, t + 1])
        np.add.at(trans, moves[valid, t + 1], pair[valid])
        ahead = (table @ weighted[:, :, None])[:, :, 0]
        if not ahead[valid].max(initial=0) <= HUGE_BACKWARD:
            return None
        smoothed[:, t] = filtered[:, t] * ahead
    for part in (filtered, predicted, smoothed):
        part[gone] = 0
    return Expected(total, filtered, predicted, smoothed, trans)


def _logarithmic(
    startprob: Floats,
    transmat: Floats,
    log_density: Floats,
    classes: Ints,
    inside: NDArray[np.bool_],
    smooth: bool,
) -> Expected:
    """Do what :func:`expect` does in log space, safe whatever underflows."""
    n_sequences, n_steps, n_states = log_density.shape
    log_transmat, moves = log(transmat), np.where(inside, classes, 0)
    emitted, total = np.zeros_like(log_density), np.zeros(n_sequences)
    filtered, predicted = (np.full_like(log_density, -np.inf) for _ in range(2))
    prior = np.broadcast_to(log(startprob), (n_sequences, n_states))
    for t in range(n_steps):
        valid = inside[:, t]
        if t:
            prior = log_sum(filtered[:, t - 1, :, None] + log_transmat[moves[:, t]], axis=1)
        emitted[:, t], common = without_large(log_density[:, t], np.isfinite(prior))
        joint = prior + emitted[:, t]
        scale = log_sum(joint)
        refuse_impossible(scale, valid, t)
        predicted[valid, t], filtered[valid, t] = prior[valid], joint[valid] - scale[valid, None]
        emitted[valid, t] -= scale[valid, None]
        total[valid] += (scale + common)[valid]
    smoothed, trans = filtered.copy(), np.zeros_like(transmat)
    ahead = np.zeros((n_sequences, n_states))
    for t in range(n_steps - 2, -1, -1) if smooth else ():
        on = np.flatnonzero(inside[:, t + 1])
        weighted = log_transmat[moves[on, t + 1]] + (emitted[:, t + 1] + ahead)[on, None]
        np.add.at(trans, moves[on, t + 1], np.exp(filtered[on, t, :, None] + weighted))
        ahead[on] = log_sum(weighted)
        smoothed[on, t] = (filtered[:, t] + ahead)[on]
    if not smooth:
        return Expected(total, np.exp(filtered), np.exp(predicted), emitted[:0], transmat[:0])
    return Expected(total, np.exp(filtered), np.exp(predicted), np.exp(smoothed), trans)
