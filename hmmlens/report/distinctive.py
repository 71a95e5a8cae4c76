"""Which of many inputs, outputs or labels a figure shows: those by which states differ most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats

#: Most columns of one kind, and most states, that a figure shows.
MAX_COLUMNS, MAX_STATES = 16, 30


def overall(mean: Floats, sd: Floats, occupancy: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of each column over all states.

    Parameters
    ----------
    mean : ndarray of float, shape (state, column)
        Mean of each column in each state; NaN in states that do not occur.
    sd : ndarray of float, shape (state, column)
        Standard deviation of each column in each state; NaN in states that do not occur.
    occupancy : ndarray of float, shape (state,)
        Share of steps in each state.

    Returns
    -------
    tuple of ndarray
        Mean (column,) and standard deviation (column,), weighted by occupancy.
    """
    seen = np.isfinite(mean)
    weight = np.where(seen, occupancy[:, None], 0.0)
    weight = weight / np.maximum(weight.sum(axis=0), 1e-300)
    level = np.where(seen, mean, 0.0)
    centre = (weight * level).sum(axis=0)
    within = np.where(np.isfinite(sd), sd, 0.0) ** 2
    variance = (weight * ((level - centre) ** 2 * seen + within)).sum(axis=0)
    return centre, np.sqrt(variance)


def separation(mean: Floats, sd: Floats, occupancy: Floats) -> Floats:
    """Return the share of each column's variance that lies between states (column), 0 to 1.

    Of symbols, mean and standard deviation are those of their one-hot coding. A column that never
    varies has 0.

    Parameters
    ----------
    mean : ndarray of float
        See :func:`overall`.
    sd : ndarray of float
        See :func:`overall`.
    occupancy : ndarray of float
        See :func:`overall`.

    Returns
    -------
    ndarray of float, shape (column,)
        Between-state variance over total variance.
    """
    centre, scale = overall(mean, sd, occupancy)
    weight = np.where(np.isfinite(mean), occupancy[:, None], 0.0)
    weight = weight / np.maximum(weight.sum(axis=0), 1e-300)
    between = (weight * np.nan_to_num(mean - centre) ** 2).sum(axis=0)
    # What rounding leaves of a constant far from 0 is no variance.
    varies = scale > np.maximum(1e-6 * np.abs(centre), 0.0)
    share = np.divide(between, scale**2, out=np.zeros_like(between), where=varies)
    found: Floats = np.clip(np.nan_to_num(share), 0.0, 1.0)
    return found


def most_distinctive(score: Floats, most: int = MAX_COLUMNS) -> NDArray[np.intp]:
    """Return which columns are shown: all in their order, or of many the best, highest first.

    Equal scores keep their order.

    Parameters
    ----------
    score : ndarray of float, shape (column,)
        How much states differ in each column.
    most : int
        Largest number of columns that are shown.

    Returns
    -------
    ndarray of int
        Indices of the columns.
    """
    if len(score) <= most:
        return np.arange(len(score))
    return np.argsort(-np.round(score, 9), kind="stable")[:most]


def share_sd(share: Floats) -> Floats:
    """Return the standard deviation of a one-hot coding from its mean, the share.

    Parameters
    ----------
    share : ndarray of float
        Means of one-hot coded columns, 0 to 1.

    Returns
    -------
    ndarray of float
        Standard deviations, of the shape of ``share``.
    """
    found: Floats = np.sqrt(np.maximum(share * (1 - share), 0.0))
    return found


def and_more(n: int, shown: int) -> str:
    """Return a text such as ``and 984 more``.

    Parameters
    ----------
    n : int
        Number of all.
    shown : int
        Number of those that are shown.

    Returns
    -------
    str
        Empty where all are shown.
    """
    return f"and {n - shown:,} more" if n > shown else ""
