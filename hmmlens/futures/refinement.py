"""Split classes that behave differently under few continuations.

A state that only a rare input separates from another differs along few continuations, so that their
mean distance is small. Such a class is split along one continuation, if the two parts are separated
as classes are and a second continuation repeats the split.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmlens.futures.comparison import Comparison
from hmmlens.futures.plateaus import Linkage, widest
from hmmlens.futures.settings import FutureSettings
from hmmlens.stats.agreement import rand_index
from hmmlens.typing import Ints

#: Agreement of the splits along two continuations (adjusted Rand index).
AGREEMENT = 0.9
#: Share of the states that both put into parts.
COMMON = 0.8


class Split(NamedTuple):
    """Labels with one class split.

    Attributes
    ----------
    ratio : float
        Of the plateau along the first continuation.
    labels : ndarray of shape (state,)
        Classes after the split.
    windows : ndarray of shape (agreeing,)
        Continuations along which it is seen.
    """

    ratio: float
    labels: Ints
    windows: Ints


def candidates(comparison: Comparison, labels: Ints, settings: FutureSettings) -> list[Split]:
    """Return the splits of one class each that two continuations show, the widest gap first.

    Parameters
    ----------
    comparison : Comparison
        The futures.
    labels : ndarray of shape (state,)
        Classes.
    settings : FutureSettings
        Settings.

    Returns
    -------
    list of Split
        At most one for each class.
    """
    found = []
    for c in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == c)
        if len(rows) < 2 * settings.min_members:
            continue
        if split := _split(comparison, rows, settings):
            new = labels.copy()
            for part in range(1, int(split.labels.max()) + 1):
                new[rows[split.labels == part]] = labels.max() + part
            found.append(split._replace(labels=new))
    return sorted(found, key=lambda split: -split.ratio)


def _split(comparison: Comparison, rows: Ints, settings: FutureSettings) -> Split | None:
    """Return the widest split of some states that a second continuation repeats."""
    splits: list[tuple[float, Ints, int]] = []
    for window, distances in enumerate(comparison.by_window):
        inner = distances[np.ix_(rows, rows)].astype(np.float64)
        if np.isnan(inner).any():
            continue
        linkage = Linkage(
            inner, settings.min_members, settings.min_members - 1, settings.resolution
        )
        best = widest(linkage.plateaus(settings.coverage), settings.spread)
        if best is not None and best.ratio >= settings.split_ratio:
            splits.append((best.ratio, linkage.labels(best.low * 1.0001), window))
    splits.sort(key=lambda split: -split[0])
    for ratio, labels, _ in splits:
        agreeing = []
        for _, other, window in splits:
            both = (labels >= 0) & (other >= 0)
            if both.mean() > COMMON and rand_index(labels[None], other[None]) > AGREEMENT:
                agreeing.append(window)
        if len(agreeing) > 1:
            return Split(ratio, labels, np.array(agreeing))
    return None
