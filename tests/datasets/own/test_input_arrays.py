"""Files with several inputs, and with missing values of inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hmmlens.datasets.own.arrays import read_npz, read_zarr
from hmmlens.datasets.own.files import from_file
from hmmlens.datasets.own.npz import NpzData
from hmmlens.datasets.own.table import TableData
from hmmlens.datasets.packing import unpack
from hmmlens.errors import DataError

DIMS: dict[str, tuple[str, ...]] = {
    "input_weather": ("sequence", "time", "weather"),
    "input_season": ("sequence", "time"),
    "input_basin": ("sequence", "soil"),
    "input_gauge": ("sequence",),
    "length": ("sequence",),
}


def arrays(**change: Any) -> dict[str, Any]:
    """Return inputs of 6 sequences of up to 5 steps."""
    rng = np.random.default_rng(0)
    found = {
        "input_weather": rng.normal(size=(6, 5, 2)),
        "input_season": rng.integers(0, 4, (6, 5)),
        "input_basin": rng.normal(size=(6, 3)),
        "input_gauge": rng.integers(0, 900, 6),
        "length": np.array([5, 3, 2, 4, 5, 5]),
    }
    return {name: array for name, array in (found | change).items() if array is not None}


def written(folder: Path, kind: str, held: dict[str, Any]) -> Path:
    path = folder / f"data.{kind}"
    if kind == "npz":
        np.savez(path, **held)
    else:
        data = {name: (DIMS[name], array) for name, array in held.items()}
        xr.Dataset(data).to_zarr(path, mode="w", consolidated=False)
    return path


@pytest.mark.parametrize("kind", ["npz", "zarr"])
def test_inputs_come_back_as_they_were(tmp_path: Path, kind: str) -> None:
    held = arrays()
    found = {"npz": read_npz, "zarr": read_zarr}[kind](written(tmp_path, kind, held))
    columns = ["weather.0", "weather.1", "season", "basin.0", "basin.1", "basin.2", "gauge"]
    inside = np.arange(5) < held["length"][:, None]
    order = [part.name for part in found.parts]
    assert sorted(order) == ["basin", "gauge", "season", "weather"]
    assert sorted(found.names["input"]) == sorted(columns)
    again = unpack(found.input, found.parts)
    for name, array in again.items():
        wanted = held[f"input_{name}"]
        timed = name in ("weather", "season")
        rows = inside if timed else np.ones(6, dtype=bool)
        np.testing.assert_array_equal(array[rows], wanted[rows])
        assert array.dtype.kind == wanted.dtype.kind


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": np.zeros((6, 5, 1))}, "holds the arrays 'input' and 'input_weather'"),
        ({"input_season": np.zeros((6, 4, 1))}, "different numbers of steps: weather"),
        ({"input_gauge": np.zeros(5)}, r"inputs\['gauge'\] holds 5 sequences"),
        ({"input_gauge": np.array(list("abcdef"))}, "array 'input_gauge' holds <U1, no numbers"),
        ({"input_gauge": np.full(6, 2**25)}, "whole number 33554432, which single"),
        ({"inputs": np.zeros(5)}, "holds an array 'inputs'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_npz(written(tmp_path, "npz", arrays(**change)))


def test_several_inputs_are_neither_standardised_nor_part_of_a_study(tmp_path: Path) -> None:
    path, rng = str(written(tmp_path, "npz", arrays())), np.random.default_rng(0)
    settings = NpzData(kind="npz", path=path, standardise=False)
    assert len(from_file(settings, rng, frozen=True).attrs["parts"]) == 4
    with pytest.raises(DataError, match="a study needs one array input"):
        settings.build(rng, frozen=True)
    with pytest.raises(DataError, match="are not standardised"):
        from_file(NpzData(kind="npz", path=path), rng, frozen=True)


def test_missing_inputs_are_read_where_a_network_takes_them(tmp_path: Path) -> None:
    weather = arrays()["input_weather"]
    weather[4, 2, 1] = np.nan
    path = written(tmp_path, "npz", arrays(input_weather=weather))
    with pytest.raises(DataError, match="input at sequence 4, time 2, feature 1: found nan"):
        read_npz(path)
    found = read_npz(path, missing=True)
    again = unpack(found.input, found.parts)["weather"]
    np.testing.assert_array_equal(again[4], weather[4])


def test_empty_cells_of_a_table_are_missing_inputs(tmp_path: Path) -> None:
    n, rng = np.arange(60), np.random.default_rng(0)
    table = pd.DataFrame({"sequence": n // 10, "time": n % 10, "rain": rng.normal(size=60)})
    table["wind"] = rng.normal(size=60)
    table.loc[[3, 17], "rain"] = np.nan
    table.to_csv(tmp_path / "d.csv", index=False)
    settings = TableData.model_validate(
        {
            **{"kind": "table", "path": str(tmp_path / "d.csv")},
            "columns": {"sequence": "sequence", "time": "time", "inputs": ["rain", "wind"]},
        }
    )
    with pytest.raises(DataError, match="line 5, column 'rain': found an empty cell"):
        from_file(settings, rng)
    found = from_file(settings, rng, frozen=True, missing=True)
    assert np.argwhere(found["input"].isnull().to_numpy()).tolist() == [[0, 3, 0], [1, 7, 0]]
    train = found["input"].to_numpy()[found["split"] == 0]
    np.testing.assert_allclose(np.nanmean(train, axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(train, axis=(0, 1)), 1, rtol=1e-5)
