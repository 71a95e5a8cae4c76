"""The last lines on the screen after a run in which jobs failed."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from hmmlens.errors import DataError
from hmmlens.study.failures import MOST, REASON, Failures, log_error, reason_line, reason_of


class Run:
    """Jobs of a run of Snakemake, as its logger records them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.failures = folder, Failures()

    def _emit(self, event: LogEvent, **fields: Any) -> None:
        record = logging.makeLogRecord({"event": event, **fields})
        self.failures.handle(record)

    def log(self, number: int) -> Path:
        return self.folder / f"{number}.log"

    def start(self, number: int, **wildcards: str) -> None:
        self._emit(
            LogEvent.JOB_INFO,
            jobid=number,
            rule_name="fit",
            wildcards=wildcards,
            log=[str(self.log(number))],
        )

    def write(self, number: int, text: str) -> None:
        self.log(number).write_text(text)

    def fail(
        self, *numbers: int, message: str | None = None, more_logs: tuple[str, ...] = ()
    ) -> None:
        errors = [
            {"jobid": n, "log": [str(self.log(n)), *more_logs], "rule_msg": message}
            for n in numbers
        ]
        if len(errors) > 1:
            self._emit(LogEvent.GROUP_ERROR, job_error_info=errors, aux_logs=[])
        for error in errors:
            self._emit(LogEvent.JOB_ERROR, **error)

    def end(self, number: int) -> None:
        self._emit(LogEvent.JOB_FINISHED, job_id=number)

    def summary(self) -> str:
        stream = io.StringIO()
        self.failures.report(stream)
        return stream.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def failed(text: str) -> str:
    return f"2026-01-02 03:04:05,678 INFO begun\n2026-01-02 03:04:06,789 {REASON} {text}\n"


def job(number: int, run: Run) -> SimpleNamespace:
    """Return what is read of a job of Snakemake."""
    return SimpleNamespace(
        jobid=number,
        rule=SimpleNamespace(name="fit"),
        wildcards_dict={"network": "net"},
        log=[run.log(number)],
    )


def test_reason_is_the_last_record_with_all_its_lines() -> None:
    reason = "two mistakes:\nx is missing\n  y is negative"
    log = failed("an earlier one") + failed(reason_line(reason)) + "Aborted (core dumped)\n"
    assert reason_of(log) == reason
    assert reason_of("2026-01-02 03:04:05,678 ERROR Traceback\n") is None
    # A library may log failures too.
    assert reason_of(f"the fit {REASON} to converge\n") is None


def test_each_failed_job_is_reported_with_its_reason_and_log(run: Run) -> None:
    for number in range(4):
        run.start(number, network=f"net-{number}", seed="0")
    run.write(1, failed("data/t.csv, line 3: found oops, wants a number"))
    run.write(2, failed(reason_line("first\nsecond")))
    run.fail(1)
    run.fail(2)
    run.end(3)
    assert run.summary() == (
        "\n2 jobs failed:\n\n"
        "fit (network net-1, seed 0)\n"
        "  data/t.csv, line 3: found oops, wants a number\n"
        f"  log: {run.log(1)}\n\n"
        "fit (network net-2, seed 0)\n"
        "  first\n"
        "  second\n"
        f"  log: {run.log(2)}\n"
    )


def test_nothing_is_reported_where_nothing_failed(run: Run) -> None:
    run.start(1)
    run.end(1)
    assert run.summary() == ""


def test_only_the_last_attempt_of_a_job_counts(run: Run) -> None:
    for number in (1, 2):
        run.start(number, network=f"net-{number}")
        run.write(number, failed("no memory"))
        run.fail(number)
        run.start(number, network=f"net-{number}")
    run.end(1)
    run.write(2, failed("no memory again"))
    run.fail(2)
    assert "One job failed:\n\nfit (network net-2)\n  no memory again\n" in run.summary()


def test_a_job_that_was_killed_shows_what_the_executor_reports(run: Run) -> None:
    # What an earlier run wrote is no reason of this one.
    run.write(1, failed("of another run"))
    run.start(1)
    run.fail(
        1,
        message="SLURM status is: 'OUT_OF_MEMORY'",
        more_logs=(str(run.folder / "slurm" / "7.log"),),
    )
    summary = run.summary()
    assert "of another run" not in summary
    assert "SLURM status is: 'OUT_OF_MEMORY'" in summary
    assert summary.endswith(f"  log: {run.log(1)}\n  log: {run.folder}/slurm/7.log\n")


def test_a_job_that_left_no_results_is_in_no_record(run: Run) -> None:
    run.start(1, network="net")
    run.write(1, "2026-01-02 03:04:05,678 INFO begun\n")
    run.failures.add([job(1, run)])
    assert "fit (network net)\n  It ended without results" in run.summary()


def test_a_failed_job_is_reported_even_if_its_start_is_in_no_record(run: Run) -> None:
    run.write(1, failed("no memory"))
    run.failures.add([job(1, run)])
    expected = f"\nOne job failed:\n\nfit (network net)\n  no memory\n  log: {run.log(1)}\n"
    assert run.summary() == expected


def test_of_a_group_only_the_job_with_a_reason_is_reported(run: Run) -> None:
    for number in (1, 2, 3, 4):
        run.start(number, layer=f"layer{number}")
    run.write(1, "ended well\n")
    run.write(2, failed("too many components"))
    run.fail(1, 2)
    run.fail(3, 4, message="SLURM status is: 'TIMEOUT'")
    summary = run.summary()
    assert "3 jobs failed" in summary
    assert "layer1" not in summary
    for layer in ("layer2", "layer3", "layer4"):
        assert f"fit (layer {layer})" in summary


def test_many_failures_are_counted_and_named(run: Run) -> None:
    for number in range(MOST + 5):
        run.start(number, network=f"net-{number}")
        run.write(number, failed("wrong"))
        run.fail(number)
    summary = run.summary()
    assert f"{MOST + 5} jobs failed" in summary
    assert summary.count("  wrong\n") == MOST
    assert all(f"(network net-{number})" in summary for number in range(MOST + 5))


def test_a_name_cannot_command_the_terminal(run: Run) -> None:
    run.start(1)
    run.write(1, failed("column '\x1b[2J\x9bx': not there"))
    run.fail(1)
    # Escape sequences are left out whole, see hmmlens.user_text.
    assert "column '': not there" in run.summary()


def test_the_hook_writes_what_is_read_back(caplog: pytest.LogCaptureFixture) -> None:
    for error, reason in (
        (DataError("a.csv: wrong\nb.csv: wrong"), "a.csv: wrong\nb.csv: wrong"),
        (KeyError("x"), "KeyError: 'x'"),
        (OSError(28, "No space left on device", "f"), "OSError: [Errno 28] No space left"),
    ):
        caplog.clear()
        log_error(type(error), error, None)
        lines = [f"2026-01-02 03:04:05,678 {r.levelname} {r.getMessage()}" for r in caplog.records]
        found = reason_of("\n".join(lines) + "\n")
        assert found is not None and found.startswith(reason)
        # A traceback only where the sentence does not suffice.
        assert (len(lines) == 1) == isinstance(error, DataError)
