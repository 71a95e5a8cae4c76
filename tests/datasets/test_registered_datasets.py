"""What every registered dataset keeps to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import TypeAdapter

from hmmlens.datasets.base import Dataset
from hmmlens.datasets.build import DATASETS, build, file_datasets
from hmmlens.datasets.published_packages import GAIT, SPEECH
from hmmlens.datasets.settings import DatasetConfig
from tests.datasets.packages import CLIPS, tone, wav, write_gait_wheel, write_speech_package

#: Settings of small datasets, where those of the others would not do.
SMALL: dict[str, dict[str, Any]] = {
    "hmm": {"preset": "rrxor", "n_sequences": 12, "n_steps": 20},
    "tomita": {"grammar": 4, "n_sequences": 12, "n_steps": 20},
    "continuum": {"law": "ring", "n_sequences": 12, "n_steps": 20},
    "task": {"name": "lexer", "n_sequences": 12, "n_steps": 20},
    "gait": {"n_steps": 40},
    "gait_phase": {"n_steps": 40},
    "speech": {"n_sequences": 12, "n_steps": 50},
    "table": {"columns": {"sequence": "id", "time": "t", "inputs": ["x"]}},
    "npz": {},
    "zarr": {},
}
SIZES = {"n_sequences": 12, "n_steps": 20}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the files that datasets are read from."""
    folder = tmp_path_factory.mktemp("files")
    write_gait_wheel(folder / GAIT.file)
    write_speech_package(folder / SPEECH.file, {name: wav(tone(name)) for name in CLIPS})
    values = np.random.default_rng(0).normal(size=(12, 20, 1))
    rows = [(i, t, values[i, t, 0]) for i in range(12) for t in range(20)]
    pd.DataFrame(rows, columns=["id", "t", "x"]).to_csv(folder / "own.csv", index=False)
    np.savez(folder / "own.npz", input=values)
    data = xr.Dataset({"input": (("sequence", "time", "feature"), values)})
    data.to_zarr(folder / "own.zarr", consolidated=False)
    return folder


def made(kind: str, files: Path, seed: int = 3) -> xr.Dataset:
    options = SMALL.get(kind, SIZES)
    if kind in file_datasets():
        options = options | {"path": str(files / f"own{file_datasets()[kind].endings[0]}")}
    settings: Dataset = TypeAdapter(DatasetConfig).validate_python({"kind": kind, **options})
    assert type(settings) is DATASETS[kind]
    source = files / settings.source.file if settings.source else None
    data = build(settings, seed, source)
    n_steps = int(data["length"].sum())
    assert settings.source is not None or settings.n_steps_in_all() >= n_steps
    assert settings.n_values_per_step() >= 1
    return data


@pytest.mark.parametrize("kind", DATASETS)
def test_the_same_seed_gives_the_same_bytes(kind: str, files: Path) -> None:
    one, two = made(kind, files), made(kind, files)
    xr.testing.assert_identical(one, two)
    for name in one.variables:
        assert one[name].to_numpy().tobytes() == two[name].to_numpy().tobytes()


@pytest.mark.parametrize("kind", DATASETS)
def test_arrays_have_the_documented_form(kind: str, files: Path) -> None:
    data = made(kind, files)
    n, n_steps = data.sizes["sequence"], data.sizes["time"]
    length, split = data["length"].to_numpy(), data["split"].to_numpy()
    assert length.shape == split.shape == data["group"].shape == (n,)
    assert ((length >= 1) & (length <= n_steps)).all()
    assert set(split.tolist()) == {0, 1, 2}
    inside = np.arange(n_steps) < length[:, None]
    for name, last in (("input", "feature"), ("target", "output")):
        symbols = data.attrs[f"{name}_kind"] == "symbols"
        assert data[name].dims == ("sequence", "time", *(() if symbols else (last,)))
        values = data[name].to_numpy()
        if symbols:
            n_symbols = data.attrs["n_symbols"]
            if name == "target":
                n_symbols = data.attrs.get("n_target_symbols", n_symbols)
            assert values.dtype == np.int16
            assert values[inside].max() < n_symbols
            assert values[inside].min() >= (0 if name == "input" else -1)
        else:
            assert values.dtype == np.float32
            known = inside if name == "input" else inside & np.isfinite(values).all(axis=2)
            assert np.isfinite(values[known]).all()
            names = data.attrs["feature_names" if name == "input" else "target_names"]
            assert len(names) == values.shape[2]
        assert (known if not symbols else values >= 0)[split == 0].any()
    state = data["state"].to_numpy()
    assert state.shape == (n, n_steps)
    assert state[inside].min() >= -1
    assert state[inside].max() < max(len(data.attrs["state_names"]), 0) or state.max() == -1
    assert {"task", "truth", "target_delay"} <= set(data.attrs)


@pytest.mark.parametrize("kind", DATASETS)
def test_labels_are_plain_words(kind: str) -> None:
    assert DATASETS.label(kind).strip() == DATASETS.label(kind) != ""
    assert DATASETS[kind].model_fields["kind"].annotation.__args__ == (kind,)  # type: ignore[union-attr]
