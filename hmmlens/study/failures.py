"""What failed in a run of Snakemake, in the jobs' own words, as the last lines on the screen.

A job writes the reason why it failed into its log (:func:`reason_line`). Snakemake tells of every
job that starts, fails or ends, whatever executes it, by records of its logger; :class:`Failures`
collects them, and when the process ends it prints for each job that failed its rule, its wildcards,
the reason and the path of the log.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from hmmlens import user_text
from hmmlens.errors import HmmlensError

#: The level of the record with the reason, which nothing else in a job's log has.
REASON = "FAILED"
#: Jobs that are shown with their reasons; further ones are counted.
MOST = 12

_RECORD = re.compile(rf"^[\d-]+ [\d:,]+ {REASON} (.*(?:\n  .*)*)", re.MULTILINE)


class Formatter(logging.Formatter):
    """A formatter of log records that leaves out what steers a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return :func:`hmmlens.user_text.block` of the formatted record."""
        return user_text.block(super().format(record))


def reason_line(text: str) -> str:
    """Return a reason as it stands in a log: further lines are indented, so that its end shows."""
    return "\n  ".join(text.splitlines())


def log_error(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Log why a job fails, last of all with the reason; a hook for ``sys.excepthook``."""
    known = isinstance(error, HmmlensError)
    if not known:
        logging.error("%s", "".join(traceback.format_exception(kind, error, trace)))
    text = str(error) if known else "".join(traceback.format_exception_only(error))
    logging.addLevelName(logging.CRITICAL, REASON)
    logging.critical("%s", reason_line(text))


def check_written(outputs: list[str]) -> None:
    """Let a job fail that a user's own code has ended with ``sys.exit(0)``."""
    missing = [path for path in outputs if not os.path.lexists(path)]
    # Of an error that ended the job, which was logged; a SystemExit does not count.
    if missing and not hasattr(sys, "last_value"):
        reason = (
            f"the job ended before it wrote {missing[0]}; something that it ran called sys.exit(), "
            "such as a network's or a method's own code"
        )
        logging.addLevelName(logging.CRITICAL, REASON)
        logging.critical("%s", reason_line(reason))
        logging.shutdown()
        os._exit(1)


def reason_of(log: str) -> str | None:
    """Return the reason that a job's log ends with, or None where there is none.

    Parameters
    ----------
    log : the text of the log.
    """
    found = _RECORD.findall(log)
    return found[-1].replace("\n  ", "\n") if found else None


@dataclass
class _Job:
    """A job that was started: what it is, its logs as they were then, and whether it failed."""

    rule: str
    wildcards: dict[str, str]
    logs: list[str]
    before: dict[str, tuple[int, int]]
    failed: bool = False
    #: What the executor says of the failure.
    said: str = ""
    #: Other jobs that the executor ran as one with it.
    group: frozenset[Any] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """The rule and its wildcards."""
        places = ", ".join(f"{key} {value}" for key, value in self.wildcards.items())
        return f"{self.rule} ({places})" if places else self.rule

    def text(self) -> str:
        """Return what the job wrote into its logs; what an earlier run left there is none of it."""
        written = [path for path in self.logs if _state(path) not in (None, self.before.get(path))]
        return "\n".join(Path(path).read_text(errors="replace") for path in written)


class Failures(logging.Handler):
    """Collect the jobs that fail from the records of Snakemake's logger."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[Any, _Job] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a job that starts, fails or ends."""
        event = getattr(record, "event", None)
        event, told = getattr(event, "value", event), record.__dict__
        number = told.get("jobid")
        # Snakemake leaves the folder of the study before the process ends.
        logs = [os.path.abspath(path) for path in told.get("log") or ()]
        if event == "job_info":
            before = {path: state for path in logs if (state := _state(path)) is not None}
            wildcards = dict(told.get("wildcards") or {})
            self._jobs[number] = _Job(str(told.get("rule_name")), wildcards, logs, before)
        elif event == "job_error" and number in self._jobs:
            job = self._jobs[number]
            job.failed, job.said = True, str(told.get("rule_msg") or "")
            # The executor may have logs of its own.
            job.logs += [path for path in logs if path not in job.logs]
        elif event == "group_error":
            group = frozenset(info.get("jobid") for info in told.get("job_error_info") or ())
            for member in group & set(self._jobs):
                self._jobs[member].group = group
        elif event == "job_finished":
            self._jobs.pop(told.get("job_id"), None)

    def add(self, numbers: Iterable[Any]) -> None:
        """Take note of jobs that failed without a record, such as those that left no results."""
        for number in numbers:
            if number in self._jobs:
                self._jobs[number].failed = True

    def told(self) -> str:
        """Return a paragraph for each job that failed, and nothing where none did."""
        failed = {number: job for number, job in self._jobs.items() if job.failed}
        reasons = {number: reason_of(job.text()) for number, job in failed.items()}
        # Snakemake counts all jobs of a group as failed; those with a reason are the ones that did.
        guilty = [
            number
            for number, job in failed.items()
            if reasons[number] or not any(reasons.get(other) for other in job.group)
        ]
        if not guilty:
            return ""
        count = "One job failed" if len(guilty) == 1 else f"{len(guilty)} jobs failed"
        shown = [_paragraph(failed[number], reasons[number]) for number in guilty[:MOST]]
        if more := guilty[MOST:]:
            shown.append("\n".join(["And:", *(f"  {failed[n].name}" for n in more)]))
        return user_text.block("\n\n".join([f"{count}:", *shown]) + "\n")

    def report(self, stream: TextIO | None = None) -> None:
        """Print :meth:`told`.

        Parameters
        ----------
        stream : where to; None is stderr.
        """
        if text := self.told():
            print(f"\n{text}", end="", file=stream or sys.stderr, flush=True)


def _paragraph(job: _Job, reason: str | None) -> str:
    if reason is None:
        lines = [line for line in job.text().splitlines() if line.strip()]
        reason = (
            "It ended without results and without a reason, as when it is killed, has too little "
            "memory, or calls sys.exit."
            + (f" {job.said}" if job.said else "")
            + (f" The last line of its log: {lines[-1].strip()}" if lines else "")
        )
    return "\n".join(
        [job.name, *_indented(reason), *(f"  log: {_near(path)}" for path in job.logs)]
    )


def _near(path: str) -> str:
    """Shorten the path of a file that lies below the present folder."""
    return path.removeprefix(os.path.join(os.getcwd(), ""))


def _indented(text: str) -> Iterable[str]:
    return (f"  {line}" for line in text.splitlines())


def _state(path: str) -> tuple[int, int] | None:
    """Return time and size of a file, or None where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
