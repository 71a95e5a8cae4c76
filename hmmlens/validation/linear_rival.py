"""A rival without states: a linear system with inputs in the same components (VARX)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.validation.fidelity import fidelity

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def fidelity_curve(
    space: Floats,
    inputs: Floats,
    law: Floats,
    train: Mask,
    scored: Mask,
    average: Floats,
    horizon: int,
) -> Floats:
    """Return the R2 (h) of the network's output h = 0 to ``horizon`` steps ahead.

    ``z_t = M z_{t-1} + N x_t + c`` and ``y_t = W z_t + b`` by least squares on train; the system
    starts at the recorded components and then runs on the true inputs alone. All h are scored on
    the same frames, those at least ``horizon`` steps after the start.

    Parameters
    ----------
    space : (sequence, time, component)
    inputs : (sequence, time, feature), symbols as one-hot.
    law : (sequence, time, output)
    train, scored : frames (sequence, time) to learn from and to score.
    average : (output), from the train split.
    """
    before = np.concatenate([_with_one(space[:, :-1]), inputs[:, 1:]], axis=2)
    pairs = train[:, 1:] & train[:, :-1]
    move = _solve(before[pairs], space[:, 1:][pairs])
    read = _solve(_with_one(space)[train], law[train])
    frames = scored.copy()
    frames[:, :horizon] = False
    ahead = space
    out = np.empty(horizon + 1)
    for h in range(horizon + 1):
        if h:
            known = np.concatenate([_with_one(ahead[:, :-1]), inputs[:, 1:]], axis=2)
            ahead = np.pad(known @ move, ((0, 0), (1, 0), (0, 0)))
        said = _with_one(ahead)[frames] @ read
        out[h] = fidelity(law[frames], said, average, "values")
    return out


def _with_one(values: Floats) -> Floats:
    return np.concatenate([values, np.ones((*values.shape[:2], 1))], axis=2)


def _solve(given: Floats, wanted: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(given, wanted, rcond=None)[0], dtype=np.float64)
