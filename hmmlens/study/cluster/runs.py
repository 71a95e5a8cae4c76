"""One run of a study at a time in a folder, even after an earlier run was killed.

Snakemake's own lock leaves gaps: two runs that start at the same moment both obtain it, any run
that ends removes the locks of all others in its folder, and after a kill it does not report jobs
that still run. Here a run holds a lock that the operating system releases when the process ends,
however it ends. It writes down the name of its SLURM jobs, so that the next run can find them, and
marks the environment of all processes that it starts.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import IO

import psutil

from hmmlens.errors import HmmlensError
from hmmlens.study.cluster import queue

#: The mark of a run: where its note is.
MARK = "HMMLENS_RUN"


class BusyError(HmmlensError):
    """Another run of the study is at work."""


def begin(path: Path, run: str | None, patience: float = 120.0) -> tuple[IO[str], str | None]:
    """Lock a study for this process, and end the jobs that a killed run of it left.

    Two jobs must not write to one file, so no job may start before this returns.

    Parameters
    ----------
    path : Path
        File for the lock and the note, one for each study in a folder.
    run : str or None
        ID of this run, which is the name of all its SLURM jobs; None without SLURM.
    patience : float
        Seconds to wait until cancelled jobs are gone.

    Returns
    -------
    note : file
        The open file, which holds the lock until it is closed.
    ended : str or None
        A line for the user that names the jobs and processes that were ended; None without any.

    Raises
    ------
    BusyError
        When another process holds the lock.
    QueueError
        When jobs of a killed run cannot be looked for or do not end.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    note = path.open("a+")
    note.seek(0)
    try:
        fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = note.readline().strip()
        raise BusyError(
            f"a run of this study is at work in this folder already ({who}); two would write to "
            "the same files"
        ) from None
    except OSError:
        # A file system without such locks: Snakemake's lock has to do.
        pass
    ended: list[str | None] = []
    if strays := _end_strays(path):
        ended.append(f"Killed processes that a killed run of this study had left: {strays}.")
    _, _, former = note.read().partition("\n")
    if former.strip():
        try:
            ended.append(queue.cancel(former.strip(), patience))
        except queue.QueueError as error:
            raise queue.QueueError(
                f"{error}. A killed run of this study may have left SLURM jobs: see squeue "
                f"--name={former.strip()}, and if there are none, delete {path}"
            ) from None
    _write(note, run)
    os.environ[MARK] = str(path.resolve())
    return note, " ".join(filter(None, ended)) or None


def end(note: IO[str]) -> None:
    """Note that a run ended well, so that it left no jobs; the lock is kept.

    Parameters
    ----------
    note : file
        The file that :func:`begin` returned.
    """
    _write(note, None)


def _end_strays(path: Path) -> str:
    """Kill this machine's processes of killed runs of a study, and return their numbers.

    Jobs of SLURM are left to SLURM.
    """
    mark, killed = str(path.resolve()), []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            if environ.get(MARK) == mark and "SLURM_JOB_ID" not in environ:
                process.kill()
                killed.append(process)
        except psutil.Error:
            continue
    psutil.wait_procs(killed, timeout=10)
    return ", ".join(str(process.pid) for process in killed)


def _write(note: IO[str], run: str | None) -> None:
    note.truncate(0)
    note.write(f"process {os.getpid()} on {socket.gethostname()}\n{run or ''}")
    note.flush()
