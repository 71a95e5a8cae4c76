"""What the jobs of a study took, by rule, from their benchmark files and logs."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import NamedTuple

from hmmlens.errors import DataError
from hmmlens.study import layout, start_up
from hmmlens.study.plan.measured import cpu_seconds

#: What Snakemake writes for a number that it did not measure.
NOT_MEASURED = ("NA", "-")
#: Name of the row of all rules.
ALL = "all"


class JobTiming(NamedTuple):
    """What one job took.

    Attributes
    ----------
    rule : str
        Name of its rule.
    cpu : float
        CPU seconds; those after Snakemake's last look at the job are estimated.
    wall : float
        Seconds from its start to its end.
    mb : float
        Largest memory in MB; NaN for a job that ended before Snakemake looked at it.
    start_up : float
        CPU seconds before its script began; NaN where its log has no such line.
    """

    rule: str
    cpu: float
    wall: float
    mb: float
    start_up: float


class RuleTiming(NamedTuple):
    """What all jobs of one rule took.

    Attributes
    ----------
    rule : str
        Name of the rule.
    jobs : int
        Number of its jobs.
    cpu, wall : float
        Sums of seconds.
    mb : float
        Largest memory of any job in MB; NaN where none was measured.
    start_up : float
        Share of the CPU seconds that passed before the scripts began, in the jobs for which it is
        known; NaN where there are none.
    """

    rule: str
    jobs: int
    cpu: float
    wall: float
    mb: float
    start_up: float


def read(results: Path) -> list[JobTiming]:
    """Read the benchmark files of a study, and their logs.

    Parameters
    ----------
    results : pathlib.Path
        Folder of the study.

    Returns
    -------
    list of JobTiming
        One for each job that has ended well.

    Raises
    ------
    DataError
        Where there are no benchmark files, or one cannot be read.
    """
    folder = results / layout.BENCHMARKS
    paths = sorted(folder.rglob("*.tsv"))
    if not paths:
        raise DataError(f"{folder}: there are no benchmark files; a study leaves one for each job")
    found = []
    for path in paths:
        place = path.relative_to(folder).with_suffix("")
        wall, mb, cpu = _row(path)
        log = (results / layout.LOGS / place).with_name(f"{place.name}.log")
        found.append(JobTiming(place.parts[0], cpu, wall, mb, _start_up(log)))
    return found


def _row(path: Path) -> tuple[float, float, float]:
    """Return wall seconds, largest MB and CPU seconds of a benchmark file."""
    try:
        with path.open(newline="") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        wall = _number(row["s"])
        mb, last_seen = (
            math.nan if row[name] in NOT_MEASURED else _number(row[name])
            for name in ("max_rss", "cpu_time")
        )
    except StopIteration:
        raise DataError(f"{path}: the file has no row; run its job again") from None
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path}: this is no benchmark file of Snakemake with numbers under s, max_rss and "
            f"cpu_time ({type(error).__name__}: {error}); delete it, or run its job again"
        ) from None
    return wall, mb, cpu_seconds(wall, 0.0 if math.isnan(last_seen) else last_seen)


def _number(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"found {text!r}")
    return number


def _start_up(log: Path) -> float:
    try:
        seconds = start_up.seconds_in(log.read_text(errors="replace"))
    except OSError:
        return math.nan
    return math.nan if seconds is None else seconds


def by_rule(jobs: list[JobTiming]) -> list[RuleTiming]:
    """Return what each rule took, and all together.

    Parameters
    ----------
    jobs : list of JobTiming
        At least one job.

    Returns
    -------
    list of RuleTiming
        The rules by falling CPU seconds, then a row with the name :data:`ALL`.

    Examples
    --------
    >>> jobs = [JobTiming("fit", 3.0, 4.0, 90.0, 1.0), JobTiming("draw", 1.0, 1.0, 80.0, 0.5)]
    >>> rows = by_rule(jobs)
    >>> [(row.rule, row.jobs, row.cpu) for row in rows]
    [('fit', 1, 3.0), ('draw', 1, 1.0), ('all', 2, 4.0)]
    """
    groups: dict[str, list[JobTiming]] = {}
    for job in jobs:
        groups.setdefault(job.rule, []).append(job)
    rows = [_summed(rule, group) for rule, group in groups.items()]
    return [*sorted(rows, key=lambda row: -row.cpu), _summed(ALL, jobs)]


def _summed(rule: str, jobs: list[JobTiming]) -> RuleTiming:
    known = [job for job in jobs if not math.isnan(job.start_up)]
    share = math.nan
    if known:
        share = sum(job.start_up for job in known) / max(sum(job.cpu for job in known), 0.01)
    memory = [job.mb for job in jobs if not math.isnan(job.mb)]
    return RuleTiming(
        rule,
        len(jobs),
        sum(job.cpu for job in jobs),
        sum(job.wall for job in jobs),
        max(memory, default=math.nan),
        share,
    )


def text(jobs: list[JobTiming]) -> str:
    """Return the table of :func:`by_rule` as text, with sentences about what it lacks.

    Parameters
    ----------
    jobs : list of JobTiming
        At least one job.

    Returns
    -------
    str
        Several lines.
    """
    rows = by_rule(jobs)
    total = max(rows[-1].cpu, 0.01)
    cells = [["rule", "jobs", "CPU s", "share", "wall s", "memory, MB", "start-up"]]
    for row in rows:
        numbers = [f"{row.cpu:,.1f}", f"{row.cpu / total:.0%}", f"{row.wall:,.1f}"]
        memory = "" if math.isnan(row.mb) else f"{row.mb:,.0f}"
        share = "" if math.isnan(row.start_up) else f"{row.start_up:.0%}"
        cells.append([row.rule, f"{row.jobs:,}", *numbers, memory, share])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in cells
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    notes = [
        "Memory is the largest of any job. Start-up is the share of the CPU seconds that passed "
        "before a script began: Python and the imports at the top of the script."
    ]
    unknown = sum(math.isnan(job.start_up) for job in jobs)
    if unknown:
        notes.append(
            f"The start-up of {unknown} of {len(jobs)} jobs is not known, because their logs have "
            "no line about it, as those of earlier versions."
        )
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", *notes])
