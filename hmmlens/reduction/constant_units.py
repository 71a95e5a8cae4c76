"""Which units of a layer vary; those that do not would make covariances singular."""

from __future__ import annotations

from hmmlens.stats.moments import Moments
from hmmlens.typing import Bools, Floats

#: A unit varies when its variance is above this share of the mean variance.
CONSTANT_VARIANCE = 1e-10


def varying_units(frames: Floats) -> Bools:
    """Return which units vary.

    Parameters
    ----------
    frames : ndarray of shape (frame, unit)
        States of units.

    Returns
    -------
    ndarray of bool, shape (unit,)
        False for constant units.
    """
    moments = Moments()
    moments.add(frames)
    return varying(moments)


def varying(moments: Moments) -> Bools:
    """Return which units vary, of frames that were added in parts.

    Parameters
    ----------
    moments : Moments
        Of all frames.

    Returns
    -------
    ndarray of bool, shape (unit,)
        False for constant units.
    """
    variance = moments.variance
    varies: Bools = variance > CONSTANT_VARIANCE * max(float(variance.mean()), 1e-300)
    # The variance of a constant is not 0 but a rounding error, and may be all there is.
    varies &= moments.largest > moments.smallest
    return varies
