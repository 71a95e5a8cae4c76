"""Shares of independent units with exact intervals."""

from __future__ import annotations

import numpy as np

from hmmlens.stats.bootstrap import Estimate


def share(hits: int, n: int) -> Estimate:
    """Return a share with its exact 95 % interval (Clopper & Pearson 1934, Biometrika 26:404).

    Parameters
    ----------
    hits : int
        Number of units of which something holds.
    n : int
        Number of independent units.

    Returns
    -------
    Estimate
        All NaN where ``n`` is 0.

    Examples
    --------
    >>> [round(x, 3) for x in share(8, 10)]
    [0.8, 0.444, 0.975]
    """
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan)
    from scipy.special import betaincinv

    low = betaincinv(hits, n - hits + 1, 0.025) if hits else 0.0
    high = betaincinv(hits + 1, n - hits, 0.975) if hits < n else 1.0
    return Estimate(hits / n, float(low), float(high))
