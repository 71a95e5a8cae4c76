"""Which steps of a continuation are legal after a class: those whose inputs occur after it.

A continuation that was recorded elsewhere may hold inputs that never follow a state in the data (a
probe without a cue). What a network does then is no part of its task.
"""

from __future__ import annotations

import numpy as np

from hmmlens.futures.machine import TABLE, Path
from hmmlens.typing import Floats, Ints


def legal_steps(path: Path, windows: Floats, n_classes: int) -> Ints | None:
    """Return the legal steps of each continuation after each class.

    Parameters
    ----------
    path : Path
        Sequences with classes.
    windows : ndarray of shape (continuation, step, feature)
        The continuations.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray of shape (class, continuation) or None
        Steps up to the first input that never followed the class that the machine is in then; None
        where inputs are not discrete.
    """
    n_features = path.inputs.shape[2]
    rows = np.concatenate([path.inputs.reshape(-1, n_features), windows.reshape(-1, n_features)])
    distinct, codes = np.unique(rows.round(6), axis=0, return_inverse=True)
    if len(distinct) > TABLE:
        return None
    codes = codes.ravel()
    seen, ahead = np.split(codes, [path.classes.size])
    seen = seen.reshape(path.classes.shape)
    ahead = ahead.reshape(windows.shape[:2])
    counts = np.zeros((n_classes, len(distinct), n_classes), dtype=int)
    known = (path.classes[:, :-1] >= 0) & (path.classes[:, 1:] >= 0)
    i, t = np.nonzero(known)
    np.add.at(counts, (path.classes[i, t], seen[i, t + 1], path.classes[i, t + 1]), 1)
    occurs, follows = counts.sum(axis=2) > 0, counts.argmax(axis=2)
    current = np.tile(np.arange(n_classes)[:, None], (1, len(ahead)))
    steps = np.zeros_like(current)
    alive = np.ones_like(current, dtype=bool)
    for codes_ahead in ahead.T:
        x = np.broadcast_to(codes_ahead, current.shape)
        alive &= occurs[current, x]
        steps += alive
        current = np.where(alive, follows[current, x], current)
    return steps
