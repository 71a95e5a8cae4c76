"""One SLURM for all tests, started before them and stopped after."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import STUDY, TABLES, Cluster, Run
from tests.workflow.runs import csv_files, snakemake


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Start the test bed, in a folder that munge takes: pytest's own are closed to others."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="hmmlens-slurm-")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Run the study on this machine without SLURM, and return its CSV files."""
    folder = tmp_path_factory.mktemp("local")
    done = snakemake(folder, STUDY, "--cores", "2", "--workflow-profile", "none", TABLES)
    assert done.returncode == 0, done.stdout[-3000:]
    return csv_files(folder)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the study runs on SLURM."""
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="session")
def undisturbed(cluster: Cluster, folder: Path) -> Run:
    """Run the study on SLURM once, as a user would."""
    run = Run(cluster, folder)
    run.completes()
    return run
