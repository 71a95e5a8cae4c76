"""Reasons why jobs of a Snakemake run failed, printed as the last lines on the screen.

A job writes the reason why it failed into its log (:func:`reason_line`). Snakemake's logger emits a
record for every job that starts, fails or ends, whatever executes it; :class:`Failures` collects
them, and when the process ends it prints for each job that failed its rule, its wildcards, the
reason and the path of the log.
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
    """A formatter of log records that removes control characters of terminals."""

    def format(self, record: logging.LogRecord) -> str:
        """Return :func:`hmmlens.user_text.block` of the formatted record.

        Parameters
        ----------
        record : logging.LogRecord
            The record.

        Returns
        -------
        str
            Text of the record.
        """
        return user_text.block(super().format(record))


def reason_line(text: str) -> str:
    """Return a reason as it stands in a log, with further lines indented to mark its end.

    Parameters
    ----------
    text : str
        The reason, of one or more lines.

    Returns
    -------
    str
        The text to log.
    """
    return "\n  ".join(text.splitlines())


def log_error(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Log why a job fails, with the reason last; a hook for ``sys.excepthook``.

    Parameters
    ----------
    kind : type
        Class of the error.
    error : BaseException
        The error.
    trace : traceback
        Its traceback.
    """
    known = isinstance(error, HmmlensError)
    if not known:
        logging.error("%s", "".join(traceback.format_exception(kind, error, trace)))
    text = str(error) if known else "".join(traceback.format_exception_only(error))
    logging.addLevelName(logging.CRITICAL, REASON)
    logging.critical("%s", reason_line(text))


def check_written(outputs: list[str]) -> None:
    """End a job as failed if a user's own code has ended it with ``sys.exit(0)``.

    Parameters
    ----------
    outputs : list of str
        Paths that the job has to write.
    """
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
    """Return the reason that a job's log ends with.

    Parameters
    ----------
    log : str
        Text of the log.

    Returns
    -------
    str or None
        The reason; None where there is none.
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
    #: What the executor reports of the failure.
    message: str = ""
    #: Other jobs that the executor ran as one with it.
    group: frozenset[Any] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """The rule and its wildcards."""
        places = ", ".join(f"{key} {value}" for key, value in self.wildcards.items())
        return f"{self.rule} ({places})" if places else self.rule

    def text(self) -> str:
        """Return what the job wrote into its logs, without what an earlier run wrote."""
        written = [path for path in self.logs if _state(path) not in (None, self.before.get(path))]
        return "\n".join(Path(path).read_text(errors="replace") for path in written)


class Failures(logging.Handler):
    """Collect the jobs that fail from the records of Snakemake's logger."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[Any, _Job] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Register a job that starts, fails or ends.

        Parameters
        ----------
        record : logging.LogRecord
            A record of Snakemake's logger.
        """
        event = getattr(record, "event", None)
        event, fields = getattr(event, "value", event), record.__dict__
        number = fields.get("jobid")
        # Snakemake leaves the folder of the study before the process ends.
        logs = [os.path.abspath(path) for path in fields.get("log") or ()]
        if event == "job_info":
            before = {path: state for path in logs if (state := _state(path)) is not None}
            wildcards = dict(fields.get("wildcards") or {})
            self._jobs[number] = _Job(str(fields.get("rule_name")), wildcards, logs, before)
        elif event == "job_error" and number in self._jobs:
            job = self._jobs[number]
            job.failed, job.message = True, str(fields.get("rule_msg") or "")
            # The executor may have logs of its own.
            job.logs += [path for path in logs if path not in job.logs]
        elif event == "group_error":
            group = frozenset(info.get("jobid") for info in fields.get("job_error_info") or ())
            for member in group & set(self._jobs):
                self._jobs[member].group = group
        elif event == "job_finished":
            self._jobs.pop(fields.get("job_id"), None)

    def add(self, jobs: Iterable[Any]) -> None:
        """Register jobs that failed without a record, such as those that left no results.

        Parameters
        ----------
        jobs : iterable
            Snakemake's jobs.
        """
        for job in jobs:
            if job.jobid not in self._jobs:
                # Its start was in no record either, so its log may be that of an earlier run.
                logs = [os.path.abspath(str(path)) for path in job.log]
                wildcards = dict(job.wildcards_dict)
                self._jobs[job.jobid] = _Job(str(job.rule.name), wildcards, logs, {})
            self._jobs[job.jobid].failed = True

    def summary(self) -> str:
        """Return a paragraph for each job that failed.

        Returns
        -------
        str
            The paragraphs; empty where no job failed.
        """
        failed = {number: job for number, job in self._jobs.items() if job.failed}
        reasons = {number: reason_of(job.text()) for number, job in failed.items()}
        # Snakemake counts all jobs of a group as failed; those with a reason are the ones that did.
        with_reason = [
            number
            for number, job in failed.items()
            if reasons[number] or not any(reasons.get(other) for other in job.group)
        ]
        if not with_reason:
            return ""
        n_failed = len(with_reason)
        count = "One job failed" if n_failed == 1 else f"{n_failed} jobs failed"
        shown = [_paragraph(failed[number], reasons[number]) for number in with_reason[:MOST]]
        if more := with_reason[MOST:]:
            shown.append("\n".join(["And:", *(f"  {failed[n].name}" for n in more)]))
        return user_text.block("\n\n".join([f"{count}:", *shown]) + "\n")

    def report(self, stream: TextIO | None = None) -> None:
        """Print :meth:`summary`.

        Parameters
        ----------
        stream : file, optional
            Where it is printed; by default stderr.
        """
        if text := self.summary():
            print(f"\n{text}", end="", file=stream or sys.stderr, flush=True)


def _paragraph(job: _Job, reason: str | None) -> str:
    if reason is None:
        lines = [line for line in job.text().splitlines() if line.strip()]
        reason = (
            "It ended without results and without a reason, as when it is killed, has too little "
            "memory, or calls sys.exit."
            + (f" {job.message}" if job.message else "")
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
