"""Split classes that behave differently under few continuations.

A state that only a rare input tells from another differs along few continuations, so that their
mean distance is small. Such a class is split along one continuation, if the two parts are separated
as classes are and a second continuation repeats the split.
"""

from __future__ import annotations

import numpy as np

from hmmlens.futures.comparison import Comparison
from hmmlens.futures.plateaus import Linkage, widest
from hmmlens.futures.settings import FutureSettings
from hmmlens.typing import Ints

#: Agreement of the splits along two continuations (adjusted Rand index).
AGREEMENT = 0.9


def candidates(comparison: Comparison, labels: Ints, settings: FutureSettings) -> list[Ints]:
    """Return the labels with one class split, the widest gap first.

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
    list of ndarray of shape (state,)
        One for each split that a second continuation repeats.
    """
    from sklearn.metrics import adjusted_rand_score

    found: list[tuple[float, Ints]] = []
    for c in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == c)
        if len(rows) < 2 * settings.min_members:
            continue
        splits: list[tuple[float, Ints]] = []
        for distances in comparison.by_window:
            inner = distances[np.ix_(rows, rows)].astype(np.float64)
            if np.isnan(inner).any():
                continue
            linkage = Linkage(
                inner, settings.min_members, settings.min_members - 1, settings.resolution
            )
            best = widest(linkage.plateaus(settings.coverage), settings.spread)
            if best is not None and best.ratio >= settings.split_ratio:
                splits.append((best.ratio, linkage.labels(best.low * 1.0001)))
        for width, split in splits:
            repeats = 0
            for _, other in splits:
                both = (split >= 0) & (other >= 0)
                if both.mean() > 0.8:
                    repeats += adjusted_rand_score(split[both], other[both]) > AGREEMENT
            if repeats >= 2:
                new = labels.copy()
                for part in range(1, int(split.max()) + 1):
                    new[rows[split == part]] = labels.max() + part
                found.append((width, new))
                break
    return [new for _, new in sorted(found, key=lambda pair: -pair[0])]
