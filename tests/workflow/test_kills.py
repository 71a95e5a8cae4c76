"""A study that is killed again and again ends as one that was left alone.

Each kill hits after a random number of files that the run wrote, either Snakemake with all of its
jobs or Snakemake alone, so that jobs run on without it. Each is followed by what a user would do:
unlock, and start again.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from hmmlens.study.cluster import runs
from tests.workflow.runs import ROOT, SMOKE, command, csv_files, interrupted, kill_when, snakemake

pytestmark = pytest.mark.study


def costs(folder: Path) -> dict[str, str]:
    """Return what each job that ended wrote of its seconds, which no second run would repeat."""
    return {str(p): p.read_text() for p in (folder / "results").rglob("benchmarks/**/*.tsv")}


def test_a_run_during_another_stops_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runs.MARK, "")
    note, _ = runs.begin(tmp_path / ".snakemake" / "runs" / "smoke", None)
    done = snakemake(tmp_path, SMOKE, "--cores", "1")
    assert done.returncode != 0
    assert f"at work in this folder already (process {os.getpid()} on " in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()
    # A look does no harm.
    assert snakemake(tmp_path, SMOKE, "--cores", "1", "--dry-run").returncode == 0
    note.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "n_kills"),
    [pytest.param(SMOKE, 4, id="smoke"), pytest.param(ROOT / "config.yaml", 20, id="default")],
)
def test_random_kills_change_no_table(
    config: Path, n_kills: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    undisturbed = tmp_path / "undisturbed"
    if config == SMOKE:
        undisturbed = request.getfixturevalue("smoke")
    else:
        undisturbed.mkdir()
        # Fetched once for both.
        (tmp_path / "data").mkdir()
        (undisturbed / "data").symlink_to(tmp_path / "data")
        done = snakemake(undisturbed, config, "--cores", "2")
        assert done.returncode == 0, done.stdout[-3000:]
    folder = tmp_path / "killed"
    folder.mkdir()
    if (undisturbed / "data").exists():
        (folder / "data").symlink_to(undisturbed / "data")
    rng = np.random.default_rng(2025)
    # Each file is written once at least, so that half of the work or more is left for the last run.
    n_files = sum(path.is_file() for path in (undisturbed / "results").rglob("*"))
    ended = []
    for n in range(n_kills):
        count = 1 + int(rng.exponential(n_files / 2 / n_kills))
        how = ("kill the run", "kill Snakemake alone")[n % 2]
        hooks = tmp_path / f"hooks{n}"
        kill_when(folder, config, hooks, "*results/*", count, how, "--cores", "2")
        ended.append(costs(folder))
    done = snakemake(folder, config, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    one, two = csv_files(undisturbed), csv_files(folder)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert not list((folder / "results").rglob("*.partial"))
    # Of what had ended at a kill, only what Snakemake had not yet heard of ran again: it had two
    # jobs at a time.
    last = costs(folder)
    for before in ended:
        assert sum(last[name] != cost for name, cost in before.items()) <= 2
    assert len(ended[-1]) > len(ended[0])
    report = Path("results") / ("smoke" if config == SMOKE else "default") / "report.pdf"
    assert (undisturbed / report).read_bytes() == (folder / report).read_bytes()
    again = snakemake(folder, config, "--cores", "2", "--dry-run")
    assert "Nothing to be done" in again.stdout


@pytest.mark.slow
def test_jobs_that_outlive_their_run_are_ended_before_the_next(tmp_path: Path, smoke: Path) -> None:
    # A training stops itself when it begins, so that it cannot end before Snakemake is killed.
    hooks = tmp_path / "hooks"
    at = "*results/smoke/logs/train_network/*.log"
    process = interrupted(tmp_path, SMOKE, hooks, at, 1, "stop the job", "--cores", "2")
    while not (hooks / "seen").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    left = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if os.access(path, os.R_OK) and ".train_network.py" in path.read_text()
        if str(tmp_path) in path.read_text()
    ]
    assert left
    assert snakemake(tmp_path, SMOKE, "--unlock").returncode == 0
    done = snakemake(tmp_path, SMOKE, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Killed processes that a killed run of this study had left: " in done.stdout
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)
    one, two = csv_files(smoke), csv_files(tmp_path)
    assert [name for name in one if one[name] != two[name]] == []


@pytest.mark.slow
def test_of_two_runs_that_start_at_once_one_goes(tmp_path: Path, smoke: Path) -> None:
    both = [
        subprocess.Popen(
            command(tmp_path, SMOKE, "--cores", "1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    codes = [process.returncode for process in both]
    assert codes.count(0) == 1
    loser = outputs[codes.index(0) - 1]
    assert "at work in this folder already" in loser or "cannot be locked" in loser
    one, two = csv_files(smoke), csv_files(tmp_path)
    assert [name for name in one if one[name] != two[name]] == []
