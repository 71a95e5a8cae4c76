"""Which jobs ask for a GPU, and how they name it to a cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workflow.runs import ROOT, snakemake

pytestmark = pytest.mark.study

STUDY = ROOT / "tests" / "slurm" / "study.yaml"
SITE = ROOT / "tests" / "slurm" / "site.yaml"


def resources(folder: Path, *options: str, study: Path = STUDY) -> dict[str, dict[str, str]]:
    """Return the resources of every job by its rule and wildcards, from a dry run."""
    done = snakemake(folder, study, "--cores", "1", "--dry-run", "--quiet", "host", *options)
    assert done.returncode == 0, done.stdout[-2000:]
    found = {}
    for block in re.split(r"\n(?=rule )", done.stdout):
        rule = re.match(r"rule (\w+):", block)
        named = re.search(r"^    wildcards: (.*)$", block, flags=re.MULTILINE)
        asked = re.search(r"^    resources: (.*)$", block, flags=re.MULTILINE)
        if rule and asked:
            pairs = (pair.split("=", 1) for pair in asked[1].split(", "))
            found[f"{rule[1]} {named[1] if named else ''}"] = {k: v for k, v in pairs}
    return found


def with_gpu(found: dict[str, dict[str, str]]) -> set[str]:
    return {job for job, asked in found.items() if asked.get("gpu", "0") != "0"}


def test_auto_asks_for_none_on_a_laptop(tmp_path: Path) -> None:
    assert with_gpu(resources(tmp_path)) == set()


def test_auto_asks_where_gpus_are_given_out(tmp_path: Path) -> None:
    found = resources(tmp_path, "--resources", "gpu=2")
    trained = {f"train_network network={n}, seed=0" for n in ("fully3-lstm", "flipflop-gru")}
    assert with_gpu(found) == trained
    # Large networks are recorded on a GPU, and the torch engine of the sweep has one.
    large = tmp_path / "large.yaml"
    text = STUDY.read_text().replace("n_units: 8", "n_units: 256")
    large.write_text(text.replace("sweep: {", "sweep: {engine: torch, "))
    found = resources(tmp_path, "--resources", "gpu=2", study=large)
    rules = {job.split()[0] for job in with_gpu(found)}
    assert rules == {"train_network", "record_activations", "find_endpoints", "sweep_states"}


@pytest.mark.parametrize(("device", "expected"), [("cuda", 4), ("cpu", 0)])
def test_a_study_that_names_its_device_needs_no_guess(
    device: str, expected: int, tmp_path: Path
) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.read_text().replace("device: auto", f"device: {device}"))
    jobs = with_gpu(resources(tmp_path, *("--resources", "gpu=2"), study=study))
    assert sum(job.startswith("train_network") for job in jobs) == expected
    assert sum(job.startswith("record_activations") for job in jobs) == expected
    assert not any(job.startswith("sweep_states") for job in jobs)


def test_a_cluster_is_asked_in_its_own_words(tmp_path: Path) -> None:
    found = resources(tmp_path, "--config", f"site={SITE}")
    gpu = found["train_network network=flipflop-gru, seed=0"]
    assert gpu["gpu"] == "1"
    assert gpu["slurm_partition"] == "gpu"
    assert gpu["constraint"] == "a100|v100"
    cpu = found["train_network network=flipflop-gru-untrained, seed=0"]
    assert cpu["slurm_partition"] == "cpu"
    assert cpu.get("gpu", "0") == "0"
    assert "constraint" not in cpu
    assert "slurm_account" not in cpu
    # No job exceeds what the site allows.
    small = tmp_path / "site.yaml"
    small.write_text("limits: {runtime: 7, mem_mb: 1000}")
    found = resources(tmp_path, "--config", f"site={small}")
    far = [asked for asked in found.values() if asked.get("serial") == "1"]
    assert len(far) > 40
    assert max(int(asked["mem_mb"]) for asked in far) == 1000
    assert max(int(asked["runtime"]) for asked in far) == 7
    # And nothing is known of GPUs there.
    assert with_gpu(found) == set()


def test_a_mistake_in_the_site_is_reported_before_any_job(tmp_path: Path) -> None:
    wrong = tmp_path / "site.yaml"
    wrong.write_text("partitoin: cpu")
    done = snakemake(tmp_path, STUDY, "--cores", "1", "--config", f"site={wrong}")
    assert done.returncode != 0
    assert "unknown key 'partitoin' (did you mean 'partition'?)" in done.stdout
    assert "Traceback" not in done.stdout
