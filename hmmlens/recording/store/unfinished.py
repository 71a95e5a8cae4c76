"""Stores that are being written: a log of what is whole, and which files belong to them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hmmlens.errors import StoreError
from hmmlens.io import locks, ownership, seals, writing

#: The log: what is written, then a line when its arrays are made, then a line for each batch.
LOG = "batches.jsonl"
FORMAT = 1

#: What Zarr writes until it renames it.
STRAY = re.compile(r"\.[0-9a-f]+\.partial$")


def head(
    fingerprint: str | None, units: Mapping[str, Sequence[int]] | None, arrays: Sequence[str]
) -> dict[str, Any]:
    """Return the first line of a log.

    Parameters
    ----------
    fingerprint : str or None
        Of what the store is made from.
    units : mapping of str to sequence of int or None
        Units of each node that are kept.
    arrays : sequence of str
        ``variable`` or ``node/variable`` of all arrays.

    Returns
    -------
    dict
        The line.
    """
    found = {"fingerprint": fingerprint, "units": units, "arrays": list(arrays)}
    return {"format": FORMAT, **found}


def write_log(folder: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write a log anew.

    Parameters
    ----------
    folder : Path
        The unfinished store.
    lines : sequence of mapping
        All lines.
    """
    (folder / LOG).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def append_log(folder: Path, line: Mapping[str, Any]) -> None:
    """Append a line to a log.

    Parameters
    ----------
    folder : Path
        The unfinished store.
    line : mapping
        The line.
    """
    with open(folder / LOG, "a") as log:
        log.write(f"{json.dumps(line)}\n")


def read_log(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a log, without a last line that was cut off.

    Parameters
    ----------
    folder : Path
        The unfinished store.

    Returns
    -------
    head : dict
        The first line; empty where there is no log.
    lines : list of dict
        The others.
    """
    path = folder / LOG
    if path.is_symlink() or not path.is_file():
        return {}, []
    try:
        whole, _, _ = path.read_text().rpartition("\n")
        first, *lines = map(json.loads, whole.splitlines())
    except (ValueError, RecursionError):
        return {}, []
    # Logs of earlier versions had no format; their stores may be replaced, but not continued.
    wanted = {"fingerprint", "units", "arrays"}
    if not isinstance(first, dict) or not wanted <= set(first) <= {*wanted, "format"}:
        return {}, []
    if not isinstance(first["arrays"], list) or first.get("format", FORMAT) != FORMAT:
        return {}, []
    return first, lines if "format" in first else []


def verified(folder: Path) -> list[str]:
    """Return the names of all files of an unfinished store, as :func:`seals.listing` does.

    The log proves that hmmlens made the folder, and names the arrays; each file must be one that
    Zarr writes for them.

    Parameters
    ----------
    folder : Path
        The unfinished store.

    Returns
    -------
    list of str
        Names; empty where there is no folder.

    Raises
    ------
    StoreError
        When anything else is there.
    """
    if not os.path.lexists(folder):
        return []
    if folder.is_symlink() or not folder.is_dir():
        raise StoreError(f"{folder}: is a file; {writing.ADVICE}")
    names = seals.names(folder)
    first, _ = read_log(folder)
    ours = {locks.LOCK} if locks.is_ours(folder / locks.LOCK) else set()
    if not first:
        if set(names) <= ours:
            return names
        # Sealed, and killed before it was renamed.
        return list(ownership.verified(folder, "activations") or [])
    arrays = [str(name) for name in first["arrays"]]
    nodes = {f"{name.rpartition('/')[0]}/" for name in arrays if "/" in name}
    ours |= {LOG, seals.ROOT, *nodes, *(f"{node}{seals.ROOT}" for node in nodes)}
    ours |= {f"{name}/" for name in arrays} | {f"{name}/{seals.ROOT}" for name in arrays}
    chunk = re.compile(f"(?:{'|'.join(map(re.escape, arrays)) or '(?!)'})/c(?:/[0-9]+)*/?")
    for name in names:
        written = STRAY.sub("", name)
        alternatives = {written, f"{written}.json"}
        if not alternatives & ours and not chunk.fullmatch(written):
            raise StoreError(
                f"{folder}: holds what was not finished of a store, and {name!r}, which hmmlens "
                "did not write; move that away, or name another folder"
            )
    return names
