"""Few trainings: intervals of their mean, and differences between what shares a seed.

The unit of a claim about training is a training. There are few of them, so that the interval is
Student's, and the p value that of all ways in which signs could have fallen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate

#: Most pairs for which all signs are gone through: 2^16 is 65,536.
MOST_PAIRS = 16


class Paired(NamedTuple):
    """The difference of pairs.

    difference : its mean, with Student's 95 % interval
    p : two-sided, see :func:`sign_flip`
    n : pairs
    """

    difference: Estimate
    p: float
    n: int


def student(values: ArrayLike) -> Estimate:
    """Return the mean of ``values`` (unit) with Student's 95 % interval; NaN are left out."""
    given = np.asarray(values, dtype=np.float64)
    given = given[~np.isnan(given)]
    if len(given) < 2:
        return Estimate(float(given[0]) if len(given) else np.nan, np.nan, np.nan)
    from scipy.special import stdtrit

    mean = float(given.mean())
    half = float(stdtrit(len(given) - 1, 0.975) * given.std(ddof=1) / np.sqrt(len(given)))
    return Estimate(mean, mean - half, mean + half)


def sign_flip(differences: ArrayLike) -> float:
    """Return the share of all signs whose mean is as far from 0 (Fisher 1935, section 21).

    The least that n differences can give is 2 / 2^n: .0625 of five.

    Raises
    ------
    DataError
        With no difference, or more than :data:`MOST_PAIRS`.
    """
    given = np.asarray(differences, dtype=np.float64)
    if not 0 < len(given) <= MOST_PAIRS:
        raise DataError(f"signs of 1 to {MOST_PAIRS} differences can be flipped, not {len(given)}")
    signs = 1 - 2 * ((np.arange(2 ** len(given))[:, None] >> np.arange(len(given))) & 1)
    means = np.abs(signs @ given)
    # Sums of the same numbers in another order may differ in the last digits.
    return float((means >= np.abs(given.sum()) * (1 - 1e-9)).mean())


def paired(one: ArrayLike, two: ArrayLike) -> Paired:
    """Compare ``one`` with ``two`` (unit), unit by unit: one - two; pairs with a NaN are left out.

    The difference and p are NaN where no pair is left.
    """
    apart = np.asarray(one, dtype=np.float64) - np.asarray(two, dtype=np.float64)
    known = apart[~np.isnan(apart)]
    return Paired(student(known), sign_flip(known) if len(known) else np.nan, len(known))
