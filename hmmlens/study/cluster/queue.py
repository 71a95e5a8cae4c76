"""The jobs of a run in SLURM's queue."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hmmlens.errors import HmmlensError


class QueueError(HmmlensError):
    """SLURM's queue does not answer, or does not carry out a command."""


class Job(NamedTuple):
    """One job in the queue.

    Attributes
    ----------
    number : str
        Number that SLURM gave to the job.
    state : str
        State of the job, such as ``PENDING``.
    reason : str
        Why the job waits, or where it runs.
    """

    number: str
    state: str
    reason: str


def look_first_in(folder: Path) -> None:
    """Put a folder first in the search path of this process and of those that it starts.

    Parameters
    ----------
    folder : Path
        Folder with commands.
    """
    places = os.environ["PATH"].split(os.pathsep)
    if str(folder) not in places:
        os.environ["PATH"] = os.pathsep.join([str(folder), *places])


def ask(*command: str) -> str:
    """Return what one of SLURM's commands prints.

    Parameters
    ----------
    *command : str
        The command and its arguments.

    Returns
    -------
    str
        Standard output of the command.

    Raises
    ------
    QueueError
        When the command is not installed, fails, or does not answer within a minute.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise QueueError(f"there is no {command[0]} here; is this a login node?") from None
    except subprocess.TimeoutExpired:
        raise QueueError(f"{command[0]} does not answer") from None
    if done.returncode:
        raise QueueError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def jobs(run: str) -> list[Job]:
    """Return the jobs of a run that have not ended.

    Parameters
    ----------
    run : str
        ID of the run, which Snakemake gives as name to all of its jobs.

    Returns
    -------
    list of Job
        Jobs in the order of ``squeue``.

    Raises
    ------
    QueueError
        When the queue does not answer.
    """
    lines = ask("squeue", "--noheader", "--format=%i|%T|%r", f"--name={run}")
    return [Job(*line.split("|", 2)) for line in lines.splitlines()]


def cancel(run: str, patience: float = 120.0) -> str | None:
    """Cancel the jobs of a run and wait for their end.

    Parameters
    ----------
    run : str
        ID of the run.
    patience : float
        Seconds to wait until the jobs are gone.

    Returns
    -------
    str or None
        A sentence for the user that names the cancelled jobs; None when there were none.

    Raises
    ------
    QueueError
        When the queue does not answer, or the jobs do not end.
    """
    left = jobs(run)
    if not left:
        return None
    numbers = ", ".join(sorted(job.number for job in left))
    ask("scancel", f"--name={run}")
    end = time.monotonic() + patience
    while left := jobs(run):
        if time.monotonic() > end:
            states = ", ".join(f"{job.number} {job.state}" for job in left)
            raise QueueError(f"cancelled SLURM jobs do not end: {states}")
        time.sleep(1)
    return f"Cancelled SLURM jobs that a killed run of this study had left: {numbers}."


def offered() -> tuple[list[str], list[str]]:
    """Return what the cluster offers.

    Returns
    -------
    partitions : list of str
        Names of the partitions.
    gres : list of str
        Generic resources of the nodes, such as GPUs.

    Raises
    ------
    QueueError
        When SLURM does not answer.
    """
    lines = [line.split("|", 1) for line in ask("sinfo", "-h", "-o", "%R|%G").splitlines()]
    return sorted({name for name, _ in lines}), sorted({gres for _, gres in lines})


def summary(queued: list[Job]) -> str:
    """Return how many jobs run, and how many wait for which reason, in one line.

    Parameters
    ----------
    queued : list of Job
        Jobs in the queue.

    Returns
    -------
    str
        The line, without a full stop.
    """
    waiting = Counter(job.reason for job in queued if job.state == "PENDING")
    reasons = ", ".join(f"{reason} {n}" for reason, n in waiting.most_common())
    n_waiting = sum(waiting.values())
    n_working = len(queued) - n_waiting
    return f"{n_working} at work, {n_waiting} waiting{f' ({reasons})' if reasons else ''}"
