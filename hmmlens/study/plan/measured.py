"""What jobs took: benchmark files of finished studies, and those that come with the package.

Snakemake writes a benchmark file for each job. What is shipped is written by ``python
benchmarks/plan.py``: settings of studies, and what each of their jobs took. Laws are fitted when
they are needed, so that they always fit the present model of the work.
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

#: When Snakemake looks at a job: every half second, and after so many looks every half minute.
SHORT, LOOKS, LONG = 0.5, 30, 30.0

#: Seconds after which the peak of a job is sure to have been seen.
SEEN = 1.5

FIELDS = ("study", "rule", "place", "seconds", "mb", "disk_mb")


class Took(NamedTuple):
    """What one job took: CPU seconds, its peak of memory, and what it left on the disk.

    The peak is NaN of a job that was too short for it to be seen.
    """

    seconds: float
    mb: float
    disk_mb: float


class Past(NamedTuple):
    """A study that was run, in part at least."""

    study: jobs.AnyStudy
    took: dict[Job, Took]


def cpu_seconds(seconds: float, last_seen: float) -> float:
    """Return the CPU time of a job, of which Snakemake saw only what it had used at its last look.

    Parameters
    ----------
    seconds : from the start to the end.
    last_seen : CPU seconds at the last look before the end.
    """
    first = SHORT * LOOKS
    if seconds < first + LONG:
        looked = min(SHORT * int(seconds / SHORT), first)
    else:
        looked = first + LONG * int((seconds - first) / LONG)
    # It is taken to have gone on as before. Of what ended before a second look, nothing is known.
    return last_seen * seconds / looked if looked and last_seen else seconds


def read(results: Path) -> Past | None:
    """Read the benchmark files of a study.

    Parameters
    ----------
    results : the study's folder. Jobs whose settings have changed since are taken as they are now.

    Returns
    -------
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
            mb = float(row["max_rss"]) if seconds >= SEEN else math.nan
            cpu = cpu_seconds(seconds, float(row["cpu_time"]))
        except (OSError, StopIteration, KeyError, ValueError):
            # Not run, or too short to be looked at.
            continue
        took[job] = Took(max(cpu, 0.01), mb, _disk(results, job))
    return Past(study, took)


def _disk(results: Path, job: Job) -> float:
    """Return MB that the results of a job take, in blocks as the disk counts them."""
    found = (results / path for path in job.outputs)
    files = (f for path in found for f in ([path] if path.is_file() else path.rglob("*")))
    return max(sum(512 * file.stat().st_blocks for file in files) / 1e6, 1e-3)


def read_all(folder: Path) -> list[Past]:
    """Return all studies below ``folder``, such as ``results``, of which something was run."""
    found = (read(path.parent) for path in sorted(folder.glob(f"*/{layout.SETTINGS}")))
    return [past for past in found if past is not None and past.took]


def shipped() -> list[Past]:
    """Return the studies that come with the package."""
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
    """Write studies in the form in which they are shipped."""
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
