"""One writer for each folder: a lock that the operating system lets go of when a process ends."""

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

#: The file in a folder that is being filled; it says who does.
LOCK = "hmmlens.lock"
FORMAT = 1

#: How often a lock is tried, as :func:`check_free` holds it for a moment, and seconds in between.
LOOKS, LOOK_EVERY = 4, 0.05

#: File systems without locks say one of these.
UNSUPPORTED = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


def is_ours(path: Path) -> bool:
    """Tell whether a file is a lock that hmmlens wrote."""
    return _content(path).get("format") == FORMAT


def _content(path: Path) -> dict[str, Any]:
    try:
        # A pipe of that name would be waited for.
        if not stat.S_ISREG(path.lstat().st_mode):
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    wanted = {"format", "pid", "host", "since"}
    return found if isinstance(found, dict) and set(found) == wanted else {}


class Lock:
    """Holds a folder that is being filled, from :meth:`claim` to :meth:`release`.

    Parameters
    ----------
    folder : which is made where there is none.
    out : what it becomes, for messages.
    """

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder, self.out = folder, out
        self._descriptor: int | None = None

    def claim(self, check: Callable[[], None]) -> None:
        """Take the lock.

        Parameters
        ----------
        check : raises where the folder, or what it will replace, is somebody else's.

        Raises
        ------
        StoreError
            When another process, or this one, has it.
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
        """Let go of the lock.

        Parameters
        ----------
        path : the lock file, to be deleted; None keeps it, as a mark of a folder that is not whole.
        """
        if self._descriptor is None:
            return
        if path is not None:
            path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def check_free(folder: Path, out: Path) -> None:
    """Refuse a folder that a process is filling.

    Raises
    ------
    StoreError
        Saying which process.
    """
    descriptor = _opened(folder / LOCK)
    if descriptor is not None:
        try:
            _take(descriptor, folder / LOCK, out)
        finally:
            os.close(descriptor)


def _take(descriptor: int, path: Path, out: Path) -> None:
    """Lock an open file, or say who has it."""
    for attempt in range(LOOKS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if attempt == LOOKS - 1:
                raise StoreError(
                    f"{out}: {_holder(path)} is writing it; wait until that has ended, or name "
                    "another folder"
                ) from error
            time.sleep(LOOK_EVERY)
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
