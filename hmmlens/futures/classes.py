"""Classes of states with equal futures, and how distinct they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hmmlens.futures.comparison import Comparison
from hmmlens.futures.distances import combined, upper
from hmmlens.futures.plateaus import Linkage, Plateau, widest
from hmmlens.futures.settings import FutureSettings
from hmmlens.typing import Floats, Ints

#: How much further the nearest other class is than a class is wide, for a class that is a point.
POINT = 2.5


@dataclass(frozen=True)
class Classes:
    """Classes of states with equal futures, and the numbers that show how distinct they are.

    Attributes
    ----------
    labels : ndarray of shape (state,)
        Class of each state of the sample, -1 for none.
    n_classes : int
        Number of classes; 1 where no plateau has more.
    low, high : float
        Range of thresholds over which their number is constant.
    coverage : float
        Share of the states in classes.
    points : float
        Share of these states in classes that are points: their width is at most the distance to
        the nearest other class divided by 2.5.
    ambiguity : float
        90 % quantile over states of the mean distance within the class divided by the distance to
        the nearest state of another.
    smallest : float
        Share of the states in the smallest class.
    """

    labels: Ints
    n_classes: int = 1
    low: float = float("nan")
    high: float = float("nan")
    coverage: float = float("nan")
    points: float = float("nan")
    ambiguity: float = float("nan")
    smallest: float = float("nan")

    @property
    def ratio(self) -> float:
        """The ratio of ``high`` to ``low``.

        Returns
        -------
        float
            1 where there is no plateau.
        """
        return self.high / self.low if self.n_classes > 1 else 1.0


def find_classes(distances: Floats, settings: FutureSettings) -> Classes:
    """Return the classes at the widest plateau.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        See :attr:`hmmlens.futures.comparison.Comparison.distances`.
    settings : FutureSettings
        Settings.

    Returns
    -------
    Classes
        One class without a plateau of more.
    """
    linkage = Linkage(distances, settings.min_members, settings.neighbours, settings.resolution)
    best = widest(linkage.plateaus(settings.coverage), settings.spread)
    if best is None:
        return Classes(np.zeros(len(distances), dtype=int))
    return classes_at(distances, linkage, best)


def classes_at(distances: Floats, linkage: Linkage, plateau: Plateau) -> Classes:
    """Return the classes at a plateau.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances.
    linkage : Linkage
        Of the distances.
    plateau : Plateau
        One of its plateaus.

    Returns
    -------
    Classes
        States outside classes belong to the nearest class if that is nearer than the plateau is
        high.
    """
    labels = linkage.labels(plateau.low * 1.0001)
    return describe(distances, labels, plateau)


def describe(distances: Floats, labels: Ints, plateau: Plateau) -> Classes:
    """Return classes with the numbers that show how distinct they are.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances.
    labels : ndarray of shape (state,)
        Class of each state, -1 for none.
    plateau : Plateau
        The range of thresholds.

    Returns
    -------
    Classes
        The classes.
    """
    n_classes = int(labels.max()) + 1
    members = [np.flatnonzero(labels == c) for c in range(n_classes)]
    points = 0
    for rows in members:
        width = np.quantile(upper(distances[np.ix_(rows, rows)]), 0.9) if len(rows) > 1 else 0.0
        others = np.flatnonzero((labels >= 0) & (labels != labels[rows[0]]))
        gap = np.quantile(distances[np.ix_(rows, others)].min(axis=1), 0.1) if len(others) else 0.0
        points += len(rows) * bool(width <= gap / POINT)
    in_class = int((labels >= 0).sum())
    means = np.stack([distances[:, rows].mean(axis=1) for rows in members], axis=1)
    labels = np.where((labels < 0) & (means.min(axis=1) < plateau.high), means.argmin(1), labels)
    ratios = []
    for i in np.flatnonzero(labels >= 0):
        same, other = labels == labels[i], (labels >= 0) & (labels != labels[i])
        same[i] = False
        if same.any() and other.any():
            ratios.append(distances[i, same].mean() / max(distances[i, other].min(), 1e-12))
    return Classes(
        labels, n_classes, plateau.low, plateau.high, plateau.coverage, points / in_class,
        float(np.quantile(ratios, 0.9)) if ratios else float("nan"),
        min(len(rows) for rows in members) / len(labels),
    )  # fmt: skip


def count_interval(
    comparison: Comparison, settings: FutureSettings, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the range of the number of classes over resamples.

    Parameters
    ----------
    comparison : Comparison
        The futures.
    settings : FutureSettings
        Settings.
    rng : numpy.random.Generator
        Source of the resamples, of 70 % of the states and half of the continuations each.

    Returns
    -------
    low, high : int
        Second smallest and second largest number.
    """
    by_window, now = comparison.by_window[comparison.separating], comparison.now
    n_windows, n = by_window.shape[:2]
    counts = []
    smaller = replace(
        settings,
        min_members=max(2, settings.min_members - 1), neighbours=max(1, settings.neighbours - 1),
    )  # fmt: skip
    for _ in range(settings.n_resamples):
        rows = np.sort(rng.permutation(n)[: int(0.7 * n)])
        windows = rng.permutation(n_windows)[: max(1, n_windows // 2)]
        gap = None
        if comparison.moore:
            gap = np.linalg.norm(now[rows][:, None] - now[rows][None], axis=2)
        distances = combined(by_window[np.ix_(windows, rows, rows)], gap)
        distances = np.where(np.isnan(distances), np.inf, distances)
        finite = np.where(
            np.isinf(distances), np.nanmax(distances[~np.isinf(distances)]), distances
        )
        counts.append(find_classes(finite, smaller).n_classes)
    counts.sort()
    return counts[min(1, len(counts) - 1)], counts[max(len(counts) - 2, 0)]
