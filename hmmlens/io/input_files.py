"""Refuse what cannot be read as an input file, before anything waits for it or fills the memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from math import prod
from typing import Any

from hmmlens.errors import DataError


def check_file(path: str | os.PathLike[str]) -> None:
    """Check that a path leads to a regular file that can be read.

    Parameters
    ----------
    path : str or os.PathLike
        The path.

    Raises
    ------
    DataError
        When there is none, it is a folder, a named pipe or a device, it may not be read, or its
        name is not text in UTF-8.
    """
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        raise DataError(f"{os.fspath(path)}: this is a folder, a file is needed")
    _check_kind(path, mode)


def check_folder(path: str | os.PathLike[str], wanted: str) -> None:
    """Check that a path leads to a folder that holds nothing but folders and regular files.

    Parameters
    ----------
    path : str or os.PathLike
        The path.
    wanted : str
        What the folder should be, for the message.

    Raises
    ------
    DataError
        When there is none, or an entry below it is something else or may not be read.
    """
    if not stat.S_ISDIR(_mode(path)):
        raise DataError(f"{os.fspath(path)}: this is a file, the folder of {wanted} is needed")
    for folder, _, names in os.walk(path):
        for name in names:
            entry = os.path.join(folder, name)
            _check_kind(entry, _mode(entry))


def _mode(path: str | os.PathLike[str]) -> int:
    name = os.fspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = name.encode(errors="backslashreplace").decode()
        raise DataError(f"{shown}: the name of the file is not UTF-8; rename it") from None
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        raise DataError(f"{name}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{name!r}: cannot be read: {error}") from None


def _check_kind(path: str | os.PathLike[str], mode: int) -> None:
    name = os.fspath(path)
    if not stat.S_ISREG(mode):
        raise DataError(
            f"{name}: this is a named pipe or a device, a regular file is needed; "
            "write what comes out of it to a file first"
        )
    if not os.access(path, os.R_OK):
        raise DataError(f"{name}: cannot be read: permission denied")


def check_size(path: Any, name: str, shape: Sequence[int], itemsize: int) -> None:
    """Check that an array of a declared shape fits into the memory of this machine.

    Parameters
    ----------
    path : str or os.PathLike
        The file, for the message.
    name : str
        Name of the array, for the message.
    shape : sequence of int
        Declared shape.
    itemsize : int
        Bytes of an entry.

    Raises
    ------
    DataError
        With the array and its size.
    """
    import psutil

    wanted, there = prod(map(int, shape)) * itemsize, psutil.virtual_memory().total
    if wanted > there:
        raise DataError(
            f"{path}: array {name!r} declares the shape {tuple(map(int, shape))}, which takes "
            f"{wanted / 2**30:,.0f} GiB, but this machine has {there / 2**30:,.0f} GiB of memory"
        )
