"""Rows of weights as distributions, and their log prior densities."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmlens.typing import Floats

#: A sum of posteriors below this may be made of densities that underflowed.
NOTHING = 1e-200


def rows_to_one(weights: Floats, old: Floats) -> Floats:
    """Return weights divided by their sum over the last axis.

    Parameters
    ----------
    weights : ndarray
        0 or more.
    old : ndarray
        Rows for those without weight.

    Returns
    -------
    ndarray
        Rows that add up to 1.
    """
    total = weights.sum(axis=-1, keepdims=True)
    # Not "above", so that NaN is not taken for nothing.
    nothing = total < NOTHING
    return np.where(nothing, old, weights / np.where(nothing, 1, total))


def weighted_log(weight: Any, p: Floats) -> Floats | float:
    """Return the sum of ``weight * log p`` over all but the first axis.

    Parameters
    ----------
    weight : array_like
        Weights; where one is 0 the term is 0.
    p : ndarray
        Probabilities.

    Returns
    -------
    ndarray of shape (restart,) or float
        The sums.
    """
    if np.ndim(weight) == 0 and weight == 0:
        return 0.0
    from scipy.special import xlogy

    total: Floats = xlogy(np.broadcast_to(weight, p.shape), p).sum(axis=tuple(range(1, p.ndim)))
    return total
