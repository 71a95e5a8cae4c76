"""Classes in a matrix of distances, and the thresholds over which their number is constant.

Single linkage on mutual reachability distances (Campello et al. 2013, HDBSCAN): states whose
distance is below a threshold are joined. Discrete states give a number of classes that is the same
over a wide range of thresholds, a *plateau*; a continuum falls apart gradually.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree

from hmmlens.typing import Floats, Ints


class Plateau(NamedTuple):
    """A range of thresholds with a constant number of classes.

    Attributes
    ----------
    n_classes : int
        Number of classes with enough members.
    low, high : float
        The range.
    coverage : float
        Share of the states in these classes.
    """

    n_classes: int
    low: float
    high: float
    coverage: float

    @property
    def ratio(self) -> float:
        """The width of the range, as a ratio of its ends.

        Returns
        -------
        float
            1 or more.
        """
        return self.high / self.low


class Linkage:
    """Single linkage of states on their mutual reachability distances.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances between states.
    min_members : int
        States that make a class.
    neighbours : int
        Neighbours behind the core distance.
    resolution : float
        Smallest distance that counts.
    """

    def __init__(
        self, distances: Floats, min_members: int, neighbours: int, resolution: float
    ) -> None:
        n = len(distances)
        core = core_distances(distances, neighbours)
        # SciPy takes weights near zero for missing edges.
        reach = np.maximum(distances, np.maximum(core[:, None], core[None]))
        reach = np.maximum(reach, resolution)
        np.fill_diagonal(reach, 0)
        tree = minimum_spanning_tree(reach).tocoo()
        order = np.argsort(tree.data, kind="stable")
        self.n, self.min_members = n, min_members
        self.heights: NDArray[np.float64] = tree.data[order]
        self.edges = np.stack([tree.row[order], tree.col[order]], axis=1)

    def plateaus(self, coverage: float) -> list[Plateau]:
        """Return all plateaus whose classes cover enough states.

        Parameters
        ----------
        coverage : float
            Smallest share of the states.

        Returns
        -------
        list of Plateau
            In the order of thresholds; the last one is that of one class, without an upper end.
        """
        groups, size = _Groups(self.n), np.ones(self.n, dtype=int)
        n_classes = covered = 0
        found: list[Plateau] = []
        ends = np.append(self.heights[1:], np.inf)
        for (a, b), low, high in zip(self.edges, self.heights, ends, strict=True):
            one, other = groups.find(a), groups.find(b)
            before, after = (size[one], size[other]), size[one] + size[other]
            n_classes += (after >= self.min_members) - sum(s >= self.min_members for s in before)
            covered += after * (after >= self.min_members)
            covered -= sum(s * (s >= self.min_members) for s in before)
            groups.join(one, other)
            size[other] = after
            if high <= low or covered < coverage * self.n:
                continue
            last = found[-1] if found else None
            if last and last.n_classes == n_classes and last.high == low:
                found[-1] = last._replace(high=high, coverage=covered / self.n)
            else:
                found.append(Plateau(int(n_classes), float(low), float(high), covered / self.n))
        return found

    def labels(self, threshold: float) -> Ints:
        """Return the classes at a threshold.

        Parameters
        ----------
        threshold : float
            States nearer than this are joined.

        Returns
        -------
        ndarray of shape (state,)
            Number of the class, -1 for states in none.
        """
        groups = _Groups(self.n)
        for (a, b), height in zip(self.edges, self.heights, strict=True):
            if height > threshold:
                break
            groups.join(groups.find(a), groups.find(b))
        roots = np.array([groups.find(i) for i in range(self.n)])
        labels = np.full(self.n, -1)
        members = [np.flatnonzero(roots == root) for root in np.unique(roots)]
        members = sorted((m for m in members if len(m) >= self.min_members), key=lambda m: m[0])
        for number, rows in enumerate(members):
            labels[rows] = number
        return labels


class _Groups:
    """Disjoint sets."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def find(self, a: int) -> int:
        while self._parent[a] != a:
            self._parent[a] = self._parent[self._parent[a]]
            a = self._parent[a]
        return a

    def join(self, one: int, other: int) -> None:
        self._parent[one] = other


def core_distances(distances: Floats, neighbours: int) -> Floats:
    """Return the distance of each state to its k-th neighbour.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances between states.
    neighbours : int
        k.

    Returns
    -------
    ndarray of shape (state,)
        The distances.
    """
    place = min(neighbours, len(distances) - 1)
    return np.partition(distances, place, axis=1)[:, place]


def widest(plateaus: list[Plateau], spread: float) -> Plateau | None:
    """Return the plateau of two or more classes with the largest ratio.

    Parameters
    ----------
    plateaus : list of Plateau
        See :meth:`Linkage.plateaus`.
    spread : float
        Its classes are at least this far apart.

    Returns
    -------
    Plateau or None
        None where there is none.
    """
    candidates = [p for p in plateaus if p.n_classes > 1 and p.high >= spread]
    return max(candidates, key=lambda p: p.ratio, default=None)
