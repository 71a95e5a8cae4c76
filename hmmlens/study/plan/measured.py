"""Measured costs of jobs: benchmark files of finished studies, and those shipped with the package.

Snakemake writes a benchmark file for each job. ``python benchmarks/plan.py`` writes what is
shipped: settings of studies, and the measured costs of each of their jobs. Predictors are fitted
when they are needed, so that they always agree with the present model of the work.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from hmmlens.errors import ConfigError
from hmmlens.study import jobs, layout
from hmmlens.study.rules import Job

#: When Snakemake polls a job: every half second, and after so many polls every half minute.
SHORT, N_SHORT, LONG = 0.5, 30, 30.0

#: Seconds after which a poll is sure to have measured the memory of a job.
MEASURABLE = 1.5

FIELDS = ("study", "rule", "place", "seconds", "mb", "disk_mb")


class Took(NamedTuple):
    """Measured costs of one job.

    Attributes
    ----------
    seconds : float
        CPU seconds.
    mb : float
        Peak memory in MB; NaN for a job that was too short to be polled.
    disk_mb : float
        Size of its results on the disk in MB.
    """

    seconds: float
    mb: float
    disk_mb: float


class Past(NamedTuple):
    """A study that was run, in part at least, and the measured costs of its jobs."""

    study: jobs.AnyStudy
    took: dict[Job, Took]


def cpu_seconds(seconds: float, last_seen: float) -> float:
    """Estimate the CPU time of a whole job from its CPU time at the last poll of Snakemake.

    Parameters
    ----------
    seconds : float
        Wall time of the job.
    last_seen : float
        CPU seconds that the job had used at the last poll before its end.

    Returns
    -------
    float
        CPU seconds, if the job went on at the same rate; ``seconds`` where no poll measured it.
    """
    first = SHORT * N_SHORT
    if seconds < first + LONG:
        polled = min(SHORT * int(seconds / SHORT), first)
    else:
        polled = first + LONG * int((seconds - first) / LONG)
    return last_seen * seconds / polled if polled and last_seen else seconds


def read(results: Path) -> Past | None:
    """Read the benchmark files of a study.

    Parameters
    ----------
    results : pathlib.Path
        The study's folder. Jobs whose settings have changed since are taken as they are now.

    Returns
    -------
    Past or None
        None where the study's settings are not there, or are those of another version.
    """
    try:
        settings = json.loads((results / layout.SETTINGS).read_text())
        study = jobs.load(settings, str(results / layout.SETTINGS))
    except (OSError, ValueError, ConfigError):
        return None
    took = {}
    for job in jobs.of_study(study):
        try:
            with (results / job.benchmark).open(newline="") as file:
                row = next(csv.DictReader(file, delimiter="\t"))
            seconds = float(row["s"])
            mb = float(row["max_rss"]) if seconds >= MEASURABLE else math.nan
            cpu = cpu_seconds(seconds, float(row["cpu_time"]))
        except (OSError, StopIteration, KeyError, ValueError):
            # Not run, or too short to be polled.
            continue
        took[job] = Took(max(cpu, 0.01), mb, _disk(results, job))
    return Past(study, took)


def _disk(results: Path, job: Job) -> float:
    """Return MB that the results of a job take, in blocks as the disk counts them."""
    found = (results / path for path in job.outputs)
    files = (f for path in found for f in ([path] if path.is_file() else path.rglob("*")))
    return max(sum(512 * file.stat().st_blocks for file in files) / 1e6, 1e-3)


def read_all(folder: Path) -> list[Past]:
    """Return all studies below a folder of which something was run.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the results of studies, such as ``results``.

    Returns
    -------
    list of Past
        In the order of the names of their folders.
    """
    found = (read(path.parent) for path in sorted(folder.glob(f"*/{layout.SETTINGS}")))
    return [past for past in found if past is not None and past.took]


def shipped() -> list[Past]:
    """Return the studies that come with the package.

    Returns
    -------
    list of Past
        Studies of several sizes, and the measured costs of their jobs.
    """
    place = resources.files("hmmlens.study.plan")
    studies = {s["study"]: s for s in json.loads((place / "studies.json").read_text())}
    past = {name: Past(jobs.load(settings, name), {}) for name, settings in studies.items()}
    with (place / "jobs.csv").open() as file:
        for row in csv.DictReader(file):
            job = Job(row["rule"], tuple(filter(None, row["place"].split("/"))))
            numbers = (float(row[name]) for name in Took._fields)
            past[row["study"]].took[job] = Took(*numbers)
    return list(past.values())


def write(studies: Iterable[Past], folder: Path) -> None:
    """Write studies in the form in which they are shipped.

    Parameters
    ----------
    studies : iterable of Past
        Studies and the measured costs of their jobs.
    folder : pathlib.Path
        Where ``studies.json`` and ``jobs.csv`` are written.
    """
    studies = list(studies)
    settings = [past.study.model_dump(mode="json", exclude_unset=True) for past in studies]
    (folder / "studies.json").write_text(json.dumps(settings, indent=1) + "\n")
    with (folder / "jobs.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(FIELDS)
        for past in studies:
            for job, took in past.took.items():
                numbers = (f"{value:.4g}" for value in took)
                rows.writerow((past.study.study, job.rule, "/".join(job.place), *numbers))
