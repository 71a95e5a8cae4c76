"""Discrete choices among floating-point scores that do not depend on the last digits.

Processors and linear-algebra kernels round differently. Where two candidates have the same score
but for rounding, such as two restarts of EM that reach the same optimum, ``argmax`` would choose
one of them on one machine and the other one on another. Here scores that differ by less than a
relative tolerance count as equal, and the first candidate is chosen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Scores whose difference is at most this share of the larger magnitude count as equal.
RELATIVE_TOLERANCE = 1e-9


def slack(value: float) -> float:
    """Return the largest difference from a value that counts as rounding.

    Parameters
    ----------
    value : float
        A score.

    Returns
    -------
    float
        The largest difference from a value that counts as rounding.
    """
    return RELATIVE_TOLERANCE * abs(value) if np.isfinite(value) else 0.0


def first_best(scores: ArrayLike, largest: bool = True) -> int:
    """Return the position of the first score that is as good as the best.

    Parameters
    ----------
    scores : array_like of shape (candidate,)
        Scores; NaN is never chosen.
    largest : bool, optional
        Whether the largest or the smallest score is the best.

    Returns
    -------
    int
        The position of the first score that is as good as the best.

    Raises
    ------
    ValueError
        When there is no score but NaN.

    Examples
    --------
    >>> first_best([1.0, 3.0, 3.0 + 1e-12])
    1
    """
    values = np.asarray(scores, dtype=np.float64)
    values = values if largest else -values
    if np.isnan(values).all():
        raise ValueError("there is no score to choose by")
    best = float(np.nanmax(values))
    return int(np.flatnonzero(values >= best - slack(best))[0])


def descending(scores: ArrayLike) -> NDArray[np.intp]:
    """Return the order of scores from the largest to the smallest; equal ones keep their order.

    Neighbours in the sorted order that differ by rounding alone count as equal.

    Parameters
    ----------
    scores : array_like of shape (candidate,)
        Scores; NaN counts as the smallest.

    Returns
    -------
    ndarray of shape (candidate,)
        Order of scores from the largest to the smallest.

    Examples
    --------
    >>> descending([0.25, 0.5, 0.25 + 1e-12]).tolist()
    [1, 0, 2]
    """
    values = np.asarray(scores, dtype=np.float64)
    values = np.where(np.isnan(values), -np.inf, values)
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    with np.errstate(invalid="ignore"):
        gap = ranked[:-1] - ranked[1:]
    magnitude = np.maximum(np.abs(ranked[:-1]), np.abs(ranked[1:]))
    apart = gap > np.where(np.isfinite(magnitude), RELATIVE_TOLERANCE * magnitude, 0.0)
    group = np.concatenate([[0], np.cumsum(apart)])[: len(values)]
    return order[np.lexsort((order, group))]
