"""Which folders hmmlens may replace: only those that it can prove it wrote, file by file.

A finished folder is sealed with the hash of every file in it, see :mod:`hmmlens.io.seals`. A file
that was added or changed since makes the writer refuse.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hmmlens.errors import StoreError
from hmmlens.io import locks
from hmmlens.io.seals import (
    FORMAT,
    MANIFEST,
    ROOT,
    SEAL,
    Listing,
    listing,
    make_seal,
    names,
    read_object,
    unsealed,
)
from hmmlens.io.writing import ADVICE, fresh


def verified(path: Path, kind: str | None = None) -> Listing | None:
    """Return the files of a finished folder that hmmlens wrote.

    Parameters
    ----------
    path : pathlib.Path
        The folder.
    kind : str, optional
        What it must hold; None for anything.

    Returns
    -------
    mapping of str to str, or None
        Hashes of its files; see :func:`hmmlens.io.seals.listing`. None where nothing is there.

    Raises
    ------
    StoreError
        When a file there is not proved to be written by hmmlens, with its name.
    """
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_dir():
        raise StoreError(f"{path}: is a file; {ADVICE}")
    if os.path.ismount(path):
        raise StoreError(f"{path}: is a mount point; name a folder inside it")
    # Of a writer that was killed when all but this was done.
    stale = {locks.LOCK: ""} if locks.is_ours(path / locks.LOCK) else {}
    there = [name for name in names(path) if name not in stale]
    if not there:
        return stale
    header = unsealed(path / ROOT)
    if header:
        return {**_verified_store(path, header, kind, stale), **stale}
    if MANIFEST not in there:
        raise StoreError(
            f"{path}: is there already and nothing in it shows that hmmlens wrote it; {ADVICE}"
        )
    claimed = read_object(path / MANIFEST)
    files = claimed.get("files")
    if not isinstance(files, dict) or claimed != make_seal(str(claimed.get("kind")), files):
        raise StoreError(
            f"{path}: its {MANIFEST} is not one that this version of hmmlens wrote; {ADVICE}"
        )
    _check_kind(path, claimed["kind"], kind)
    for name in there:
        if name not in files and name != MANIFEST:
            raise StoreError(
                f"{path}: would be replaced, but holds {name!r}, which hmmlens did not write; "
                f"move that away, or name another folder"
            )
    now = listing(path, {MANIFEST, *stale})
    for name, digest in now.items():
        if digest != files[name]:
            raise StoreError(
                f"{path}: would be replaced, but {name!r} was changed after hmmlens wrote it; "
                f"move that away, or name another folder"
            )
    return {**now, MANIFEST: "", **stale}


def _verified_store(
    path: Path, header: Mapping[str, Any], kind: str | None, skip: Collection[str]
) -> Listing:
    attributes = header.get("attributes")
    sealed = read_object(path / ROOT).get("attributes")
    claimed = sealed.get(SEAL) if isinstance(sealed, dict) else None
    if not isinstance(attributes, dict) or not isinstance(claimed, dict):
        raise StoreError(f"{path}: is a Zarr store that hmmlens did not write; {ADVICE}")
    seal = make_seal(str(attributes.get("store")), listing(path, skip))
    if claimed != {"format": FORMAT, "id": seal["id"]}:
        raise StoreError(
            f"{path}: would be replaced, but files in it were added, changed or deleted after "
            f"hmmlens wrote it; {ADVICE}"
        )
    _check_kind(path, seal["kind"], kind)
    files: Listing = seal["files"]
    return files


def _check_kind(path: Path, found: str, kind: str | None) -> None:
    if kind is not None and found != kind:
        raise StoreError(f"{path}: holds {found!r}, not {kind!r}; {ADVICE}")


def replace(new: Path, path: Path, kind: str | None = None) -> None:
    """Give a finished folder its name; what had that name is deleted if hmmlens wrote it.

    Parameters
    ----------
    new : pathlib.Path
        The finished folder.
    path : pathlib.Path
        Its name.
    kind : str, optional
        What a folder of that name must hold; None for anything.

    Raises
    ------
    StoreError
        When anything else is in the way; ``new`` stays where it is.
    """
    old = verified(path, kind)
    if old is None:
        new.rename(path)
        return
    shutil.copymode(path, new)
    aside = fresh(path)
    path.rename(aside)
    try:
        new.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    delete(aside, old)


def delete(folder: Path, names: Collection[str], keep: Collection[str] = ()) -> None:
    """Delete some files and folders of a folder, and the folder itself when it is empty then.

    Parameters
    ----------
    folder : pathlib.Path
        A folder.
    names : collection of str
        Relative paths, as :func:`hmmlens.io.seals.listing` returns them.
    keep : collection of str
        Names that stay.
    """
    # Backwards, so that folders come after what is in them.
    for name in sorted(set(names) - set(keep), reverse=True):
        path = folder / name
        try:
            path.rmdir() if name.endswith("/") else path.unlink()
        except OSError:
            # Somebody put something into it meanwhile, or took it away.
            if path.exists() and not path.is_dir():
                raise
    if not any(folder.iterdir()):
        folder.rmdir()
