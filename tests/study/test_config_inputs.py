"""What a study's settings name is looked for before any job, without running it."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hmmlens.errors import ConfigError
from hmmlens.study import config_inputs, jobs
from tests.study.test_names import EMULATING, EXPLAINING, TRIPS

COLUMNS = {"sequence": "trial", "time": "t", "inputs": ["x"]}
TABLE = {"kind": "table", "path": "mine.csv", "columns": COLUMNS}
TORCH = {"kind": "torch", "dataset": "bits", "factory": "mine:net", "weights": "w.pt"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a study with files of every kind that a config may name."""
    table = pd.DataFrame({"trial": [1, 1], "t": [0, 1], "x": [0.5, 0.25]})
    table.to_csv(tmp_path / "mine.csv", index=False)
    table.to_csv(tmp_path / "points.csv", index=False, sep=";")
    (tmp_path / "twice.csv").write_text("trial,t,x,x\n1,0,1,2\n")
    np.savez(tmp_path / "mine.npz", input=np.zeros((5, 4), dtype=int))
    dims = ("sequence", "time", "feature")
    data = xr.Dataset({"input": (dims, np.zeros((5, 4, 1)))})
    data.to_zarr(tmp_path / "mine.zarr", consolidated=False)
    (tmp_path / "w.pt").write_bytes(b"weights")
    (tmp_path / "mine.py").write_text(
        "raise RuntimeError('a config is checked without running code')\n"
        "def net():\n    pass\nother = net\nfrom elsewhere import third as fourth\n"
    )
    (tmp_path / "broken.py").write_text("x = 1\ndef net(:\n")
    (tmp_path / "open.py").write_text("from elsewhere import *\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    return tmp_path


def with_data(**section: Any) -> dict[str, Any]:
    return {**EXPLAINING, "datasets": {"bits": section}}


def with_net(**changes: Any) -> dict[str, Any]:
    return {**EXPLAINING, "networks": {"a": {**TORCH, "layers": ["rnn"], **changes}}}


def problems(raw: dict[str, Any], folder: Path) -> list[str]:
    try:
        config_inputs.check(jobs.load(copy.deepcopy(raw), "study.yaml"), folder, "study.yaml")
    except ConfigError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    "raw",
    [
        with_data(**TABLE),
        with_data(kind="npz", path="mine.npz"),
        with_data(kind="zarr", path="mine.zarr", horizon=3),
        with_data(kind="npz", path="mine.npz", horizon=3),
        with_net(),
        *[with_net(factory=f"mine:{name}") for name in ("other", "fourth")],
        # These cannot be checked without running their code.
        with_net(factory="open:net"),
        with_net(factory="collections.abc:Sized"),
        {**TRIPS, "methods": ["hmm", "mine:net"]},
        TRIPS,
        EMULATING,
    ],
)
def test_what_is_there_is_taken(raw: dict[str, Any], folder: Path) -> None:
    assert problems(raw, folder) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (with_data(**{**TABLE, "path": "none.csv"}), ".bits.path: there is no file none.csv"),
        (with_data(**{**TABLE, "path": "~/none.csv"}), "; ~ stands for itself here"),
        (with_data(**{**TABLE, "path": "folder.csv"}), "folder.csv is a folder; name the file"),
        (with_data(**{**TABLE, "path": "pipe.csv"}), "pipe.csv is no regular file"),
        (with_data(**{**TABLE, "path": "empty.csv"}), "the file empty.csv is empty"),
        (with_data(**{**TABLE, "path": "a{b}.csv"}), "holds '{' and '}', which Snakemake cannot"),
        (with_data(**{**TABLE, "path": "a\nb.csv"}), "holds '\\n', which Snakemake cannot"),
        (
            with_data(**{**TABLE, "columns": {**COLUMNS, "truth": "Trail"}}),
            "datasets.bits.path: mine.csv: column 'Trail' is missing (did you mean 'trial'?); "
            "the file has: trial, t, x",
        ),
        (with_data(**{**TABLE, "path": "points.csv"}), "(is it separated by ';'?"),
        (with_data(**{**TABLE, "path": "twice.csv"}), "the header has 2 columns 'x'"),
        (with_data(kind="npz", path="."), "datasets.bits.path: . is a folder; name the file"),
        (with_data(kind="npz", path="mine.csv"), "mine.csv is no .npz file"),
        (with_data(kind="zarr", path="."), "the folder . is no Zarr store; it holds no zarr.json"),
        (with_data(kind="zarr", path="mine.npz"), "mine.npz is a file; name the folder of a Zarr"),
        *[
            (
                with_data(kind=kind, path=f"mine.{kind}", horizon=4),
                f"bits.horizon: found 4, and no sequence in mine.{kind} can have more than 4 steps",
            )
            for kind in ("npz", "zarr")
        ],
        (with_net(weights="none.pt"), "networks.a.weights: there is no file none.pt"),
        (with_net(weights="w{1}.pt"), "networks.a.weights: the path 'w{1}.pt' holds"),
        (with_net(factory="none:net"), "a.factory: there is no module none; put none.py"),
        (with_net(factory="mine:nett"), "a.factory: the module mine (mine.py) has no nett"),
        (with_net(factory="broken:net"), "a.factory: broken.py, line 2 is no valid Python"),
        (
            {**EXPLAINING, "networks": {"a": {"kind": "keras", "dataset": "bits",
                                              "file": "none.keras", "layers": ["lstm"]}}},
            "networks.a.file: there is no file none.keras",
        ),
        ({**TRIPS, "methods": ["hmm", "mine:none"]}, "methods[1]: the module mine (mine.py) has"),
    ],
)  # fmt: skip
def test_what_is_missing_is_reported_in_one_sentence(
    raw: dict[str, Any], message: str, folder: Path
) -> None:
    (line,) = problems(raw, folder)
    assert line.startswith("study.yaml: ")
    assert message in line


def test_every_mistake_is_reported(folder: Path) -> None:
    raw = {**with_net(weights="none.pt", factory="none:net"), "datasets": {"bits": {**TABLE}}}
    raw["datasets"]["bits"]["path"] = "none.csv"
    assert [line.split(": ")[1] for line in problems(raw, folder)] == [
        "datasets.bits.path",
        "networks.a.weights",
        "networks.a.factory",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_reported(folder: Path) -> None:
    (folder / "mine.csv").chmod(0)
    (line,) = problems(with_data(**TABLE), folder)
    assert "mine.csv cannot be read: permission denied" in line


def test_torch_is_not_imported(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hmmlens.study import config_inputs, jobs\n"
        f"config_inputs.check(jobs.load({with_net()!r}, 'c'), Path({str(folder)!r}), 'c')\n"
        "assert not {'torch', 'pandas', 'mine'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


# --- Settings that contradict each other ----------------------------------------------------

BITS = EXPLAINING["datasets"]["bits"]
BIAS = {**EMULATING, "bias": {"batch_sizes": [4, 4], "n_draws": [2, 2]}}
GRU = {"dataset": "bits", "cell": "gru", "n_units": 6}


def with_reducer(**section: Any) -> dict[str, Any]:
    pca = EXPLAINING["reducers"]["pca-2"]
    return {**EXPLAINING, "reducers": {"pca-2": pca, "mine": section}}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            with_data(kind="gait", n_steps=20, horizon=20),
            "datasets.bits: horizon must be below n_steps, the length of a window, found 20 and 20",
        ),
        (with_data(kind="gait_phase", n_steps=20), "datasets.bits: n_steps must be above 20"),
        (
            with_data(kind="gait", select_recordings=["H_4kmh"]),
            "datasets.bits: select_recordings: there is no 'H_4kmh' (did you mean 'H_4km'?), wants "
            "some of: H_3km, ",
        ),
        (
            with_data(kind="gait_phase", test_recordings=["H_3km"]),
            "'H_3km' is named twice in select_recordings and test_recordings",
        ),
        (with_data(kind="speech", test_clips=["0999"]), "datasets.bits: test_clips: there is no"),
        (
            with_data(**{**TABLE, "columns": {**COLUMNS, "split": "trial"}}),
            "datasets.bits: columns.sequence and columns.split both name the column 'trial'",
        ),
        (
            with_data(**{**TABLE, "columns": {**COLUMNS, "truth": "t"}}),
            "datasets.bits: columns.time and columns.truth both name the column 't'",
        ),
        (
            with_reducer(kind="pca", n_components=7),
            "reducers.mine.n_components: found 7, and no layer of a network has a state of more "
            "than 6 values",
        ),
        (
            with_reducer(kind="tsne", perplexity=50.0, max_fit_frames=100),
            "reducers.mine: perplexity must be at most a third of max_fit_frames",
        ),
        ({**TRIPS, "methods": ["hmm", "hmm"]}, "methods: must name nothing twice, found hmm, hmm"),
        (
            {**TRIPS, "trips": {"a": {"dataset": BITS, "expected": "D", "cells": ["gru", "gru"]}}},
            "trips.a.cells: must name nothing twice, found gru, gru",
        ),
        (BIAS, "bias: batch_sizes: must hold nothing twice, found 4, 4"),
        *[
            ({**raw, "seed": seed}, f"seed: found {seed}, wants a whole number from 0 to 42949")
            for raw in (EXPLAINING, TRIPS, EMULATING)
            for seed in (2**32, -1)
        ],
        ({**EXPLAINING, "seed": 1.5}, "seed: found 1.5, wants a whole number from 0 to 4294967295"),
    ],
)  # fmt: skip
def test_contradiction_is_reported_in_one_sentence(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        jobs.load(copy.deepcopy(raw), "study.yaml")
    (line,) = str(caught.value).splitlines()
    assert line.startswith("study.yaml: ")
    assert message in line


@pytest.mark.parametrize(
    "raw",
    [
        with_data(kind="gait", n_steps=21, horizon=20),
        with_data(kind="gait_phase", n_steps=21),
        # A person may be a sequence, and a network may read the clock.
        with_data(**{**TABLE, "columns": {**COLUMNS, "group": "trial", "inputs": ["t", "x"]}}),
        with_reducer(kind="pca", n_components=6),
        # An LSTM's state holds two numbers for each unit; of a loaded network nobody knows.
        {**with_reducer(kind="pca", n_components=12), "networks": {"a": {**GRU, "cell": "lstm"}}},
        {**with_reducer(kind="pca", n_components=99), "networks": with_net()["networks"]},
        {**EXPLAINING, "seed": 2**32 - 1},
    ],
)
def test_what_does_not_contradict_is_taken(raw: dict[str, Any]) -> None:
    assert jobs.load(copy.deepcopy(raw), "study.yaml")
