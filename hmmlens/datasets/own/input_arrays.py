"""Several input arrays of a file, ``input_NAME``, as one array of columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.content import NAMED_INPUT, is_named_input
from hmmlens.datasets.packing import Part, arranged, column_names, kind_of, pack, steps_of
from hmmlens.errors import DataError


def joined(
    arrays: Mapping[str, NDArray[Any]], path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[Part, ...]]:
    """Return the arrays of a file with one ``input``.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        All arrays of the file.
    path : pathlib.Path
        The file, for messages.

    Returns
    -------
    arrays : dict of str to ndarray
        With ``input`` (sequence, time, column) and ``feature_names`` in place of the arrays
        ``input_NAME``; as they are where there are none.
    parts : tuple of Part
        Where these stand among the columns; empty where there are none.

    Raises
    ------
    DataError
        When they do not fit each other.
    """
    named = {n.removeprefix(NAMED_INPUT): a for n, a in arrays.items() if is_named_input(n)}
    if not named:
        return dict(arrays), ()
    rest = {name: array for name, array in arrays.items() if not is_named_input(name)}
    for name, array in named.items():
        if array.dtype.kind not in "biuf":
            raise DataError(f"{path}: array {NAMED_INPUT + name!r} holds {array.dtype}, no numbers")
    try:
        shapes = {name: array.shape for name, array in named.items()}
        kinds = {name: kind_of(array.dtype) for name, array in named.items()}
        n_steps = steps_of(shapes)
        parts = arranged(shapes, kinds, n_steps)
        if not any(part.timed for part in parts):
            raise DataError("no input has steps")
        packed = pack(named, parts, n_steps, np.float64)
    except DataError as error:
        raise DataError(f"{path}: of the arrays {NAMED_INPUT}NAME, {error}") from None
    names = np.array(column_names(parts))
    return {"feature_names": names, **rest, "input": packed}, parts
