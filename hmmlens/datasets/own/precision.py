"""Values of a file as networks read them: standardised, in single precision."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.content import LARGEST
from hmmlens.errors import DataError
from hmmlens.typing import Bools, Floats

log = logging.getLogger(__name__)


def moments(frames: Floats, names: list[str], path: str) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of features.

    Parameters
    ----------
    frames : ndarray of shape (frame, feature)
        Values, NaN where they are missing.
    names : list of str
        Names of the features, for messages.
    path : str
        The file, for messages.

    Returns
    -------
    mean, scale : ndarray of shape (feature,)
        Of what is there.

    Raises
    ------
    DataError
        When a feature never changes.
    """
    # Of each column what is there.
    columns = [column[~np.isnan(column)] for column in frames.T]
    if any(len(column) < len(frames) for column in columns):
        known = [column if len(column) else np.zeros(1) for column in columns]
        mean, scale = (np.array([f(c) for c in known]) for f in (np.mean, np.std))
        extent = np.array([np.ptp(column) for column in known])
    else:
        mean, scale, extent = frames.mean(axis=0), frames.std(axis=0), np.ptp(frames, axis=0)
    still = np.flatnonzero((extent == 0) | (scale == 0))
    if len(still):
        raise DataError(
            f"{path}: {names[still[0]]!r} never changes on the train split, so it cannot be "
            "standardised; leave it out, or do not standardise (in a study, standardise: false)"
        )
    return mean, scale


def single_precision(
    values: Floats, inside: Bools, names: list[str], path: str
) -> NDArray[np.float32]:
    """Return (sequence, time, feature) in single precision, as networks read it.

    A warning is logged where rounding hides how a feature varies.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, feature)
        Values, NaN where they are missing.
    inside : ndarray of shape (sequence, time)
        False past the end of a sequence.
    names : list of str
        Names of the features, for messages.
    path : str
        The file, for messages.

    Returns
    -------
    ndarray of shape (sequence, time, feature)
        The same, rounded.

    Raises
    ------
    DataError
        When a value is too large for it.
    """
    for place, name in enumerate(names):
        column = values[..., place][inside]
        column = column[np.isfinite(column)]
        largest = np.abs(column).max(initial=0)
        if largest > LARGEST:
            raise DataError(
                f"{path}: {name!r} reaches {largest:.2g} in units of its standard deviation on the "
                f"train split, wants at most {LARGEST:.2g}; leave it out, or do not standardise"
            )
        rounding = np.abs(column - column.astype(np.float32)).max(initial=0)
        if len(column) and rounding > 0.01 * column.std() > 0:
            log.warning(
                "%s: %r varies by %.2g around %.2g, which single precision rounds away; subtract "
                "an offset, or standardise", path, name, column.std(), column.mean(),
            )  # fmt: skip
    single: NDArray[np.float32] = values.astype(np.float32)
    return single
