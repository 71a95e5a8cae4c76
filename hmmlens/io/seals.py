"""Seals: the hashes of all files of a finished folder, by which its writer recognises it.

A folder of files carries the list in ``manifest.json``, so files that were deleted since do no
harm. A Zarr store, in which a file that is no part of it makes Zarr warn, carries a hash of the
list as an attribute of its root. Nothing in a seal is random or depends on a clock, so the same
results have the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from hmmlens.errors import StoreError
from hmmlens.io.hashes import sha256_of
from hmmlens.io.writing import ADVICE

#: Version of the seals.
FORMAT = 1
#: The list of files in a folder that is no Zarr store.
MANIFEST = "manifest.json"
#: The attribute of a Zarr store's root with the hash of its files.
SEAL = "hmmlens_seal"
#: The root of a Zarr store.
ROOT = "zarr.json"

Listing = Mapping[str, str]


def listing(folder: Path, skip: Collection[str] = ()) -> dict[str, str]:
    """Return the hash of every file in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        A folder.
    skip : collection of str
        Relative paths that are left out.

    Returns
    -------
    dict of str to str
        SHA-256 by relative path. Paths of folders end in ``/`` and have an empty hash.

    Raises
    ------
    StoreError
        When there is a link, a pipe or the like, which no writer makes.
    """
    hashes: dict[str, str] = {}
    for name, path in _walk(folder):
        if name in skip:
            continue
        if name.endswith("/"):
            hashes[name] = ""
        elif name == ROOT:
            hashes[name] = hashlib.sha256(_canonical(unsealed(path))).hexdigest()
        else:
            hashes[name] = sha256_of(path)
    return dict(sorted(hashes.items()))


def names(folder: Path) -> list[str]:
    """Return the relative paths of :func:`listing`, without reading any file.

    Parameters
    ----------
    folder : pathlib.Path
        A folder.

    Returns
    -------
    list of str
        Sorted; those of folders end in ``/``.
    """
    return [name for name, _ in _walk(folder)]


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield f"{path.name}/", path
            yield from ((f"{path.name}/{name}", below) for name, below in _walk(path))
        elif stat.S_ISREG(mode):
            yield path.name, path
        else:
            raise StoreError(f"{path}: is no plain file, so hmmlens did not write it; {ADVICE}")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Parameters
    ----------
    path : pathlib.Path
        A file.

    Returns
    -------
    dict
        Empty where there is no such file, or something else in it.
    """
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def unsealed(path: Path) -> dict[str, Any]:
    """Return the metadata of a store's root without its seal.

    Parameters
    ----------
    path : pathlib.Path
        The file of the metadata.

    Returns
    -------
    dict
        Empty where there is no such file.
    """
    header = read_object(path)
    attributes = header.get("attributes")
    if isinstance(attributes, dict):
        header["attributes"] = {k: v for k, v in attributes.items() if k != SEAL}
    return header


def make_seal(kind: str, files: Listing) -> dict[str, Any]:
    """Return a seal.

    Parameters
    ----------
    kind : str
        What the folder holds.
    files : mapping of str to str
        Hashes of its files; see :func:`listing`.

    Returns
    -------
    dict
        ``format``, ``kind``, ``files`` and a hash of them, ``id``.
    """
    about = {"format": FORMAT, "kind": kind, "files": files}
    return {**about, "id": hashlib.sha256(_canonical(about)).hexdigest()}


def seal(folder: Path, kind: str) -> None:
    """Write the seal of a folder into its manifest, so that it may be replaced later.

    Parameters
    ----------
    folder : pathlib.Path
        A finished folder.
    kind : str
        What it holds, such as ``explanation``.
    """
    content = make_seal(kind, listing(folder, {MANIFEST}))
    (folder / MANIFEST).write_text(f"{json.dumps(content, indent=1)}\n")


def seal_store(folder: Path, skip: Collection[str] = ()) -> None:
    """Write the seal of a Zarr store into its root; its kind is the attribute ``store``.

    Parameters
    ----------
    folder : pathlib.Path
        A finished store.
    skip : collection of str
        Relative paths that will be deleted before the store gets its name.
    """
    header = unsealed(folder / ROOT)
    attributes = header.setdefault("attributes", {})
    content = make_seal(str(attributes.get("store")), listing(folder, skip))
    attributes[SEAL] = {"format": FORMAT, "id": content["id"]}
    (folder / ROOT).write_text(json.dumps(header, indent=2))
