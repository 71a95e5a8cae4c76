"""Several input arrays as one array of named columns, and back.

Arrays that have steps stand side by side; what is constant within a sequence is repeated at each of
its steps. So what takes one array (sequence, time, column), such as a part of the steps or other
inputs after them, needs to know nothing of the arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError

#: Single precision holds each whole number up to this size.
LARGEST_WHOLE = 2**24


class Part(NamedTuple):
    """Where one array stands among the columns.

    Attributes
    ----------
    name : str
        Name of the array.
    first : int
        Its first column.
    tail : tuple of int
        Its shape without sequences and steps; () for one number each.
    timed : bool
        Whether it has steps; what has none is constant within a sequence.
    kind : {"float", "whole", "bool"}
        Kind of its numbers. Symbols are whole numbers.
    """

    name: str
    first: int
    tail: tuple[int, ...]
    timed: bool
    kind: str

    @property
    def columns(self) -> slice:
        """Return its columns.

        Returns
        -------
        slice
            One or more.
        """
        return slice(self.first, self.first + math.prod(self.tail))


def steps_of(shapes: Mapping[str, tuple[int, ...]], listed: Iterable[str] = ()) -> int:
    """Return the number of steps of the arrays that have steps.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of each array: (sequence, time), (sequence, time, feature), (sequence, feature) or
        (sequence).
    listed : iterable of str, optional
        Arrays that came as sequences of different lengths, which have steps.

    Returns
    -------
    int
        That of the arrays with three dimensions; without any, the second dimension of the others.

    Raises
    ------
    DataError
        When arrays have different numbers of steps or sequences, or none shows its steps.

    Examples
    --------
    >>> steps_of({"rain": (8, 30, 1), "basin": (8,), "slope": (8, 4)})
    30
    """
    if not shapes:
        raise DataError("inputs is an empty mapping; give one array or more")
    for name, shape in shapes.items():
        if not shape or 0 in shape:
            raise DataError(
                f"inputs[{name!r}] has the shape {shape}; (sequence, time), (sequence, time, "
                "feature) or, without steps, (sequence, feature) or (sequence) is needed"
            )
    first, n = next((name, shape[0]) for name, shape in shapes.items())
    for name, shape in shapes.items():
        if shape[0] != n:
            raise DataError(
                f"inputs[{name!r}] holds {shape[0]} sequences, and inputs[{first!r}] {n}"
            )
    listed = set(listed)
    certain = {name: s[1] for name, s in shapes.items() if len(s) > 2 or name in listed}
    found = certain or {name: s[1] for name, s in shapes.items() if len(s) == 2}
    numbers = sorted(set(found.values()))
    if len(numbers) == 1:
        return numbers[0]
    listing = ", ".join(f"{name} {shapes[name]}" for name in found or shapes)
    if certain:
        raise DataError(f"inputs have different numbers of steps: {listing}")
    raise DataError(
        f"inputs do not show which of them have steps: {listing}; give values at each step as "
        "(sequence, time, feature)"
    )


def arranged(
    shapes: Mapping[str, tuple[int, ...]],
    kinds: Mapping[str, str],
    n_steps: int,
    listed: Iterable[str] = (),
) -> tuple[Part, ...]:
    """Return where each array stands among the columns.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        See :func:`steps_of`.
    kinds : mapping of str to str
        Kind of the numbers of each, see :class:`Part`.
    n_steps : int
        Steps. An array of two dimensions has steps where the second one is as large.
    listed : iterable of str, optional
        See :func:`steps_of`.

    Returns
    -------
    tuple of Part
        In the order of the arrays.

    Raises
    ------
    DataError
        When an array has other sizes than the rest.
    """
    listed, parts, first = set(listed), [], 0
    for name, shape in shapes.items():
        timed = len(shape) > 2 or name in listed or (len(shape) == 2 and shape[1] == n_steps)
        parts.append(Part(name, first, tuple(shape[2 if timed else 1 :]), timed, kinds[name]))
        first += math.prod(parts[-1].tail)
    return tuple(parts)


def column_names(parts: Sequence[Part]) -> list[str]:
    """Return a name for each column: that of its array, or with a number where there are several.

    Parameters
    ----------
    parts : sequence of Part
        Where arrays stand.

    Returns
    -------
    list of str
        Such as ``["rain", "slope.0", "slope.1"]``.
    """
    names: list[str] = []
    for part in parts:
        n = math.prod(part.tail)
        names += [part.name] if n == 1 else [f"{part.name}.{i}" for i in range(n)]
    return names


def pack(
    arrays: Mapping[str, NDArray[Any]], parts: Sequence[Part], n_steps: int, dtype: Any = np.float32
) -> NDArray[np.floating]:
    """Return arrays as one array of columns.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        (sequence, time, ...) or, without steps, (sequence, ...).
    parts : sequence of Part
        Where they stand.
    n_steps : int
        Steps.
    dtype : {float32, float64}, optional
        Type of the columns.

    Returns
    -------
    ndarray of shape (sequence, time, column)
        What has no steps is repeated.

    Raises
    ------
    DataError
        When single precision does not hold a whole number.
    """
    n = len(next(iter(arrays.values())))
    packed = np.zeros((n, n_steps, parts[-1].columns.stop), dtype=dtype)
    for part in parts:
        array = np.asarray(arrays[part.name])
        if part.kind == "whole" and array.size:
            largest = max(abs(int(array.min())), abs(int(array.max())))
            if largest > LARGEST_WHOLE:
                raise DataError(
                    f"inputs[{part.name!r}] holds the whole number {largest}, which single "
                    f"precision does not hold; number symbols from 0, up to {LARGEST_WHOLE}"
                )
        flat = array.reshape(*array.shape[: 1 + part.timed], -1)
        packed[..., part.columns] = flat if part.timed else flat[:, None]
    return packed


def split(packed: Any, parts: Sequence[Part]) -> dict[str, Any]:
    """Return the arrays of one array of columns, all of the type of the columns.

    Parameters
    ----------
    packed : array or Tensor of shape (sequence, time, column)
        See :func:`pack`.
    parts : sequence of Part
        Where arrays stand.

    Returns
    -------
    dict of str to array or Tensor
        What has no steps is that of the first step.
    """
    found = {}
    for part in parts:
        block = packed[..., part.columns] if part.timed else packed[:, 0, part.columns]
        found[part.name] = block.reshape(*block.shape[:-1], *part.tail)
    return found


def unpack(packed: NDArray[np.floating], parts: Sequence[Part]) -> dict[str, NDArray[Any]]:
    """Return the arrays of which :func:`pack` made one.

    Parameters
    ----------
    packed : ndarray of shape (sequence, time, column)
        See :func:`pack`.
    parts : sequence of Part
        Where arrays stand.

    Returns
    -------
    dict of str to ndarray
        Whole numbers as int64, others in the type of the columns.

    Examples
    --------
    >>> arrays = {"rain": np.ones((2, 3, 1)), "basin": np.array([4, 7])}
    >>> shapes = {name: array.shape for name, array in arrays.items()}
    >>> parts = arranged(shapes, {"rain": "float", "basin": "whole"}, 3)
    >>> unpack(pack(arrays, parts, 3), parts)["basin"]
    array([4, 7])
    """
    types = {"whole": np.dtype(np.int64), "bool": np.dtype(bool), "float": packed.dtype}
    kinds = {part.name: types[part.kind] for part in parts}
    return {name: array.astype(kinds[name]) for name, array in split(packed, parts).items()}


def kind_of(dtype: Any) -> str:
    """Return the kind of the numbers of an array.

    Parameters
    ----------
    dtype : dtype
        Type of its numbers.

    Returns
    -------
    {"float", "whole", "bool"}
        See :class:`Part`.
    """
    return {"b": "bool", "i": "whole", "u": "whole"}.get(np.dtype(dtype).kind, "float")
