"""Distances between states: how far their outputs part under the same continuations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats, Ints


def window_distances(
    one: Floats, other: Floats, legal: tuple[Ints, Ints] | None = None
) -> NDArray[np.float32]:
    """Return the largest difference of outputs along each continuation.

    Parameters
    ----------
    one, other : ndarray of shape (state, continuation, step, output)
        Futures; the numbers of states may differ.
    legal : tuple of ndarray of shape (state, continuation), optional
        Steps of each continuation that count, for the states of either. A continuation of which no
        step counts for both of two states does not compare them.

    Returns
    -------
    ndarray of shape (continuation, state, other state)
        Euclidean distances, NaN where a continuation does not compare two states.
    """
    n_windows, n_steps = one.shape[1:3]
    found = np.zeros((n_windows, len(one), len(other)), dtype=np.float32)
    steps = None
    if legal is not None:
        steps = np.minimum(legal[0].T[:, :, None], legal[1].T[:, None, :])
    for window, into in enumerate(found):
        for h in range(n_steps):
            gap = _distance(one[:, window, h], other[:, window, h])
            if steps is not None:
                gap = np.where(steps[window] > h, gap, 0.0)
            np.maximum(into, gap, out=into)
    if steps is not None:
        found[steps == 0] = np.nan
    return found


def _distance(one: Floats, other: Floats) -> NDArray[np.float32]:
    """Return Euclidean distances (state, other state), exact also for equal vectors."""
    total = np.zeros((len(one), len(other)), dtype=np.float32)
    for k in range(one.shape[1]):
        total += np.subtract.outer(one[:, k], other[:, k]).astype(np.float32) ** 2
    return np.sqrt(total)


def combined(by_window: NDArray[Any], now: Floats | None = None) -> Floats:
    """Return one distance for each pair of states.

    Parameters
    ----------
    by_window : ndarray of shape (continuation, state, other state)
        See :func:`window_distances`.
    now : ndarray of shape (state, other state), optional
        Distance of the present outputs, where these count too.

    Returns
    -------
    ndarray of shape (state, other state)
        Mean over the continuations that compare the two; NaN where none does.
    """
    if now is not None:
        by_window = np.maximum(by_window, now[None])
    known = ~np.isnan(by_window)
    count = known.sum(axis=0)
    total = np.where(known, by_window, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def dimension(distances: Floats, shares: tuple[float, float] = (0.01, 0.15)) -> float:
    """Return the correlation dimension of states (Grassberger & Procaccia 1983).

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances between states.
    shares : tuple of float
        Shares of the pairs between which the slope is taken.

    Returns
    -------
    float
        The dimension; NaN where a share of the pairs coincides.
    """
    pairs = np.sort(upper(distances))
    low, high = (pairs[int(share * len(pairs))] for share in shares)
    if not 0 < low < high:
        return float("nan")
    return float(np.log(shares[1] / shares[0]) / np.log(high / low))


def upper(matrix: NDArray[np.float64]) -> Floats:
    """Return the entries above the diagonal.

    Parameters
    ----------
    matrix : ndarray of shape (state, state)
        A symmetric matrix.

    Returns
    -------
    ndarray of shape (pair,)
        Its entries.
    """
    return matrix[np.triu_indices(len(matrix), 1)]
