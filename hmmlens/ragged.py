"""Sequences of different lengths: which steps count, and what stands past an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.arguments import integers
from hmmlens.arrays import (
    STEPS,
    _dense,
    as_list,
    is_labelled,
    numbers,
    ordered,
    real,
    text_or_real,
)
from hmmlens.errors import DataError

#: The coordinate (sequence, time) that is True before each sequence's end.
INSIDE = "inside"


class Given(NamedTuple):
    """Data before their shape is checked.

    Attributes
    ----------
    values : ndarray
        Sequences that came as a list are padded with 0.
    lengths : ndarray of int of shape (sequence,) or None
        Those of the argument, or those that the data carry.
    missing : ndarray of bool or None
        Of the shape of ``values``, True where an entry is masked; None if none is.
    """

    values: NDArray[Any]
    lengths: NDArray[np.int64] | None
    missing: NDArray[np.bool_] | None


def given(
    X: Any,
    lengths: Any,
    name: str = "X",
    lengths_name: str = "lengths",
    words: bool = False,
) -> Given:
    """Return data in any layout with their lengths and masked entries.

    Parameters
    ----------
    X : array_like, DataArray or list
        An array or tensor; a DataArray, whose dimensions are put in the order sequence, time, the
        rest, and whose coordinate ``inside`` (sequence, time) or ``length`` (sequence) holds the
        lengths; or a list of sequences.
    lengths : array_like of int of shape (sequence,) or None
        None takes those that the data carry.
    name, lengths_name : str
        Names of the arguments in messages.
    words : bool, default=False
        Accept text as well, without the blanks around it; what is missing is empty then.

    Returns
    -------
    Given
        The data and their lengths.

    Raises
    ------
    DataError
        When ``X`` is no data, or the lengths contradict those that the data carry.
    """
    checked = text_or_real if words else real
    X, ends = taken_along(X, lengths, name, lengths_name)
    parts = as_list(X)
    if parts is None:
        values, missing = _dense(X, name)
        return Given(checked(values, name), ends, missing)
    values, missing, own = _padded(parts, name, checked)
    if own is not None and ends is not None and not np.array_equal(ends, own):
        raise DataError(
            f"{name} is a list of sequences, which has its lengths already; leave {lengths_name} "
            "out"
        )
    return Given(values, own if ends is None else ends, missing)


def taken_along(
    X: Any, lengths: Any, name: str, lengths_name: str = "lengths"
) -> tuple[Any, NDArray[np.int64] | None]:
    """Return a DataArray in our order of dimensions, and its lengths.

    Parameters
    ----------
    X : object
        A DataArray, or anything else, which is returned as it is.
    lengths : array_like of int of shape (sequence,) or None
        None takes those that the data carry.
    name, lengths_name : str
        Names of the arguments in messages.

    Returns
    -------
    X : object
        The data.
    lengths : ndarray of int of shape (sequence,) or None
        None where nobody gives them.

    Raises
    ------
    DataError
        When the lengths contradict those that the data carry.
    """
    ends = None if lengths is None else whole_lengths(lengths, lengths_name)
    if not is_labelled(X):
        return X, ends
    X = ordered(X, name)
    if INSIDE in X.coords and X.coords[INSIDE].dims == X.dims[:1] != ("sequence",):
        # One sequence of several, or frames one after another.
        X = X[np.asarray(X.coords[INSIDE])]
    carried = carried_lengths(X, name)
    if carried is not None and ends is not None and ends.shape == carried.shape:
        beyond = np.flatnonzero(ends > carried)
        if len(beyond):
            raise DataError(
                f"{lengths_name}[{beyond[0]}] is {ends[beyond[0]]}, but the coordinates of {name} "
                f"state that this sequence has {carried[beyond[0]]} steps"
            )
    return X, carried if ends is None else ends


def carried_lengths(X: Any, name: str) -> NDArray[np.int64] | None:
    """Return the lengths that an ordered DataArray carries as a coordinate.

    Parameters
    ----------
    X : DataArray
        With the dimensions in our order.
    name : str
        Name of the argument in messages.

    Returns
    -------
    ndarray of int of shape (sequence,) or None
        None where it carries none.

    Raises
    ------
    DataError
        When a sequence has no step left, or its steps are no longer in order.
    """
    time = next((dim for dim in STEPS if dim in X.dims), None)
    if "sequence" not in X.dims or time is None:
        return None
    if INSIDE in X.coords and set(X.coords[INSIDE].dims) == {"sequence", time}:
        inside: NDArray[Any] = np.asarray(X.coords[INSIDE].transpose("sequence", time))
        if inside.dtype != bool or (inside[:, 1:] & ~inside[:, :-1]).any():
            raise DataError(
                f"the coordinate {INSIDE!r} of {name} must be True up to each sequence's end and "
                f"False past it; drop it (X.drop_vars({INSIDE!r})) and give lengths"
            )
        found: NDArray[np.int64] = inside.sum(axis=1, dtype=np.int64)
        if (found < 1).any():
            raise DataError(
                f"{name} holds no step of sequence {int(np.flatnonzero(found < 1)[0])}; leave out "
                "sequences without a step"
            )
        return found
    if "length" in X.coords and X.coords["length"].dims == ("sequence",):
        return whole_lengths(X.coords["length"], f"the coordinate 'length' of {name}")
    return None


def whole_lengths(lengths: Any, name: str = "lengths") -> NDArray[np.int64]:
    """Return lengths as whole numbers.

    Parameters
    ----------
    lengths : array_like of int of shape (sequence,)
        Steps of each sequence.
    name : str, default="lengths"
        Name of the argument in messages.

    Returns
    -------
    ndarray of int of shape (sequence,)
        The lengths.

    Raises
    ------
    DataError
        When they are no whole numbers, or not in one row.
    """
    try:
        array = numbers(lengths, name)
    except DataError as error:
        raise DataError(f"{name} must be whole numbers (sequence), one each: {error}") from error
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise DataError(
            f"{name} must be whole numbers (sequence), found {array.dtype} of shape "
            f"{array.shape}; give one length for each sequence"
        )
    return integers(array)


def steps_inside(
    lengths: Any, n_sequences: int, n_steps: int, name: str = "lengths"
) -> NDArray[np.bool_]:
    """Return a mask of the steps before each sequence's end.

    Parameters
    ----------
    lengths : array_like of int of shape (sequence,) or None
        Steps of each sequence; None means all.
    n_sequences, n_steps : int
        Shape of the mask.
    name : str, default="lengths"
        Name of the argument in messages.

    Returns
    -------
    ndarray of bool of shape (sequence, time)
        True before each sequence's end.

    Raises
    ------
    DataError
        When a length is below 1, above ``n_steps`` or not a whole number.

    Examples
    --------
    >>> steps_inside([2, 3], n_sequences=2, n_steps=3).tolist()
    [[True, True, False], [True, True, True]]
    """
    if lengths is None:
        return np.ones((n_sequences, n_steps), dtype=bool)
    ends = whole_lengths(lengths, name)
    if ends.shape != (n_sequences,):
        raise DataError(
            f"{name} has shape {ends.shape}; ({n_sequences},) is needed, one for each sequence"
        )
    bad = np.flatnonzero((ends < 1) | (ends > n_steps))
    if len(bad):
        raise DataError(
            f"{name}[{bad[0]}] is {ends[bad[0]]}; each must lie between 1 and {n_steps}, "
            "so drop sequences without a step or give more steps"
        )
    mask: NDArray[np.bool_] = np.arange(n_steps)[None] < ends[:, None]
    return mask


def _padded(
    parts: list[Any], name: str, checked: Callable[[NDArray[Any], str], NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[np.bool_] | None, NDArray[np.int64] | None]:
    """Return a list of sequences as one array, what is masked, and lengths where they differ."""
    found = []
    for index, part in enumerate(parts):
        word = f"{name}[{index}]"
        array, missing = _dense(taken_along(part, None, word)[0], word)
        found.append((checked(array, word), missing))
    shapes = [array.shape for array, _ in found]
    first = shapes[0]
    for index, shape in enumerate(shapes):
        if len(shape) != len(first) or shape[1:] != first[1:]:
            raise DataError(
                f"{name}: a step of sequence {index} has the shape {shape[1:]}, one of sequence 0 "
                f"{first[1:]}"
            )
    if len({array.dtype.kind == "U" for array, _ in found}) > 1:
        raise DataError(f"{name} holds words in some sequences and numbers in others")
    kind = np.result_type(*[array for array, _ in found])
    masked = any(missing is not None for _, missing in found)
    if all(shape == first for shape in shapes):
        whole = np.stack([array for array, _ in found]).astype(kind, copy=False)
        return (
            whole,
            np.stack([np.zeros(first, bool) if m is None else m for _, m in found])
            if masked
            else None,
            None,
        )
    lengths = np.array([shape[0] for shape in shapes], dtype=np.int64)
    if (lengths < 1).any():
        empty = int(np.flatnonzero(lengths < 1)[0])
        raise DataError(f"{name}[{empty}] is empty; leave out sequences without a step")
    values = np.zeros((len(parts), int(lengths.max()), *first[1:]), dtype=kind)
    marks = np.zeros(values.shape, dtype=bool) if masked else None
    for row, (array, missing) in enumerate(found):
        values[row, : len(array)] = array
        if marks is not None and missing is not None:
            marks[row, : len(array)] = missing
    return values, marks, lengths


def without_padding(data: xr.Dataset) -> xr.Dataset:
    """Return sequences in which all that stands past an end is replaced by neutral values.

    Parameters
    ----------
    data : Dataset
        As :func:`hmmlens.datasets.build.build` returns it.

    Returns
    -------
    Dataset
        ``input`` is 0, ``target`` -1 or NaN and ``state`` -1 from ``length`` on. Networks look
        back only, so that a constant input there reaches no score and no gradient.
    """
    inside = xr.DataArray(
        np.arange(data.sizes["time"]) < data["length"].to_numpy()[:, None],
        dims=("sequence", "time"),
    )
    none = -1 if data["target"].ndim == 2 else np.nan
    fill = {"input": 0, "target": none, "state": -1}
    return data.assign(
        {
            name: data[name].where(inside, np.asarray(value, data[name].dtype))
            for name, value in fill.items()
        }
    )
