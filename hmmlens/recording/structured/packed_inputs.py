"""Several input arrays that are read batch by batch as one array of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import arrays
from hmmlens.datasets.packing import arranged, column_names, kind_of, pack, steps_of
from hmmlens.errors import DataError
from hmmlens.recording.inputs import Source
from hmmlens.rnn.feeding.signature import LENGTHS
from hmmlens.typing import Int64s


class PackedInputs:
    """Named arrays, sliced by sequences as one array (sequence, time, column).

    Parameters
    ----------
    inputs : mapping of str to array_like
        Symbols (sequence, time) and values (sequence, time, feature), as arrays or lists of
        sequences; what is constant within a sequence as (sequence) or (sequence, feature).
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence.

    Attributes
    ----------
    parts : tuple of Part
        Where they stand among the columns.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    shape : tuple of int
        (sequence, time, column).
    dtype : dtype
        Single precision, or double where an array is in double precision.

    Raises
    ------
    DataError
        When shapes or lengths do not fit each other.
    """

    def __init__(self, inputs: Mapping[str, Any], lengths: Any = None) -> None:
        strange = next((name for name in inputs if not isinstance(name, str)), None)
        if strange is not None:
            raise DataError(f"inputs has the key {strange!r}; names are needed")
        if LENGTHS in inputs:
            raise DataError(f"inputs hold {LENGTHS!r}; give them as the argument {LENGTHS}")
        listed = {name: arrays.as_list(array) for name, array in inputs.items()}
        held = {
            name: array if listed[name] is not None or hasattr(array, "shape") else (
                arrays.numbers(array, f"inputs[{name!r}]")
            )
            for name, array in inputs.items()
        }  # fmt: skip
        sources = {
            name: _source(name, array, lengths)
            for name, array in held.items()
            if listed[name] is not None or len(array.shape) > 2
        }
        shapes = {
            name: sources[name].shape if name in sources else tuple(map(int, array.shape))
            for name, array in held.items()
        }
        # A list of equally long rows may be one number of some features for each sequence.
        uneven = [name for name, source in sources.items() if source.listed and source.ragged]
        n_steps = steps_of(shapes, uneven)
        kinds = {name: kind_of(_dtype(array)) for name, array in held.items()}
        self.parts = arranged(shapes, kinds, n_steps, uneven)
        timed = [part.name for part in self.parts if part.timed]
        if not timed:
            raise DataError(
                "inputs hold no array with steps; symbols (sequence, time) or values (sequence, "
                "time, feature) are needed"
            )
        self._sources = {
            name: sources.get(name) or _source(name, held[name], lengths) for name in timed
        }
        self._constant = {
            part.name: arrays.numbers(
                sources[part.name].batch(slice(None)) if part.name in sources else held[part.name],
                f"inputs[{part.name!r}]",
            )
            for part in self.parts
            if not part.timed
        }
        self.lengths = self._shared_lengths()
        self.shape = (shapes[timed[0]][0], n_steps, self.parts[-1].columns.stop)
        floats = [_dtype(held[part.name]) for part in self.parts if part.kind == "float"]
        double = any(np.dtype(dtype).itemsize > 4 for dtype in floats)
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self.ndim = 3

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        first, stop, _ = rows.indices(len(self))
        found = {name: source.batch(slice(first, stop)) for name, source in self._sources.items()}
        found |= {name: array[first:stop] for name, array in self._constant.items()}
        return pack(found, self.parts, self.shape[1], self.dtype)

    @property
    def columns(self) -> list[str]:
        """Return a name for each column.

        Returns
        -------
        list of str
            See :func:`hmmlens.datasets.packing.column_names`.
        """
        return column_names(self.parts)

    def only_symbols(self) -> tuple[str, Source] | None:
        """Return the only input, where it is symbols.

        Returns
        -------
        name : str
            Its name.
        source : Source
            Its sequences; None in place of both where there are others, or values.
        """
        part = self.parts[0]
        alone = len(self.parts) == 1 and part.tail == () and part.kind == "whole"
        return (part.name, self._sources[part.name]) if alone else None

    def _shared_lengths(self) -> Int64s:
        """Return the lengths of the sequences, which all arrays with steps share."""
        first, *others = self._sources.items()
        for name, source in others:
            apart = np.flatnonzero(source.lengths != first[1].lengths)
            if len(apart):
                row = apart[0]
                raise DataError(
                    f"sequence {row} has {first[1].lengths[row]} steps in inputs[{first[0]!r}] and "
                    f"{source.lengths[row]} in inputs[{name!r}]"
                )
        return first[1].lengths


def _source(name: str, array: Any, lengths: Any) -> Source:
    try:
        return Source(array, lengths)
    except DataError as error:
        raise DataError(f"inputs[{name!r}]: {error}") from None


def _dtype(array: Any) -> Any:
    """Return the type of the numbers of an array or of a list of arrays."""
    if not hasattr(array, "dtype"):
        return np.result_type(*(arrays.numbers(part, "inputs").dtype for part in array))
    if isinstance(array.dtype, np.dtype) and array.dtype.kind != "O":
        return array.dtype
    return arrays.numbers(array[:1], "inputs").dtype
