"""Ratios of sums over runs, such as means and shares, with intervals that resample whole runs."""

from __future__ import annotations

import numpy as np

from hmmlens.stats.bootstrap import Estimate, interval, resampled
from hmmlens.typing import Floats

#: Resamples for an interval.
N_BOOTSTRAP = 1000


def ratio(above: Floats, below: Floats, rng: np.random.Generator) -> Estimate:
    """Return sum(above) / sum(below) with its bootstrap interval over runs.

    Parameters
    ----------
    above, below : ndarray of shape (run,)
        Numerator and denominator of each run.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Estimate
        NaN where the sum below is 0; the limits are also NaN where it is in a resample, or with
        fewer than two runs.

    Examples
    --------
    >>> import numpy as np
    >>> above, below = np.array([2.0, 3.0, 4.0]), np.array([4.0, 6.0, 8.0])
    >>> ratio(above, below, np.random.default_rng(0)).value
    0.5
    """
    parts = np.stack([above, below], axis=1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(_quotient(parts.sum(axis=0)))
        if len(parts) < 2:
            return Estimate(value, np.nan, np.nan)
        return Estimate(value, *interval(_quotient(resampled(parts, N_BOOTSTRAP, rng))))


def per_run(above: Floats, rng: np.random.Generator) -> Estimate:
    """Return the mean of one value for each run with its bootstrap interval.

    Parameters
    ----------
    above : ndarray of shape (run,)
        Values.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Estimate
        Value and interval.
    """
    return ratio(above, np.ones(len(above)), rng)


def _quotient(sums: Floats) -> Floats:
    found: Floats = np.where(sums[..., 1] == 0, np.nan, sums[..., 0] / sums[..., 1])
    return found
