"""Forward and backward passes of models whose transitions depend on the input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]


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
    largest over the states; tables without a zero keep every sum above the smallest float.

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
    n_sequences, n_steps, n_states = log_density.shape
    moves = np.where(inside, classes, 0)
    top = log_density.max(axis=2)
    density = np.exp(log_density - top[..., None])
    filtered, predicted = np.empty_like(density), np.empty_like(density)
    scale = np.empty((n_sequences, n_steps))
    prior = np.broadcast_to(startprob, (n_sequences, n_states))
    for t in range(n_steps):
        if t:
            prior = (filtered[:, t - 1, None] @ transmat[moves[:, t]])[:, 0]
        joint = prior * density[:, t]
        scale[:, t] = joint.sum(axis=1)
        bad = np.flatnonzero(~(scale[:, t] > 0))
        if len(bad):
            raise DataError(
                f"sequence {bad[0]}, step {t}: the model gives this observation no probability"
            )
        predicted[:, t], filtered[:, t] = prior, joint / scale[:, t, None]
    total = np.where(inside, np.log(scale) + top, 0.0).sum(axis=1)
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
        smoothed[:, t] = filtered[:, t] * ahead
    for part in (filtered, predicted, smoothed):
        part[gone] = 0
    return Expected(total, filtered, predicted, smoothed, trans)
