"""Targets of whole sequences, as targets of their last steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Ints


def of_last_steps(values: NDArray[Any], lengths: Ints, n_steps: int) -> NDArray[Any] | None:
    """Return targets of whole sequences as those of their last steps.

    Parameters
    ----------
    values : ndarray of shape (sequence,) or (sequence, output)
        One symbol for each sequence, as a whole number, or values.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    n_steps : int
        Steps of the longest.

    Returns
    -------
    ndarray of shape (sequence, time) or (sequence, time, output), or None
        Symbols, -1 before the last step, or values, NaN before it. None where the array has
        another shape, or one entry for each step.

    Examples
    --------
    >>> of_last_steps(np.array([2, 0]), np.array([3, 1]), 3).tolist()
    [[-1, -1, 2], [0, -1, -1]]
    """
    n = len(lengths)
    rows, last = np.arange(n), np.asarray(lengths) - 1
    if values.shape == (n,) and values.dtype.kind in "biu":
        symbols = np.full((n, n_steps), -1)
        symbols[rows, last] = values
        return symbols
    if values.dtype.kind != "f" or values.ndim not in (1, 2) or len(values) != n:
        return None
    if values.ndim == 2 and values.shape[1] == n_steps:
        return None
    values = values.reshape(n, -1)
    whole = np.full((n, n_steps, values.shape[1]), np.nan)
    whole[rows, last] = values
    return whole


def target_of_steps(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return targets of steps: where there is one for each sequence, those of its last step.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``input`` (sequence, time, ...), ``target`` and, where sequences differ, ``length``.

    Returns
    -------
    ndarray
        ``target`` as it is where it has another shape, or lengths are no lengths.
    """
    n, n_steps = arrays["input"].shape[:2]
    lengths = np.asarray(arrays.get("length", np.full(n, n_steps)))
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        return arrays["target"]
    if lengths.min() < 1 or lengths.max() > n_steps:
        return arrays["target"]
    ends = of_last_steps(arrays["target"], lengths.astype(np.int64), n_steps)
    return arrays["target"] if ends is None else ends
