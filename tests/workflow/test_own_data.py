"""A user's own ragged table through every rule, with the study of the README."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
import zarr

from tests.workflow.runs import ROOT, csv_files, snakemake

pytestmark = pytest.mark.study

#: What makes the README's study small.
SMALL: dict[str, Any] = {
    "device": "cpu",
    "training": {"max_epochs": 6, "batch_size": 4, "learning_rate": 0.02},
    "sweep": {"n_states": [1, 2, 3], "n_restarts": 1, "max_iter": 10},
    "validation": {"n_bootstrap": 20},
    "controls": {"untrained": False},
}


def study(folder: Path) -> Path:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    texts = re.findall(r"^```yaml\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    (own,) = [config for config in map(yaml.safe_load, texts) if config["study"] == "reaching"]
    config = own | SMALL
    config["networks"]["trials-gru"] |= {"cell": "lstm", "n_units": 6, "n_seeds": 1}
    config["reducers"] = {"pca-2": {"kind": "pca", "n_components": 2}}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def trials() -> pd.DataFrame:
    """Return 24 trials of 12 to 40 steps by 6 people."""
    rng = np.random.default_rng(0)
    parts = []
    for trial in range(24):
        n = int(rng.integers(12, 41))
        going = (rng.random(n) < 0.1).cumsum() % 2
        parts.append(
            pd.DataFrame(
                {
                    "trial": f"trial {trial}",
                    "seconds": (np.arange(n) * 0.02).round(2),
                    "x": 3 + going + 0.3 * rng.normal(size=n),
                    "y": going * np.sin(np.arange(n)) + 0.1 * rng.normal(size=n),
                    "phase": np.where(going, "going", "waiting"),
                    "person": f"person {trial % 6}",
                }
            )
        )
    return pd.concat(parts)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "data").mkdir()
    trials().to_csv(folder / "data" / "trials.csv", index=False)
    done = snakemake(folder, study(folder), "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:]
    return folder


def test_ragged_table_runs_to_its_report(own: Path) -> None:
    results = own / "results" / "reaching"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    data = xr.open_zarr(results / "data" / "trials" / "trials.zarr", consolidated=False)
    lengths = trials().groupby("trial", sort=False).size().to_numpy()
    np.testing.assert_array_equal(data["length"], lengths)
    assert len(np.unique(lengths)) > 10
    pairs = set(zip(data["group"].to_numpy(), data["split"].to_numpy(), strict=True))
    assert len(pairs) == 6
    # Each network's steps, and no other, were fitted: those of the train split.
    sizes = pd.read_csv(results / "tables" / "sample_sizes.csv")
    train = lengths[data["split"].to_numpy() == 0]
    assert (sizes["n_frames"] == train.sum()).all()
    assert (sizes["n_sequences"] == len(train)).all()
    findings = (results / "findings.json").read_text()
    assert "predict x, y 5 steps ahead" in findings
    assert "the labels in phase" in findings
    states = pd.read_csv(results / "tables" / "states.csv")
    assert set(states["top_truth"]) <= {"going", "waiting"}


def test_finished_study_has_nothing_to_do_until_the_file_changes(own: Path) -> None:
    config, table = own / "study.yaml", own / "data" / "trials.csv"
    text = table.read_text()
    for change, expected in (("waiting", "Nothing to be done"), ("resting", "make_dataset")):
        table.write_text(text.replace("waiting", change))
        assert expected in snakemake(own, config, "--cores", "1", "--dry-run").stdout
    table.write_text(text)


def test_missing_file_is_reported_before_anything_runs(tmp_path: Path) -> None:
    done = snakemake(tmp_path, study(tmp_path), "--cores", "1")
    assert done.returncode != 0
    expected = "datasets.trials.path: there is no file data/trials.csv; relative paths start at "
    assert f"{expected}the folder in which the study is run, {tmp_path}" in done.stdout
    assert not (tmp_path / "results").exists()


def bad_cell(folder: Path) -> str:
    """Write the table with a cell that is no number; return the reason for which its job fails."""
    text = trials().to_csv(index=False).splitlines()
    cells = text[9].split(",")
    text[9] = ",".join([*cells[:2], "?", *cells[3:]])
    (folder / "data").mkdir()
    (folder / "data" / "trials.csv").write_text("\n".join(text))
    return "data/trials.csv, line 10, column 'x': found ?, wants a number"


def test_bad_cell_is_the_last_thing_on_the_screen(tmp_path: Path) -> None:
    reason = bad_cell(tmp_path)
    target = "results/reaching/data/trials"
    done = snakemake(tmp_path, study(tmp_path), "--cores", "1", target)
    assert done.returncode != 0
    log = "results/reaching/logs/make_dataset/trials.log"
    assert reason in (tmp_path / log).read_text()
    last = done.stdout.rpartition("At least one job did not complete successfully.\n")[2]
    assert last == (
        f"\nOne job failed:\n\nmake_dataset (dataset trials)\n  {reason}\n  log: {tmp_path / log}\n"
    )
    assert not (tmp_path / target / "trials.zarr").exists()


def tamper(path: Path, names: tuple[str, ...], group: str | None, length: np.ndarray) -> None:
    """Write something absurd past each end into the arrays of a store."""
    root = zarr.open_group(path / group if group else path, mode="r+")
    for name in names:
        array = root[name][:]
        past = np.arange(array.shape[1]) >= length[:, None]
        array[past] = 30_000 if array.dtype.kind == "i" else 1e6
        root[name][:] = array


@pytest.mark.slow
def test_what_stands_past_an_end_changes_no_result(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tampered"
    shutil.copytree(own, folder)
    results = folder / "results" / "reaching"
    network = results / "trials-gru" / "0"
    data = results / "data" / "trials" / "trials.zarr"
    recorded = network / "activations" / "activations.zarr"
    length = xr.open_zarr(data, consolidated=False)["length"].to_numpy()
    tamper(data, ("input", "target", "state"), None, length)
    tamper(recorded, ("input", "output"), None, length)
    tamper(recorded, ("hidden", "cell"), "layer0", length)
    weights = network / "network.safetensors"
    trained = weights.read_bytes()

    def run(*targets: Path) -> None:
        # Only what is missing is made: the tampered stores stay.
        options = ("--rerun-triggers", "params", "--cores", "1")
        names = [str(target.relative_to(folder)) for target in targets]
        done = snakemake(folder, folder / "study.yaml", *options, *names)
        assert done.returncode == 0, done.stdout[-3000:]

    weights.unlink()
    run(weights)
    assert weights.read_bytes() == trained
    for made in (
        *(network / "layer0", network / "endpoints", results / "raw-trials"),
        *(results / "tables", results / "figures"),
    ):
        shutil.rmtree(made)
    for made in (results / "report.pdf", results / "findings.json", *data.parents[1].glob("*.csv")):
        made.unlink()
    run()
    # Nothing made the tampered stores again.
    past = np.arange(length.max()) >= length[:, None]
    assert (zarr.open_group(recorded, mode="r")["layer0/hidden"][:][past] == 1e6).all()
    assert (zarr.open_group(data, mode="r")["state"][:][past] == 30_000).all()
    before, after = csv_files(own), csv_files(folder)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []
