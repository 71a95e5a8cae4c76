"""Places of the nodes of a graph, from which of them are joined."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hmmlens.typing import Floats

#: Initial places, steps from each at most, and the share of the stress that a step has to gain.
N_INITIAL, N_STEPS, LEAST_GAIN = 5, 1000, 1e-7


def layout(joined: Iterable[tuple[int, int]], n: int) -> Floats:
    """Return places at which nodes stand apart as far as they are steps apart.

    The stress of the distances is minimised (Gansner, Koren & North 2005), from several initial
    places, always the same ones.

    Parameters
    ----------
    joined : iterable of tuple of int
        Pairs of nodes with an arrow from one to the other.
    n : int
        Number of nodes.

    Returns
    -------
    ndarray of shape (node, 2)
        Places between -1 and 1, the longer side across.

    Examples
    --------
    >>> (layout([(0, 1), (1, 2)], 3).round(1) + 0.0).tolist()
    [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    from scipy.sparse.csgraph import shortest_path

    if n == 1:
        return np.zeros((1, 2))
    edges = np.zeros((n, n))
    for i, j in joined:
        edges[i, j] = edges[j, i] = 1.0
    apart = shortest_path(edges, unweighted=True, directed=False)
    finite = np.isfinite(apart)
    apart = np.where(finite, apart, apart[finite].max() + 1.0)
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(n) / n
    first = [np.c_[np.cos(angle), np.sin(angle)]]
    first += [rng.normal(size=(n, 2)) for _ in range(N_INITIAL - 1)]
    _, place = min((_least_stress(start, apart) for start in first), key=lambda found: found[0])
    # The longest direction lies across; the first node stands left, or above.
    place = place - place.mean(axis=0)
    place = place @ np.linalg.svd(place, full_matrices=False)[2].T
    place = place * np.where(place[0] * [1, -1] > 1e-9, -1.0, 1.0)
    scaled: Floats = place / max(float(np.abs(place).max()), 1e-9)
    return scaled


def _least_stress(place: Floats, apart: Floats) -> tuple[float, Floats]:
    """Return the stress after majorisation, rounded, and the places."""
    n = len(place)
    weight = np.where(np.eye(n, dtype=bool), 0.0, 1 / np.maximum(apart, 1.0) ** 2)
    inverse = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    stress = np.inf
    for _ in range(N_STEPS):
        distance = np.linalg.norm(place[:, None] - place[None], axis=2)
        former, stress = stress, float((weight * (distance - apart) ** 2).sum())
        if former - stress < LEAST_GAIN * stress + 1e-9:
            break
        ratio = weight * apart / np.maximum(distance, 1e-9)
        place = inverse @ (np.diag(ratio.sum(axis=1)) - ratio) @ place
    return round(stress, 6), place
