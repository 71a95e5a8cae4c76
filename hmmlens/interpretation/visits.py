"""Whole visits to states along a path: how long each lasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats


def visits(path: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the whole visits of a path.

    Visits cut off by the start or end of a sequence are left out: their lengths are not known.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, below 0 past the end.

    Returns
    -------
    state, length : ndarray of shape (visit,)
        State and number of steps of each visit.
    """
    states, lengths = [], []
    for row in path:
        steps = row[row >= 0]
        edges = np.flatnonzero(np.diff(steps)) + 1
        if len(edges) < 2:
            continue
        states.append(steps[edges[:-1]])
        lengths.append(np.diff(edges))
    if not states:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(states).astype(np.int64), np.concatenate(lengths).astype(np.int64)


def mean_dwells(path: NDArray[np.integer], n_states: int) -> Floats:
    """Return the mean length of each state's whole visits.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, below 0 past the end.
    n_states : int
        Number of states.

    Returns
    -------
    ndarray of shape (state,)
        In steps; NaN without any whole visit.

    Examples
    --------
    >>> mean_dwells(np.array([[0, 1, 1, 1, 0, 1, 0]]), n_states=2).tolist()
    [1.0, 2.0]
    """
    state, length = visits(path)
    total = np.bincount(state, weights=length, minlength=n_states)
    count = np.bincount(state, minlength=n_states)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
