"""Intervals of the mean of few trainings, and differences between trainings that share a seed.

The unit of a claim about training is a training. There are few of them, so that the interval is
Student's, and the p value is that of all sign flips.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, mean_estimate

#: Largest number of pairs for which all signs are tried: 2^16 is 65,536.
MOST_PAIRS = 16


class Paired(NamedTuple):
    """The difference of pairs.

    Attributes
    ----------
    difference : Estimate
        The mean difference, with Student's 95 % interval.
    p : float
        Two-sided, see :func:`sign_flip`.
    n : int
        Number of pairs.
    """

    difference: Estimate
    p: float
    n: int


def student(values: ArrayLike) -> Estimate:
    """Return the mean with Student's 95 % interval.

    Parameters
    ----------
    values : array_like of shape (unit,)
        One value for each unit; NaN are ignored.

    Returns
    -------
    Estimate
        Value and interval.

    Examples
    --------
    >>> round(student([1.0, 2.0, 3.0]).low, 3)
    -0.484
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return mean_estimate(known) if len(known) else Estimate(np.nan, np.nan, np.nan)


def prediction(values: ArrayLike) -> Estimate:
    """Return the mean with the 95 % prediction interval of one further unit.

    The interval is mean +- t s sqrt(1 + 1/n), t being Student's quantile with n - 1 degrees of
    freedom and s the standard deviation. It contains the value of a new unit of the same normal
    distribution with probability .95, whatever n is; :func:`student` bounds the mean instead, and
    shrinks to a point with growing n.

    Parameters
    ----------
    values : array_like of shape (unit,)
        One value for each unit; NaN are ignored.

    Returns
    -------
    Estimate
        Value and interval; without limits below two units.

    Examples
    --------
    >>> round(prediction([1.0, 2.0, 3.0]).low, 3)
    -2.968
    """
    known = np.asarray(values, dtype=np.float64)
    n = int((~np.isnan(known)).sum())
    mean, low, high = student(values)
    wider = float(np.sqrt(n + 1))
    return Estimate(mean, *(float(mean + (limit - mean) * wider) for limit in (low, high)))


def sign_flip(differences: ArrayLike) -> float:
    """Return the share of all signs whose mean is as far from 0 (Fisher 1935, section 21).

    Parameters
    ----------
    differences : array_like of shape (pair,)
        Differences of pairs.

    Returns
    -------
    float
        At least 2 / 2^n for n differences: .0625 for five.

    Raises
    ------
    DataError
        With no difference, or more than :data:`MOST_PAIRS`.

    Examples
    --------
    >>> sign_flip([1.0, 2.0, 3.0, 4.0, 5.0])
    0.0625
    """
    given = np.asarray(differences, dtype=np.float64)
    if not 0 < len(given) <= MOST_PAIRS:
        raise DataError(f"signs of 1 to {MOST_PAIRS} differences can be flipped, not {len(given)}")
    signs = 1 - 2 * ((np.arange(2 ** len(given))[:, None] >> np.arange(len(given))) & 1)
    means = np.abs(signs @ given)
    # Sums of the same numbers in another order may differ in the last digits.
    return float((means >= np.abs(given.sum()) * (1 - 1e-9)).mean())


def paired(one: ArrayLike, two: ArrayLike) -> Paired:
    """Compare two samples unit by unit: one - two.

    Parameters
    ----------
    one, two : array_like of shape (unit,)
        Values; pairs with a NaN are ignored.

    Returns
    -------
    Paired
        The difference and p are NaN where no pair remains.

    Examples
    --------
    >>> result = paired([3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 2.0, 2.0])
    >>> round(result.difference.value, 2), result.p, result.n
    (2.75, 0.125, 4)
    """
    apart = np.asarray(one, dtype=np.float64) - np.asarray(two, dtype=np.float64)
    known = apart[~np.isnan(apart)]
    return Paired(student(known), sign_flip(known) if len(known) else np.nan, len(known))
