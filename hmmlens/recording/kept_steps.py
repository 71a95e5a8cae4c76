"""The steps of an array that are kept, cut from a batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Int64s


class Steps(NamedTuple):
    """The steps of one array and which of them are kept.

    Attributes
    ----------
    dim : str
        Name of their dimension.
    n_steps : int
        Steps before any is left out.
    kept : ndarray of shape (kept,)
        The steps that are kept.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence of this batch.
    """

    dim: str
    n_steps: int
    kept: Int64s
    lengths: Int64s


def cut(values: NDArray[Any], steps: Steps, fill: float = np.nan) -> NDArray[Any]:
    """Return the kept steps of an array.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, ...)
        The array.
    steps : Steps
        Its steps.
    fill : float, default=nan
        Value past the end of each sequence. Whole numbers have no NaN and are 0 there.

    Returns
    -------
    ndarray of shape (sequence, kept, ...)
        The kept steps.
    """
    missing = steps.n_steps - values.shape[1]
    if missing > 0:
        values = np.pad(values, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)])
    index = steps.kept
    whole = len(index) == index[-1] - index[0] + 1
    values = values[:, index[0] : index[-1] + 1] if whole else values[:, index]
    if (steps.lengths < steps.n_steps).any():
        inside = index < steps.lengths[:, None]
        fill = fill if values.dtype.kind == "f" else 0
        values = np.where(inside.reshape(*inside.shape, *[1] * (values.ndim - 2)), values, fill)
    return values
