"""One run at a time: locks, jobs and processes that a killed run left, a queue that stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hmmlens.study.cluster import queue, runs
from hmmlens.study.cluster.watch import Watch
from tests.study.cluster.conftest import Play

BEGIN = """
import sys, time
from pathlib import Path
from hmmlens.study.cluster import runs
note = runs.begin(Path(sys.argv[1]), sys.argv[2])
print("begun", flush=True)
sys.stdin.read()
"""


def beginner(path: Path, run: str = "hmmlens_1") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, str(path), run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.fixture(autouse=True)
def unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runs.MARK, "elsewhere")


#: A queue in a file: squeue prints it, scancel empties it.
QUEUE = {"squeue": 'cat "$QUEUE"', "scancel": 'echo "$@" > "$QUEUE.cancelled"; : > "$QUEUE"'}


@pytest.fixture
def file(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, body in QUEUE.items():
        play(name, body)
    file = tmp_path / "queue"
    file.write_text("")
    monkeypatch.setenv("QUEUE", str(file))
    return file


def test_second_run_is_refused_until_the_first_is_dead(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "runs" / "mine"
    first = beginner(path)
    with pytest.raises(runs.BusyError, match=rf"at work .* \(process {first.pid} on"):
        runs.begin(path, None)
    first.kill()
    first.communicate()
    note, ended = runs.begin(path, None)
    assert ended is None
    note.close()


def test_jobs_of_a_killed_run_are_cancelled_and_waited_for(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "mine"
    first = beginner(path, "hmmlens_1")
    first.kill()
    first.communicate()
    file.write_text("12|RUNNING|None\n13|PENDING|Resources\n")
    note, ended = runs.begin(path, "hmmlens_2")
    assert ended == "Cancelled SLURM jobs that a killed run of this study had left: 12, 13."
    assert Path(f"{file}.cancelled").read_text() == "--name=hmmlens_1\n"
    assert path.read_text().splitlines()[1] == "hmmlens_2"
    runs.end(note)
    note.close()
    # A run that ended by itself left nothing, so that the queue need not be asked.
    file.unlink()
    note, ended = runs.begin(path, None)
    assert ended is None
    note.close()


def test_jobs_that_do_not_end_stop_the_run(tmp_path: Path, file: Path, play: Play) -> None:
    path = tmp_path / "mine"
    path.write_text("process 1 on login1\nhmmlens_1")
    file.write_text("12|COMPLETING|None\n")
    play("scancel", "true")
    with pytest.raises(queue.QueueError, match=r"do not end: 12 COMPLETING.*--name=hmmlens_1"):
        runs.begin(path, "hmmlens_2", patience=0)
    # The same error where the queue does not answer.
    play("squeue", "echo Unable to contact slurm controller >&2; exit 1")
    with pytest.raises(queue.QueueError, match=r"Unable to contact slurm controller.*delete "):
        runs.begin(path, "hmmlens_2")


def test_processes_of_a_killed_run_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    mine = os.environ | {runs.MARK: str(path.resolve())}
    stray = subprocess.Popen(["sleep", "60"], env=mine)
    others = [
        subprocess.Popen(["sleep", "60"], env=os.environ | {runs.MARK: f"{path}2"}),
        # A node's, that happens to be this machine.
        subprocess.Popen(["sleep", "60"], env=mine | {"SLURM_JOB_ID": "5"}),
    ]
    try:
        note, ended = runs.begin(path, None)
        assert ended == f"Killed processes that a killed run of this study had left: {stray.pid}."
        assert not psutil.pid_exists(stray.pid)
        assert [other.poll() for other in others] == [None, None]
        assert os.environ[runs.MARK] == str(path.resolve())
        note.close()
    finally:
        for process in (stray, *others):
            process.kill()
            process.wait()


class Clock:
    """A watch whose time the test sets, in minutes."""

    def __init__(self, busy: bool = False) -> None:
        self.reported: list[str] = []
        self.ended: list[str] = []
        # Whole seconds, whose differences are exact.
        self.seconds = 0.0
        self.watch = Watch(
            "r", 10, lambda: busy, self.reported.append, self.ended.append, lambda: self.seconds
        )

    def at(self, minute: int) -> None:
        self.seconds = 60.0 * minute
        self.watch.look()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> list[queue.Job]:
    """Return the jobs in the queue, which a test changes; no command is run that could be late."""
    found: list[queue.Job] = []
    monkeypatch.setattr(queue, "jobs", lambda run: list(found))
    return found


def test_watch_reports_what_is_waited_for(waiting: list[queue.Job]) -> None:
    clock = Clock()
    waiting += [
        queue.Job("1", "RUNNING", "None"),
        queue.Job("2", "PENDING", "Resources"),
        queue.Job("3", "PENDING", "QOSMaxGRESPerUser"),
    ]
    for minute in range(1, 11):
        clock.at(minute)
    assert clock.reported == []
    clock.at(11)
    found = "1 at work, 2 waiting (Resources 1, QOSMaxGRESPerUser 1). See: squeue --name=r"
    assert clock.reported == [f"No SLURM job has ended for 10 min: {found}"]
    for minute in range(12, 21):
        clock.at(minute)
    assert len(clock.reported) == 1
    clock.at(21)
    assert clock.reported[1].startswith("No SLURM job has ended for 20 min: ")
    # Something moves.
    waiting[:2] = [queue.Job("2", "RUNNING", "None")]
    for minute in range(22, 32):
        clock.at(minute)
    assert len(clock.reported) == 2
    assert not clock.ended


def test_watch_ends_a_run_without_jobs(waiting: list[queue.Job]) -> None:
    clock, busy = Clock(), Clock(busy=True)
    for minute in range(11):
        clock.at(minute)
        busy.at(minute)
    assert "none runs here, but Snakemake still waits" in clock.ended[0]
    assert clock.reported == []
    # Rules at work on this machine are no reason.
    assert not busy.ended and busy.reported == []


def test_the_queue_is_read(file: Path) -> None:
    file.write_text("1|RUNNING|None\n2|PENDING|Resources\n")
    assert queue.jobs("r") == [
        queue.Job("1", "RUNNING", "None"),
        queue.Job("2", "PENDING", "Resources"),
    ]


def test_watch_reports_that_the_queue_is_silent_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()

    def silent(run: str) -> list[queue.Job]:
        raise queue.QueueError("squeue failed: Socket timed out")

    monkeypatch.setattr(queue, "jobs", silent)
    for minute in range(25):
        clock.at(minute)
    assert [text.split(": ", 1)[1] for text in clock.reported] == [
        "squeue failed: Socket timed out.",
        "squeue failed: Socket timed out.",
    ]
    assert not clock.ended
