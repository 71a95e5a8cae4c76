"""Features on one scale, learnt from the train split, so that none dominates the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Bools, Floats

#: Percentiles between which the bulk of a feature lies, the first that differ.
TAILS = (1.0, 0.1, 0.0)


def scaled(values: NDArray[Any], inside: Bools, train: Bools) -> Floats:
    """Return values clipped and standardised by the train split, without constant features.

    A value further from the bulk of its feature (the range from the 1st to the 99th percentile)
    than that range is wide is clipped there, so that one extreme value does not set the scale of
    all others and still stands apart.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, feature)
        Values.
    inside : ndarray of shape (sequence, time)
        False past a sequence's end.
    train : ndarray of shape (sequence,)
        True for sequences from which the scale is learnt.

    Returns
    -------
    ndarray of shape (sequence, time, feature)
        0 past each end; no feature where all are constant.

    Examples
    --------
    >>> values = np.array([[[1.0, 7.0], [3.0, 7.0]], [[5.0, 7.0], [0.0, 7.0]]])
    >>> inside = np.array([[True, True], [True, False]])
    >>> scaled(values, inside, train=np.array([True, True])).shape
    (2, 2, 1)
    """
    frames = np.asarray(values[inside], dtype=np.float64)
    learn = np.asarray(values[inside & train[:, None]], dtype=np.float64)
    out = np.zeros((*inside.shape, 0))
    if not len(learn) or not learn.shape[1]:
        return out
    low, high = learn.min(axis=0), learn.max(axis=0)
    kept = high > low
    frames, learn, low, high = frames[:, kept], learn[:, kept], low[kept], high[kept]
    for tail in reversed(TAILS):
        first, last = np.percentile(learn, [tail, 100 - tail], axis=0)
        low, high = np.where(last > first, first, low), np.where(last > first, last, high)
    width = high - low
    frames, learn = (np.clip(part, low - width, high + width) for part in (frames, learn))
    # Centred first: no digits are left of the deviation of a time stamp else.
    centre = learn.mean(axis=0)
    spread = (learn - centre).std(axis=0)
    out = np.zeros((*inside.shape, int(kept.sum())))
    out[inside] = (frames - centre) / np.where(spread > 0, spread, 1.0)
    return out
