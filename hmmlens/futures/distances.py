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
    from scipy.spatial.distance import cdist, pdist, squareform

    # Of shape (continuation, step, state, output), whose last two dimensions are read together.
    these, those = (np.ascontiguousarray(f.transpose(1, 2, 0, 3), float) for f in (one, other))
    found = np.zeros((len(these), len(one), len(other)), dtype=np.float32)
    within = one is other and (legal is None or legal[0] is legal[1])
    pairs = np.triu_indices(len(one), 1)
    for window, into in enumerate(found):
        largest = np.zeros(len(pairs[0]) if within else into.shape)
        steps = None
        if legal is not None:
            mine, theirs = legal[0][:, window], legal[1][:, window]
            both = (mine[pairs[0]], theirs[pairs[1]]) if within else (mine[:, None], theirs[None])
            steps = np.minimum(*both)
        for h, (here, there) in enumerate(zip(these[window], those[window], strict=True)):
            # Sums of squared differences, so that the distance of equal vectors is exactly 0.
            gap = pdist(here, "sqeuclidean") if within else cdist(here, there, "sqeuclidean")
            if steps is not None:
                np.copyto(gap, 0.0, where=steps <= h)
            np.maximum(largest, gap, out=largest)
        largest = np.sqrt(largest)
        if steps is not None:
            largest[steps == 0] = np.nan
        into[:] = squareform(largest, checks=False) if within else largest
        if within and legal is not None:
            into[np.diag_indices(len(one))] = np.where(legal[0][:, window] == 0, np.nan, 0.0)
    return found


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
