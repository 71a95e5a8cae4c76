"""The smoke study, run once for all tests that look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.runs import SMOKE, snakemake


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the smoke study once, on two cores, and return its folder."""
    folder = tmp_path_factory.mktemp("smoke")
    done = snakemake(folder, SMOKE, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    return folder
