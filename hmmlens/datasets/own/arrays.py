"""Read sequences from a NumPy .npz file or a Zarr store, without running what is in them.

Errors name the file, the array and the index of what does not fit. Arrays of Python objects are
refused, for reading them can run code; Zarr refuses its pickling codec by itself since version 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.content import (
    DIMS,
    LARGEST,
    SMALLER,
    Content,
    kind_names,
    symbol_dims,
)
from hmmlens.datasets.last_step import target_of_steps
from hmmlens.datasets.own.input_arrays import joined
from hmmlens.datasets.own.npz_files import read_npz_arrays
from hmmlens.datasets.own.words import (
    BadCellError,
    by_number,
    clean,
    read_words,
    warn_of_look_alikes,
)
from hmmlens.datasets.own.zarr_files import read_zarr_arrays
from hmmlens.datasets.splits import SPLITS
from hmmlens.errors import DataError
from hmmlens.typing import Bools, Int64s


def read_npz(path: Path, missing: bool = False) -> Content:
    """Read a NumPy .npz file with the arrays of :data:`DIMS`.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    missing : bool, default=False
        Whether values of inputs may be NaN, and targets one for each sequence: of its last step.

    Returns
    -------
    Content
        Sequences, padded to the longest.

    Raises
    ------
    DataError
        With the file, and the array and index where something does not fit.
    """
    return from_arrays(read_npz_arrays(path), path, missing)


def read_zarr(path: Path, missing: bool = False) -> Content:
    """Read a Zarr store whose arrays have the names and dimensions of :data:`DIMS`.

    Parameters
    ----------
    path : pathlib.Path
        The folder of the store.
    missing : bool, default=False
        Whether values of inputs may be NaN, and targets one for each sequence: of its last step.

    Returns
    -------
    Content
        Sequences, padded to the longest.

    Raises
    ------
    DataError
        With the store, and the array and index where something does not fit.
    """
    return from_arrays(read_zarr_arrays(path), path, missing)


class RecordedStates(NamedTuple):
    """States and outputs that another program has recorded.

    Attributes
    ----------
    hidden : dict of str to ndarray of shape (sequence, time, unit)
        ``hidden`` and, where it is there, ``cell``.
    output : ndarray of shape (sequence, time, output)
        What the network returned.
    content : Content
        The other arrays; inputs are zeros where the file has none.
    has_input : bool
        Whether it has.
    """

    hidden: dict[str, NDArray[Any]]
    output: NDArray[Any]
    content: Content
    has_input: bool


def read_states(path: Path) -> RecordedStates:
    """Read a .npz file or a Zarr store with the arrays ``hidden`` and ``output``.

    Parameters
    ----------
    path : pathlib.Path
        The file or the folder of the store.

    Returns
    -------
    RecordedStates
        Sequences, padded to the longest.

    Raises
    ------
    DataError
        With the file, and the array and index where something does not fit.
    """
    required = ("hidden", "output")
    read = read_zarr_arrays if path.suffix == ".zarr" else read_npz_arrays
    arrays = read(path, required)
    names = [name for name in arrays if name in ("hidden", "cell", "output")]
    states = {name: arrays.pop(name) for name in names}
    shape = states["hidden"].shape
    for name, array in states.items():
        if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "biuf":
            raise DataError(
                f"{path}: array {name!r} has shape {array.shape} of {array.dtype}; wants numbers "
                f"({', '.join(DIMS[name])})"
            )
        if array.shape[:2] != shape[:2]:
            raise DataError(
                f"{path}: array {name!r} has shape {array.shape}, and hidden has {shape}; "
                "sequences and steps must be the same"
            )
    has_input = "input" in arrays
    if not has_input:
        arrays["input"] = np.zeros((*shape[:2], 1))
    elif arrays["input"].shape[:2] != shape[:2]:
        raise DataError(
            f"{path}: array 'input' has shape {arrays['input'].shape}, and hidden has {shape}; "
            "sequences and steps must be the same"
        )
    content = from_arrays(arrays, path)
    inside = np.arange(shape[1]) < content.length[:, None]
    file = _File(path, states, inside)
    for name, array in states.items():
        file.refuse(name, ~np.isfinite(array) & inside[..., None], "a finite number")
    output = states.pop("output")
    return RecordedStates(states, output, content, has_input)


# --- What the arrays hold -------------------------------------------------------------------


class _File(NamedTuple):
    """The arrays of one file.

    inside : (sequence, time), True before each sequence's end
    missing : whether values of inputs may be NaN
    """

    path: Path
    arrays: Mapping[str, NDArray[Any]]
    inside: Bools
    missing: bool = False

    def refuse(self, name: str, flags: Bools, wants: str) -> None:
        """Raise DataError with the first place in ``name`` where ``flags`` is True."""
        if flags.any():
            index = tuple(int(i) for i in np.argwhere(flags)[0])
            place = ", ".join(f"{dim} {i}" for dim, i in zip(DIMS[name], index, strict=False))
            found = self.arrays[name][index]
            raise DataError(f"{self.path}: {name} at {place}: found {found}, wants {wants}")

    def whole(self, name: str) -> Int64s:
        """Return an array that must hold whole numbers."""
        array = self.arrays[name]
        if array.dtype.kind not in "iu":
            raise DataError(f"{self.path}: array {name!r} holds {array.dtype}, wants whole numbers")
        self.refuse(name, array > np.uint64(2**63 - 1), "at most 2**63 - 1")
        return array.astype(np.int64)

    def codes(self, name: str, unknown: str) -> Int64s:
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
        with np.errstate(over="ignore"):
            values = array.astype(np.float64)
        inside = self.inside[..., None]
        self.refuse(name, np.isfinite(values) & (np.abs(values) > LARGEST) & inside, SMALLER)
        if name == "target":
            self.refuse(name, np.isinf(values) & inside, "a finite number, or NaN for none")
            return np.where(inside, values, np.nan)
        bad = np.isinf(values) if self.missing else ~np.isfinite(values)
        self.refuse(name, bad & inside, "a finite number")
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


def from_arrays(arrays: Mapping[str, NDArray[Any]], path: Path, missing: bool = False) -> Content:
    """Check arrays and return them as content.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``input`` (sequence, time, feature), or whole numbers (sequence, time) for symbols;
        ``target`` alike; ``length`` (sequence); ``state`` (sequence, time), -1 where unknown;
        ``split`` (sequence), words or 0, 1, 2; ``group`` (sequence), numbers or text;
        ``feature_names``, ``target_names`` and ``state_names``. All but the first may be missing;
        what :func:`read_states` reads is left out. In place of ``input`` there may be several
        arrays ``input_NAME``: like it, or without steps (sequence) or (sequence, feature).
    path : pathlib.Path
        The file, for messages.
    missing : bool, default=False
        Whether values of inputs may be NaN, and targets one for each sequence: of its last step.

    Returns
    -------
    Content
        Sequences, padded to the longest.

    Raises
    ------
    DataError
        With the array and index where something does not fit.
    """
    arrays = {name: _numbers_or_text(array, name, path) for name, array in arrays.items()}
    arrays, parts = joined(arrays, path)
    shape = arrays["input"].shape
    if missing and "target" in arrays:
        arrays["target"] = target_of_steps(arrays)
    for name, array in arrays.items():
        dims = DIMS[name]
        shared = tuple(dim for dim in dims if dim in ("sequence", "time"))
        allowed = {len(dims), len(symbol_dims(name))}
        if (
            array.ndim not in allowed
            or 0 in array.shape
            or array.shape[: len(shared)] != shape[: len(shared)]
        ):
            raise DataError(
                f"{path}: array {name!r} has shape {array.shape}, but ({', '.join(dims)}) is "
                f"needed{'' if name == 'input' else f', and input has shape {shape}'}"
            )
    file = _File(path, arrays, np.ones(shape[:2], dtype=bool), missing)
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
        names["group"], group = _groups(file)
    split = _splits(file) if "split" in arrays else None
    return Content(inputs, target, length, state, split, group, names, "state", parts)


def _numbers_or_text(array: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """Return an array of numbers or of text, which Zarr gives as objects."""
    items = array.ravel().tolist() if array.dtype.kind in "OTS" else []
    if array.dtype.kind in "OTS" and all(isinstance(item, str | bytes) for item in items):
        try:
            texts = [item if isinstance(item, str) else item.decode() for item in items]
        except UnicodeDecodeError:
            raise DataError(f"{path}: array {name!r} holds bytes that are no UTF-8") from None
        return np.array(texts, dtype=str).reshape(array.shape)
    if array.dtype.kind not in "biufU":
        raise DataError(f"{path}: array {name!r} holds {array.dtype}, wants real numbers or text")
    return array


def _groups(file: _File) -> tuple[list[str], Int64s]:
    """Return the names of the groups, and the group of each sequence."""
    array = file.arrays["group"]
    try:
        words = read_words(array)
    except BadCellError as error:
        raise DataError(f"{file.path}: group at sequence {error.place}: {error}") from None
    file.refuse("group", words.codes < 0, "a word or number for every sequence")
    warn_of_look_alikes(words.names, f"{file.path}, array 'group'")
    numbers = array.dtype.kind in "iuf"
    names = sorted(words.names, key=by_number if numbers else lambda name: (0.0, name))
    places = np.array([names.index(name) for name in words.names], dtype=np.int64)
    return names, places[words.codes]


def _splits(file: _File) -> Int64s:
    array = file.arrays["split"]
    if array.dtype.kind == "U":
        array = np.array([clean(str(word)).casefold() for word in array])
        known: NDArray[Any] = np.array(SPLITS)
    else:
        array, known = file.whole("split"), np.arange(len(SPLITS))
    file.refuse("split", ~np.isin(array, known), f"one of: {', '.join(map(str, known))}")
    return np.asarray(np.argmax(array[:, None] == known, axis=1))
