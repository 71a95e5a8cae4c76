"""Pages of a report in one file, which hmmlens replaces only where it wrote them itself."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from hmmlens.errors import StoreError
from hmmlens.io.seals import FORMAT
from hmmlens.io.writing import fresh, writing_to

#: The last line of a page: a hash of all above it.
_PAGE_SEAL = "<!-- {name} format {format} sha256 {digest} -->\n"


def _sealed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text + _PAGE_SEAL.format(name="hmmlens", format=FORMAT, digest=digest)


def check_page(path: Path) -> None:
    """Refuse to replace a file that :func:`write_page` did not write, or that was changed since.

    Parameters
    ----------
    path : pathlib.Path
        Where a page is to be written.

    Raises
    ------
    StoreError
        With what is in the way.
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
    """Write a text file, which gets its name when it is complete.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    text : str
        Its text, which ends with a line break.

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
