"""A baseline without states: a linear system with inputs in the same components (VARX)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hmmlens.typing import Bools, Floats
from hmmlens.validation.fidelity import fidelity


def predictions(
    space: Floats, inputs: Floats, distribution: Floats, train: Bools, horizon: int
) -> Iterator[Floats]:
    """Yield the predictions of the system from h = 0 to ``horizon`` steps before.

    ``z_t = M z_{t-1} + N x_t + c`` and ``y_t = W z_t + b`` by least squares on train; the system
    starts at the recorded components and then runs on the true inputs alone.

    Parameters
    ----------
    space : ndarray of shape (sequence, time, component)
        Components.
    inputs : ndarray of shape (sequence, time, feature)
        Inputs, symbols as one-hot.
    distribution : ndarray of shape (sequence, time, output)
        Output of the network.
    train : ndarray of shape (sequence, time)
        Frames to learn from.
    horizon : int
        Largest number of steps ahead.

    Yields
    ------
    ndarray of shape (sequence, time, output)
        For each h.
    """
    before = np.concatenate([_with_one(space[:, :-1]), inputs[:, 1:]], axis=2)
    pairs = train[:, 1:] & train[:, :-1]
    move = _solve(before[pairs], space[:, 1:][pairs])
    read = _solve(_with_one(space)[train], distribution[train])
    ahead = space
    for h in range(horizon + 1):
        if h:
            known = np.concatenate([_with_one(ahead[:, :-1]), inputs[:, 1:]], axis=2)
            ahead = np.pad(known @ move, ((0, 0), (1, 0), (0, 0)))
        yield _with_one(ahead) @ read


def fidelity_curve(
    space: Floats,
    inputs: Floats,
    distribution: Floats,
    train: Bools,
    scored: Bools,
    average: Floats,
    horizon: int,
) -> Floats:
    """Return the R2 of :func:`predictions` for h = 0 to ``horizon``.

    All h are scored on the same frames, those at least ``horizon`` steps after the start.

    Parameters
    ----------
    space : ndarray of shape (sequence, time, component)
        Components.
    inputs : ndarray of shape (sequence, time, feature)
        Inputs, symbols as one-hot.
    distribution : ndarray of shape (sequence, time, output)
        Output of the network.
    train, scored : ndarray of shape (sequence, time)
        Frames to learn from, and frames to score.
    average : ndarray of shape (output,)
        Mean output of the train split.
    horizon : int
        Largest number of steps ahead.

    Returns
    -------
    ndarray of shape (horizon + 1,)
        R2 at each number of steps.
    """
    frames = scored.copy()
    frames[:, :horizon] = False
    predicted = predictions(space, inputs, distribution, train, horizon)
    return np.array(
        [fidelity(distribution[frames], part[frames], average, "values") for part in predicted]
    )


def _with_one(values: Floats) -> Floats:
    return np.concatenate([values, np.ones((*values.shape[:2], 1))], axis=2)


def _solve(given: Floats, wanted: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(given, wanted, rcond=None)[0], dtype=np.float64)
