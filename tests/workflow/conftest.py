"""The smoke study, run once for all tests that look at it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests.workflow.runs import SMOKE, snakemake


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the smoke study once, on two cores, and return its folder; tests only read it.

    Workers of pytest-xdist share the folder: the first one runs the study, and others wait for it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, whole = shared / "smoke", shared / "smoke.whole"
    with (shared / "smoke.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            folder.mkdir(exist_ok=True)
            done = snakemake(folder, SMOKE, "--cores", "2")
            assert done.returncode == 0, done.stdout[-3000:]
            whole.touch()
    return folder
