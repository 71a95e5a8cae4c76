"""One writer for each folder: a lock that the operating system releases when a process ends."""

from __future__ import annotations

import datetime
import errno
import fcntl
import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hmmlens.errors import StoreError

log = logging.getLogger(__name__)

#: The file in a folder that is being filled; it names the process that fills it.
LOCK = "hmmlens.lock"
FORMAT = 1

#: How often a lock is tried, as :func:`check_free` holds it for a moment, and seconds in between.
ATTEMPTS, SECONDS_BETWEEN = 4, 0.05

#: Errors of file systems without locks.
UNSUPPORTED = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


def is_ours(path: Path) -> bool:
    """Return whether a file is a lock that hmmlens wrote.

    Parameters
    ----------
    path : pathlib.Path
        A file, which need not exist.

    Returns
    -------
    bool
        False for a file of any other kind.
    """
    return _content(path).get("format") == FORMAT


def _content(path: Path) -> dict[str, Any]:
    try:
        # Reading a pipe of that name would wait for its writer.
        if not stat.S_ISREG(path.lstat().st_mode):
            return {}
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    wanted = {"format", "pid", "host", "since"}
    return content if isinstance(content, dict) and set(content) == wanted else {}


class Lock:
    """Lock of a folder that is being filled, held from :meth:`claim` to :meth:`release`.

    Parameters
    ----------
    folder : pathlib.Path
        The folder, which is made where there is none.
    out : pathlib.Path
        Its later name, for messages.
    """

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder, self.out = folder, out
        self._descriptor: int | None = None

    def claim(self, check: Callable[[], None]) -> None:
        """Take the lock.

        Parameters
        ----------
        check : callable
            Raises where hmmlens did not write the folder, or what it will replace.

        Raises
        ------
        StoreError
            When another process, or this one, holds it.
        OSError
            When the folder cannot be made or written.
        """
        path = self.folder / LOCK
        for _ in range(100):
            made = False
            descriptor = _opened(path)
            if descriptor is None:
                check()
                self.folder.mkdir(parents=True, exist_ok=True)
                descriptor, made = _opened(path, os.O_CREAT | os.O_EXCL), True
            if descriptor is None:
                continue
            try:
                _take(descriptor, path, self.out)
                if not _is_at(descriptor, path):
                    # It was renamed or deleted by a writer that has just ended.
                    os.close(descriptor)
                    continue
                if not made:
                    check()
                _write(descriptor)
            except BaseException:
                os.close(descriptor)
                if made:
                    path.unlink(missing_ok=True)
                    with suppress(OSError):
                        self.folder.rmdir()
                raise
            self._descriptor = descriptor
            return
        raise StoreError(f"{self.out}: other processes are writing it; name another folder")

    def release(self, path: Path | None = None) -> None:
        """Release the lock.

        Parameters
        ----------
        path : pathlib.Path, optional
            The lock file, to be deleted; None keeps it, as a mark of a folder that is incomplete.
        """
        if self._descriptor is None:
            return
        if path is not None:
            path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def check_free(folder: Path, out: Path) -> None:
    """Refuse a folder that a process is filling.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    out : pathlib.Path
        Its later name, for messages.

    Raises
    ------
    StoreError
        With the process.
    """
    descriptor = _opened(folder / LOCK)
    if descriptor is not None:
        try:
            _take(descriptor, folder / LOCK, out)
        finally:
            os.close(descriptor)


def _take(descriptor: int, path: Path, out: Path) -> None:
    """Lock an open file, or raise an error that names the process that holds it."""
    for attempt in range(ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if attempt == ATTEMPTS - 1:
                raise StoreError(
                    f"{out}: {_holder(path)} is writing it; wait until that has ended, or name "
                    "another folder"
                ) from error
            time.sleep(SECONDS_BETWEEN)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            log.warning("%s: there are no locks on this file system", path.parent)
            return


def _opened(path: Path, more: int = 0) -> int | None:
    """Open a plain file; None where there is none, or with ``O_EXCL`` where there is one."""
    try:
        if not more and not stat.S_ISREG(path.lstat().st_mode):
            return None
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | more, 0o666)
    except (FileNotFoundError, FileExistsError, NotADirectoryError):
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _write(descriptor: int) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(sep=" ", timespec="seconds")
    content = {"format": FORMAT, "pid": os.getpid(), "host": socket.gethostname(), "since": now}
    written = os.pwrite(descriptor, f"{json.dumps(content)}\n".encode(), 0)
    os.ftruncate(descriptor, written)


def _holder(path: Path) -> str:
    about = _content(path)
    if not about:
        return "another process"
    return f"process {about['pid']} on {about['host']}, since {about['since']},"
