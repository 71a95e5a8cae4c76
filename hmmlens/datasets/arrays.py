"""Read sequences from a NumPy .npz file or a Zarr store, without running what is in them.

What does not fit is told by file, array and index. Arrays of Python objects are refused, for
reading them can run code; Zarr refuses its pickling codec by itself since version 3.1.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.config_errors import did_you_mean
from hmmlens.datasets.content import SPLITS, Content, kind_names
from hmmlens.errors import DataError

#: The arrays that a file may hold, and their dimensions. Symbols have no feature or output.
DIMS = {
    "input": ("sequence", "time", "feature"),
    "target": ("sequence", "time", "output"),
    "length": ("sequence",),
    "state": ("sequence", "time"),
    "split": ("sequence",),
    "group": ("sequence",),
    "feature_names": ("feature",),
    "target_names": ("output",),
    "state_names": ("truth",),
}

_RUNS_CODE = (
    "holds Python objects, which are refused because reading them can run code; "
    "save arrays of numbers or text"
)


def read_npz(path: Path) -> Content:
    """Read a NumPy .npz file with the arrays of :data:`DIMS`.

    Raises
    ------
    DataError
        With the file, and the array and index where something does not fit.
    """
    try:
        with path.open("rb") as opened:
            magic = opened.read(6)
        if magic == b"\x93NUMPY":
            raise DataError(f"{path}: holds one array without a name; use numpy.savez")
        if magic[:2] != b"PK":
            raise DataError(f"{path}: this is no .npz file; write it with numpy.savez")
        with np.load(path, allow_pickle=False) as file:
            _check_names(file.files, path)
            arrays = {name: file[name] for name in file.files}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise DataError(f"{path}: {name!r} is no array; write it with numpy.savez")
    except DataError:
        raise
    except ValueError as error:
        told = _RUNS_CODE if "allow_pickle" in str(error) else f"cannot be read: {error}"
        raise DataError(f"{path}: {told}") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as .npz: {error}") from None
    return from_arrays(arrays, path)


def read_zarr(path: Path) -> Content:
    """Read a Zarr store whose arrays have the names and dimensions of :data:`DIMS`.

    Raises
    ------
    DataError
        With the store, and the array and index where something does not fit.
    """
    import xarray as xr

    try:
        # Values as they are written: nothing is scaled, masked or taken for a date.
        data = xr.open_zarr(path, consolidated=False, chunks=None, decode_cf=False)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: cannot be read as a Zarr store with named dimensions ({error}); "
            "write it with xarray's Dataset.to_zarr"
        ) from None
    names = [str(name) for name in data.variables if name not in data.dims]
    _check_names(names, path)
    for name in names:
        found = tuple(map(str, data[name].dims))
        if found not in (DIMS[name], _symbol_dims(name)):
            raise DataError(
                f"{path}: array {name!r} has the dimensions ({', '.join(found)}), but "
                f"({', '.join(DIMS[name])}) is needed; transpose or rename them"
            )
    return from_arrays({name: _values(data[name], name, path) for name in names}, path)


def _values(array: Any, name: str, path: Path) -> NDArray[Any]:
    """Return an array of a Zarr store, whose chunks are only now unpacked."""
    try:
        values: NDArray[Any] = array.to_numpy()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: array {name!r} is damaged: {error}") from None
    return values


def _check_names(names: Iterable[str], path: Path) -> None:
    for name in names:
        if name not in DIMS:
            raise DataError(
                f"{path}: holds an array {name!r}{did_you_mean(name, DIMS)}; "
                f"allowed: {', '.join(DIMS)}"
            )
    if "input" not in names:
        raise DataError(
            f"{path}: the array 'input' is missing; found: {', '.join(names) or 'none'}"
        )


def _symbol_dims(name: str) -> tuple[str, ...]:
    return DIMS[name][:2] if name in ("input", "target") else DIMS[name]


# --- What the arrays hold -------------------------------------------------------------------


class _File(NamedTuple):
    """The arrays of one file.

    inside : (sequence, time), True before each sequence's end
    """

    path: Path
    arrays: Mapping[str, NDArray[Any]]
    inside: NDArray[np.bool_]

    def refuse(self, name: str, flags: NDArray[np.bool_], wants: str) -> None:
        """Raise DataError with the first place in ``name`` where ``flags`` is True."""
        if flags.any():
            index = tuple(int(i) for i in np.argwhere(flags)[0])
            place = ", ".join(f"{dim} {i}" for dim, i in zip(DIMS[name], index, strict=False))
            found = self.arrays[name][index]
            raise DataError(f"{self.path}: {name} at {place}: found {found}, wants {wants}")

    def whole(self, name: str) -> NDArray[np.int64]:
        """Return an array that must hold whole numbers."""
        array = self.arrays[name]
        if array.dtype.kind not in "iu":
            raise DataError(f"{self.path}: array {name!r} holds {array.dtype}, wants whole numbers")
        return array.astype(np.int64)

    def codes(self, name: str, unknown: str) -> NDArray[np.int64]:
        """Return symbols or states (sequence, time), -1 past the end and where unknown."""
        codes = np.where(self.inside, self.whole(name), -1)
        lowest = -1 if unknown else 0
        self.refuse(name, (codes < lowest) & self.inside, f"0 or more{unknown}")
        return codes

    def steps(self, name: str) -> NDArray[Any]:
        """Return ``input`` or ``target`` in the form of :class:`Content`."""
        array = self.arrays[name]
        if array.ndim == 2 and array.dtype.kind in "iu":
            if name == "target":
                return self.codes(name, ", or -1 where there is none")
            return np.where(self.inside, self.codes(name, ""), 0)
        if array.ndim != 3 or array.dtype.kind not in "biuf":
            raise DataError(
                f"{self.path}: array {name!r} has shape {array.shape} of {array.dtype}; wants "
                f"numbers ({', '.join(DIMS[name])}), or symbols as whole numbers (sequence, time)"
            )
        values, inside = array.astype(np.float64), self.inside[..., None]
        if name == "target":
            self.refuse(name, np.isinf(values) & inside, "a finite number, or NaN for none")
            return np.where(inside, values, np.nan)
        self.refuse(name, ~np.isfinite(values) & inside, "a finite number")
        return np.where(inside, values, 0.0)

    def names(self, name: str, array: NDArray[Any], given: str) -> list[str]:
        """Return the names of features, symbols or states: those that are given, or numbers."""
        values = array.ndim == 3
        numbered = (
            [f"{name} {i}" for i in range(array.shape[2])]
            if values
            else kind_names(array, name, self.path)
        )
        if given not in self.arrays:
            return numbered
        names = [str(word) for word in self.arrays[given]]
        if len(names) < len(numbered) or (values and len(names) > len(numbered)):
            raise DataError(
                f"{self.path}: {given} has {len(names)} entries, but {name} needs {len(numbered)}"
            )
        return names


def from_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> Content:
    """Check arrays and return them as content.

    Parameters
    ----------
    arrays : ``input`` (sequence, time, feature), or whole numbers (sequence, time) for symbols;
        ``target`` alike; ``length`` (sequence); ``state`` (sequence, time), -1 where unknown;
        ``split`` (sequence), words or 0, 1, 2; ``group`` (sequence), numbers or text;
        ``feature_names``, ``target_names`` and ``state_names``. All but the first may be missing.
    path : for the messages.

    Raises
    ------
    DataError
        With the array and index where something does not fit.
    """
    arrays = {name: _numbers_or_text(array, name, path) for name, array in arrays.items()}
    shape = arrays["input"].shape
    for name, array in arrays.items():
        dims = DIMS[name]
        shared = tuple(dim for dim in dims if dim in ("sequence", "time"))
        allowed = {len(dims), len(_symbol_dims(name))}
        if (
            array.ndim not in allowed
            or 0 in array.shape
            or array.shape[: len(shared)] != shape[: len(shared)]
        ):
            raise DataError(
                f"{path}: array {name!r} has shape {array.shape}, but ({', '.join(dims)}) is "
                f"needed{'' if name == 'input' else f', and input has shape {shape}'}"
            )
    file = _File(path, arrays, np.ones(shape[:2], dtype=bool))
    length = np.full(shape[0], shape[1])
    if "length" in arrays:
        length = file.whole("length")
        file.refuse("length", (length < 1) | (length > shape[1]), f"1 to {shape[1]}")
        file = file._replace(inside=np.arange(shape[1]) < length[:, None])
    inputs = file.steps("input")
    target = file.steps("target") if "target" in arrays else None
    state = file.codes("state", ", or -1 where unknown") if "state" in arrays else None
    names = {"sequence": [str(i) for i in range(len(inputs))]}
    for name, held, given in (
        ("input", inputs, "feature_names"),
        ("target", target, "target_names"),
        ("state", state, "state_names"),
    ):
        if held is not None:
            names[name] = file.names(name, held, given)
    group = None
    if "group" in arrays:
        found, group = np.unique(arrays["group"], return_inverse=True)
        names["group"] = [str(name) for name in found]
    split = _splits(file) if "split" in arrays else None
    return Content(inputs, target, length, state, split, group, names, "state")


def _numbers_or_text(array: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """Return an array of numbers or of text, which Zarr gives as objects."""
    if array.dtype.kind in "OT" and all(isinstance(item, str) for item in array.ravel().tolist()):
        return np.array(array.tolist(), dtype=str)
    if array.dtype.kind not in "biufU":
        raise DataError(f"{path}: array {name!r} holds {array.dtype}, wants real numbers or text")
    return array


def _splits(file: _File) -> NDArray[np.int64]:
    words = file.arrays["split"].dtype.kind == "U"
    array = file.arrays["split"] if words else file.whole("split")
    known = np.array(SPLITS) if words else np.arange(len(SPLITS))
    file.refuse("split", ~np.isin(array, known), f"one of: {', '.join(map(str, known))}")
    return np.asarray(np.argmax(array[:, None] == known, axis=1))
