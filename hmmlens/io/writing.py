"""Paths to write to, and refusals of the operating system in one sentence."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hmmlens.errors import StoreError

#: What to do about a file or folder that hmmlens did not write.
ADVICE = "move it away, or name another folder"


class WriteError(StoreError):
    """The operating system refused to write: the disk is full, permission is missing, ..."""


@contextmanager
def writing_to(path: str | Path) -> Iterator[None]:
    """Turn errors of the operating system into one sentence about a path.

    Parameters
    ----------
    path : str or pathlib.Path
        What is being written.

    Yields
    ------
    None

    Raises
    ------
    WriteError
        Instead of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {reason(error)}") from error


def reason(error: OSError) -> str:
    """Return the message of the operating system, with the file where it names one.

    Parameters
    ----------
    error : OSError
        What was raised.

    Returns
    -------
    str
        A phrase without a full stop.
    """
    if isinstance(error, FileExistsError | NotADirectoryError) and error.filename:
        path = Path(os.fsdecode(error.filename))
        there = next((p for p in (path, *path.parents) if os.path.lexists(p)), path)
        return f"{there} is no folder"
    message = error.strerror or str(error) or type(error).__name__
    return f"{message} ({os.fsdecode(error.filename)})" if error.filename else message


def resolved(path: Any) -> Path:
    """Return an absolute path with symbolic links followed, so that a link outlives a writer.

    Parameters
    ----------
    path : str or os.PathLike
        A path, whether or not anything is there.

    Returns
    -------
    pathlib.Path
        Whether or not anything is there.

    Raises
    ------
    StoreError
        When it is no path.
    """
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise StoreError(f"{path!r} is no path that can be written to: {error}") from error


def fresh(path: Path) -> Path:
    """Return a path in the same folder that does not exist.

    Parameters
    ----------
    path : pathlib.Path
        What will be written there in the end.

    Returns
    -------
    pathlib.Path
        Its name ends in ``.partial``.
    """
    while True:
        candidate = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        if not os.path.lexists(candidate):
            return candidate
