"""What a user's own file holds, whatever its format, and the checks that all formats share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.packing import Part
from hmmlens.errors import DataError, did_you_mean

#: Most symbols of an input or target, and most kinds of truth: each has a row in every table.
MOST_KINDS = 256

#: The largest value in size: networks compute in single precision.
LARGEST = float(np.finfo(np.float32).max)
SMALLER = (
    f"a number of at most {LARGEST:.2g} in size, as single precision holds; rescale the values"
)


#: The arrays that a file may hold, and their dimensions. Symbols have no feature or output.
DIMS = {
    "input": ("sequence", "time", "feature"),
    "target": ("sequence", "time", "output"),
    "hidden": ("sequence", "time", "unit"),
    "cell": ("sequence", "time", "unit"),
    "output": ("sequence", "time", "output"),
    "length": ("sequence",),
    "state": ("sequence", "time"),
    "split": ("sequence",),
    "group": ("sequence",),
    "feature_names": ("feature",),
    "target_names": ("output",),
    "state_names": ("truth",),
}

#: How the names of arrays begin that are one of several inputs.
NAMED_INPUT = "input_"

#: The arrays whose entries may be missing.
MAY_LACK = ("target", "state")


class Content(NamedTuple):
    """Sequences as a file holds them, padded to the longest.

    Attributes
    ----------
    input : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols or values, 0 past the end.
    target : ndarray of shape (sequence, time) or (sequence, time, output), or None
        Symbols or values, -1 or NaN where there is none; None where the file holds no targets.
    length : ndarray of shape (sequence,)
        Steps of each sequence.
    state : ndarray of shape (sequence, time), or None
        True state, -1 where unknown.
    split : ndarray of shape (sequence,), or None
        0 train, 1 select, 2 test.
    group : ndarray of shape (sequence,), or None
        Person or recording, from 0.
    names : mapping of str to list of str
        Names of the ``sequence``, ``input`` and ``target`` (features or symbols), ``state`` and
        ``group`` entries, as far as the file has them.
    truth : str
        What the file calls the states.
    parts : tuple of Part
        Where several inputs stand among the columns of ``input``; empty for one.
    """

    input: NDArray[Any]
    target: NDArray[Any] | None
    length: NDArray[np.int64]
    state: NDArray[np.int64] | None
    split: NDArray[np.int64] | None
    group: NDArray[np.int64] | None
    names: Mapping[str, list[str]]
    truth: str
    parts: tuple[Part, ...] = ()


def kind_names(codes: NDArray[np.integer], name: str, path: Path) -> list[str]:
    """Return a name for each code from 0 to the largest: ``name 0``, ``name 1`` ...

    Parameters
    ----------
    codes : ndarray of int
        Symbols or states, in any shape.
    name : str
        What they are called.
    path : pathlib.Path
        The file, for the message.

    Returns
    -------
    list of str
        One for each code up to the largest.

    Raises
    ------
    DataError
        When there are more than ``MOST_KINDS``.
    """
    most = int(codes.max(initial=0))
    if most >= MOST_KINDS:
        raise DataError(
            f"{path}: {name} goes up to {most}, but at most {MOST_KINDS} kinds are distinguished; "
            "number them from 0 without gaps, or give values instead of symbols"
        )
    return [f"{name} {code}" for code in range(most + 1)]


def symbol_dims(name: str) -> tuple[str, ...]:
    """Return the dimensions of an array where inputs and targets are symbols.

    Parameters
    ----------
    name : str
        Name of an array.

    Returns
    -------
    tuple of str
        Names of its dimensions.
    """
    return DIMS[name][:2] if name in ("input", "target") else DIMS[name]


def is_named_input(name: str) -> bool:
    """Return whether an array is one of several inputs.

    Parameters
    ----------
    name : str
        Name of an array.

    Returns
    -------
    bool
        Whether it is ``input_NAME``.
    """
    return name.startswith(NAMED_INPUT) and len(name) > len(NAMED_INPUT)


def dims_of(name: str) -> tuple[str, ...]:
    """Return the dimensions of an array.

    Parameters
    ----------
    name : str
        One of :data:`DIMS`, or ``input_NAME``.

    Returns
    -------
    tuple of str
        Names of its dimensions.
    """
    return DIMS["input"] if is_named_input(name) else DIMS[name]


def check_array_names(
    names: Sequence[str], path: Path, required: Sequence[str] = ("input",)
) -> None:
    """Check the names of a file's arrays against :data:`DIMS`.

    Parameters
    ----------
    names : sequence of str
        Names of the arrays of a file.
    path : pathlib.Path
        The file, for the message.
    required : sequence of str, optional
        Arrays that must be there.

    Raises
    ------
    DataError
        When one is unknown, or a required one is missing.
    """
    named = [name for name in names if is_named_input(name)] if "input" in required else []
    if named and "input" in names:
        raise DataError(
            f"{path}: holds the arrays 'input' and {named[0]!r}; name all inputs {NAMED_INPUT}NAME"
        )
    for name in names:
        if name not in DIMS and name not in named:
            raise DataError(
                f"{path}: holds an array {name!r}{did_you_mean(name, DIMS)}; "
                f"allowed: {', '.join(DIMS)}"
            )
    for name in required:
        if name not in names and not (name == "input" and named):
            raise DataError(
                f"{path}: the array {name!r} is missing; found: {', '.join(names) or 'none'}"
            )
