"""Which folders hmmlens may replace: only those that it can prove it wrote, file by file.

A finished folder is sealed with the hash of every file in it. A folder of files carries the list in
``manifest.json``, so files that were deleted since do no harm. A Zarr store, in which a file that
is no part of it makes Zarr warn, carries a hash of the list as an attribute of its root. A file
that was added or changed since makes the writer refuse. Nothing in a seal is random or depends on a
clock, so the same results have the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hmmlens.errors import StoreError
from hmmlens.io import locks

#: Version of the seals.
FORMAT = 1
#: The list of files in a folder that is no Zarr store.
MANIFEST = "manifest.json"
#: The attribute of a Zarr store's root with the hash of its files.
SEAL = "hmmlens_seal"
#: The root of a Zarr store.
ROOT = "zarr.json"

ADVICE = "move it away, or name another folder"

Listing = Mapping[str, str]


class WriteError(StoreError):
    """The operating system refused to write: the disk is full, permission is missing, ..."""


@contextmanager
def writing_to(path: str | Path) -> Iterator[None]:
    """Turn errors of the operating system into one sentence about ``path``.

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
    """Return what the operating system says, with the file where it names one."""
    if isinstance(error, FileExistsError | NotADirectoryError) and error.filename:
        path = Path(os.fsdecode(error.filename))
        there = next((p for p in (path, *path.parents) if os.path.lexists(p)), path)
        return f"{there} is no folder"
    said = error.strerror or str(error) or type(error).__name__
    return f"{said} ({os.fsdecode(error.filename)})" if error.filename else said


def resolved(path: Any) -> Path:
    """Return an absolute path with symbolic links followed, so that a link outlives a writer.

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
    """Return a name beside ``path`` that nothing has."""
    while True:
        found = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        if not os.path.lexists(found):
            return found


# --- Seals ----------------------------------------------------------------------------------


def listing(folder: Path, skip: Collection[str] = ()) -> dict[str, str]:
    """Return relative path -> SHA-256 of every file; folders end in ``/`` and have none.

    Parameters
    ----------
    skip : relative paths that are left out.

    Raises
    ------
    StoreError
        When there is a link, a pipe or the like, which no writer makes.
    """
    found: dict[str, str] = {}
    for name, path in _walk(folder):
        if name in skip:
            continue
        if name.endswith("/"):
            found[name] = ""
        elif name == ROOT:
            found[name] = hashlib.sha256(_canonical(_unsealed(path))).hexdigest()
        else:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return dict(sorted(found.items()))


def names(folder: Path) -> list[str]:
    """Return the relative paths of :func:`listing`, without reading any file."""
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


def _json(path: Path) -> dict[str, Any]:
    """Return an object in a JSON file; empty where there is none."""
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _unsealed(path: Path) -> dict[str, Any]:
    """Return the metadata of a store's root without its seal."""
    header = _json(path)
    attributes = header.get("attributes")
    if isinstance(attributes, dict):
        header["attributes"] = {k: v for k, v in attributes.items() if k != SEAL}
    return header


def _seal(kind: str, files: Listing) -> dict[str, Any]:
    about = {"format": FORMAT, "kind": kind, "files": files}
    return {**about, "id": hashlib.sha256(_canonical(about)).hexdigest()}


def seal(folder: Path, kind: str) -> None:
    """Note in a folder which files it has, so that :func:`replace` may replace it later.

    Parameters
    ----------
    kind : what it holds, such as ``explanation``.
    """
    found = _seal(kind, listing(folder, {MANIFEST}))
    (folder / MANIFEST).write_text(f"{json.dumps(found, indent=1)}\n")


def seal_store(folder: Path, skip: Collection[str] = ()) -> None:
    """Note at a Zarr store's root which files it has; the kind is its attribute ``store``.

    Parameters
    ----------
    skip : relative paths that will be gone when it is finished.
    """
    header = _unsealed(folder / ROOT)
    attributes = header.setdefault("attributes", {})
    found = _seal(str(attributes.get("store")), listing(folder, skip))
    attributes[SEAL] = {"format": FORMAT, "id": found["id"]}
    (folder / ROOT).write_text(json.dumps(header, indent=2))


def verified(path: Path, kind: str | None = None) -> Listing | None:
    """Return the files of a finished folder that hmmlens wrote, or None where nothing is there.

    Parameters
    ----------
    kind : what it must hold; None for anything.

    Raises
    ------
    StoreError
        When anything there is not proved to be written by hmmlens, saying what.
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
    header = _unsealed(path / ROOT)
    if header:
        return {**_verified_store(path, header, kind, stale), **stale}
    if MANIFEST not in there:
        raise StoreError(
            f"{path}: is there already and nothing in it shows that hmmlens wrote it; {ADVICE}"
        )
    claimed = _json(path / MANIFEST)
    files = claimed.get("files")
    if not isinstance(files, dict) or claimed != _seal(str(claimed.get("kind")), files):
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
    sealed = _json(path / ROOT).get("attributes")
    claimed = sealed.get(SEAL) if isinstance(sealed, dict) else None
    if not isinstance(attributes, dict) or not isinstance(claimed, dict):
        raise StoreError(f"{path}: is a Zarr store that hmmlens did not write; {ADVICE}")
    found = _seal(str(attributes.get("store")), listing(path, skip))
    if claimed != {"format": FORMAT, "id": found["id"]}:
        raise StoreError(
            f"{path}: would be replaced, but files in it were added, changed or deleted after "
            f"hmmlens wrote it; {ADVICE}"
        )
    _check_kind(path, found["kind"], kind)
    files: Listing = found["files"]
    return files


def _check_kind(path: Path, found: str, kind: str | None) -> None:
    if kind is not None and found != kind:
        raise StoreError(f"{path}: holds {found!r}, not {kind!r}; {ADVICE}")


# --- Replacing ------------------------------------------------------------------------------


def replace(new: Path, path: Path, kind: str | None = None) -> None:
    """Give a finished folder its name; what had that name is deleted if hmmlens wrote it.

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
    """Delete the files and folders ``names`` of a folder, and itself if nothing is left in it.

    Parameters
    ----------
    names : as :func:`listing` returns them.
    keep : names that stay.
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


# --- Pages ----------------------------------------------------------------------------------

#: The last line of a page: a hash of all above it.
_PAGE_SEAL = "<!-- {name} format {format} sha256 {digest} -->\n"


def _sealed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text + _PAGE_SEAL.format(name="hmmlens", format=FORMAT, digest=digest)


def check_page(path: Path) -> None:
    """Refuse to replace a file that :func:`write_page` did not write, or that was changed since.

    Raises
    ------
    StoreError
        Saying what is in the way.
    """
    advice = "move it away, or name another file"
    with writing_to(path):
        if not os.path.lexists(path):
            return
        if path.is_dir():
            raise StoreError(f"{path}: is a folder; name a file in it")
        content = path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
    text, newline, _ = content.removesuffix(b"\n").rpartition(b"\n")
    if _sealed((text + newline).decode(errors="replace")).encode() != content:
        raise StoreError(
            f"{path}: is there already, and is no page that hmmlens wrote, or was changed since; "
            f"{advice}"
        )


def write_page(path: Path, text: str) -> None:
    """Write a text file, which appears under its name when it is whole.

    Parameters
    ----------
    text : ends with a line break.

    Raises
    ------
    StoreError
        When another file is in the way, or the system refuses to write.
    """
    check_page(path)
    with writing_to(path):
        partial = fresh(path)
        try:
            partial.write_text(_sealed(text), encoding="utf-8")
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
