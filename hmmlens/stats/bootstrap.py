"""Intervals that resample whole units: sequences, or trainings where the claim is about training.

A score is a function of counts or sums that add up over units. The dependence between the steps of
one unit is kept, because a unit is resampled as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmlens.typing import Floats


class Estimate(NamedTuple):
    """A value and its 95 % interval.

    Attributes
    ----------
    value : float
        The value.
    low, high : float
        The limits; NaN where there is no interval.
    """

    value: float
    low: float
    high: float


def resampled(parts: Floats, n_bootstrap: int, rng: np.random.Generator) -> Floats:
    """Return sums of parts over resamples of the units.

    Parameters
    ----------
    parts : ndarray of shape (unit, ...)
        Counts or sums of each unit.
    n_bootstrap : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    ndarray of shape (resample, ...)
        Sums of parts over resamples of the units.
    """
    n = len(parts)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    sums: Floats = np.tensordot(counts, parts, axes=1)
    return sums


def interval(values: Floats | list[float]) -> tuple[float, float]:
    """Return the central 95 % of values.

    Parameters
    ----------
    values : array_like of shape (n,)
        Values.

    Returns
    -------
    low, high : float
        NaN if one of the values is.

    Examples
    --------
    >>> interval([float(value) for value in range(101)])
    (2.5, 97.5)
    """
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def estimate(
    parts: Floats, score: Callable[[Floats], float], n_bootstrap: int, rng: np.random.Generator
) -> Estimate:
    """Return a score of the sum over units with its bootstrap interval.

    With fewer than two units there is no interval (Efron & Tibshirani 1993, chapter 13).

    Parameters
    ----------
    parts : ndarray of shape (unit, ...)
        Counts or sums of each unit.
    score : callable
        Takes a sum over units and returns the score.
    n_bootstrap : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Estimate
        Value and interval.

    Examples
    --------
    The share of successes, with the successes and the trials of 30 sequences:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> parts = np.stack([rng.binomial(40, 0.5, size=30), np.full(30, 40)], axis=1)
    >>> share = estimate(parts, lambda total: total[0] / total[1], 200, rng)
    >>> bool(share.low < share.value < share.high)
    True
    """
    value = score(parts.sum(axis=0))
    if len(parts) < 2:
        return Estimate(value, np.nan, np.nan)
    return Estimate(value, *interval([score(s) for s in resampled(parts, n_bootstrap, rng)]))


def mean_estimate(values: Floats) -> Estimate:
    """Return the mean with Student's 95 % interval.

    Parameters
    ----------
    values : ndarray of shape (unit,)
        One value for each unit.

    Returns
    -------
    Estimate
        Without an interval for fewer than two units.

    Examples
    --------
    >>> import numpy as np
    >>> mean = mean_estimate(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> [round(float(number), 2) for number in mean]
    [2.5, 0.45, 4.55]
    """
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, np.nan, np.nan)
    from scipy.special import stdtrit

    factor = stdtrit(len(values) - 1, 0.975)
    half = float(factor * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(mean, mean - half, mean + half)
