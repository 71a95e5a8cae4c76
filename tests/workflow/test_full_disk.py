"""A disk that is full stops a study; with more room it goes on, and nothing half-written counts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.runs import SMOKE, csv_files, snakemake


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is a file system of its own, far too small for the study."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "hmmlens-test", str(folder)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a file system, and not in every container")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def enlarge(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.mark.slow
def test_full_disk_stops_a_study_and_room_lets_it_go_on(disk: Path, smoke: Path) -> None:
    messages = []
    for size in ("1m", "4m", "9m"):
        enlarge(disk, size)
        done = snakemake(disk, SMOKE, "--cores", "2")
        assert done.returncode != 0
        messages.append(done.stdout)
        logs = disk / "results" / "smoke" / "logs"
        messages += [log.read_text() for log in logs.rglob("*.log")]
    assert "No space left on device" in "".join(messages)
    enlarge(disk, "500m")
    snakemake(disk, SMOKE, "--unlock")
    done = snakemake(disk, SMOKE, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    one, two = csv_files(smoke), csv_files(disk)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert not list((disk / "results").rglob("*.partial"))
