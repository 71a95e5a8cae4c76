"""What SLURM's queue holds of a run."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hmmlens.errors import HmmlensError


class QueueError(HmmlensError):
    """SLURM's queue cannot be asked, or does not do what it was asked for."""


class Job(NamedTuple):
    """One job in the queue: its number, its state, and why it waits or where it runs."""

    number: str
    state: str
    reason: str


def look_first_in(folder: Path) -> None:
    """Let commands of this process, and of those that it starts, be looked for there first."""
    places = os.environ["PATH"].split(os.pathsep)
    if str(folder) not in places:
        os.environ["PATH"] = os.pathsep.join([str(folder), *places])


def ask(*command: str) -> str:
    """Return what one of SLURM's commands prints.

    Raises
    ------
    QueueError
        When it is not there, fails, or does not answer within a minute.
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
    run : ID of the run, which Snakemake gives as name to all of its jobs.
    """
    told = ask("squeue", "--noheader", "--format=%i|%T|%r", f"--name={run}")
    return [Job(*line.split("|", 2)) for line in told.splitlines()]


def cancel(run: str, patience: float = 120.0) -> str | None:
    """Cancel the jobs of a run and wait for their end.

    Parameters
    ----------
    run : ID of the run.
    patience : seconds to wait until the jobs are gone.

    Returns
    -------
    What was done, for the user; None when there were no jobs.

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
            told = ", ".join(f"{job.number} {job.state}" for job in left)
            raise QueueError(f"cancelled SLURM jobs do not end: {told}")
        time.sleep(1)
    return f"Cancelled SLURM jobs that a killed run of this study had left: {numbers}."


def offered() -> tuple[list[str], list[str]]:
    """Return the names of the cluster's partitions, and what its nodes offer, such as GPUs."""
    lines = [line.split("|", 1) for line in ask("sinfo", "-h", "-o", "%R|%G").splitlines()]
    return sorted({name for name, _ in lines}), sorted({gres for _, gres in lines})


def summary(found: list[Job]) -> str:
    """Return how many jobs run and how many wait for what, in one line."""
    waiting = Counter(job.reason for job in found if job.state == "PENDING")
    told = ", ".join(f"{reason} {n}" for reason, n in waiting.most_common())
    n_waiting = sum(waiting.values())
    return f"{len(found) - n_waiting} at work, {n_waiting} waiting{f' ({told})' if told else ''}"
