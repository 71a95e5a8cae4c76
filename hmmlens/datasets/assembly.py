"""Labelled arrays of a dataset from what a generator or a reader returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray


def assemble(
    inputs: NDArray[Any],
    target: NDArray[Any],
    states: NDArray[np.integer],
    split: NDArray[np.integer],
    group: NDArray[np.integer],
    attributes: dict[str, Any],
) -> xr.Dataset:
    """Return sequences of equal length as labelled arrays.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.
    target : ndarray of shape (sequence, time) or (sequence, time, output)
        Symbols or values, -1 or NaN where there is none.
    states : ndarray of shape (sequence, time)
        True state, -1 where unknown.
    split : ndarray of shape (sequence,)
        0 train, 1 select, 2 test.
    group : ndarray of shape (sequence,)
        Person or recording of each sequence.
    attributes : dict
        Attributes of the dataset; see :func:`hmmlens.datasets.build.build`.

    Returns
    -------
    xarray.Dataset
        ``input``, ``target``, ``state``, ``length``, ``split`` and ``group``.
    """
    feature = ("feature",) if inputs.ndim == 3 else ()
    output = ("output",) if target.ndim == 3 else ()
    n_sequences, n_steps = inputs.shape[:2]
    return xr.Dataset(
        {
            "input": (("sequence", "time", *feature), inputs),
            "target": (("sequence", "time", *output), target),
            "state": (("sequence", "time"), states.astype(np.int16)),
            "length": ("sequence", np.full(n_sequences, n_steps, dtype=np.int32)),
            "split": ("sequence", split),
            "group": ("sequence", group.astype(np.int32)),
        },
        attrs=attributes,
    )
