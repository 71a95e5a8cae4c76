"""Stores are written whole or not at all, and refused when they are not what is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import StoreError
from hmmlens.io import store

MADE_BY = {"study": "demo", "created_by": "a rule", "config_hash": "abc", "seed": 7}


def example() -> xr.Dataset:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 5, 3))
    values[0, 0, 0] = np.nan
    return xr.Dataset(
        {
            "value": (("sequence", "time", "unit"), values),
            "single": (("sequence", "time"), rng.normal(size=(6, 5)).astype(np.float32)),
            "symbol": (("sequence", "time"), rng.integers(-1, 9, size=(6, 5)).astype(np.int16)),
            "flag": ("sequence", rng.random(6) < 0.5),
            "scalar": ((), 3.5),
            "empty": ("nothing", np.empty(0)),
        },
        coords={"n_states": ("n_states", [1, 2, 4])},
        attrs={"names": ["a", "b"], "offset": [0.1, 0.2], "text": "µ – ok", "whole": 3},
    )


def test_round_trip_with_attributes(tmp_path: Path) -> None:
    data, path = example(), tmp_path / "folder" / "x.zarr"
    store.write(data, path, "sequences", MADE_BY)
    again = store.read(path, "sequences").load()
    wanted = data.assign_attrs(store.store_attributes("sequences", MADE_BY))
    xr.testing.assert_identical(again, wanted)
    for name, variable in data.variables.items():
        assert again[name].dtype == variable.dtype
    assert [p.name for p in path.parent.iterdir()] == ["x.zarr"]
    assert json.loads((path / "zarr.json").read_text())["zarr_format"] == 3


def test_read_data_can_be_written_again(tmp_path: Path) -> None:
    # Chunks of the first store stick to the arrays, and must not get in the way.
    store.write(example(), tmp_path / "a.zarr", "sequences", MADE_BY)
    part = store.read(tmp_path / "a.zarr", "sequences").isel(sequence=[0, 2, 5])
    store.write(part, tmp_path / "b.zarr", "reduced", {})
    xr.testing.assert_equal(
        store.read(tmp_path / "b.zarr", "reduced"), example().isel(sequence=[0, 2, 5])
    )


def test_writing_replaces_the_old_store_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    store.write(example(), path, "sequences", MADE_BY)
    store.write(example()[["symbol"]], path, "sequences", MADE_BY)
    assert set(store.read(path, "sequences").data_vars) == {"symbol"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_leaves_the_old_store_and_nothing_partial(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "x.zarr"
    store.write(example(), path, "sequences", MADE_BY)
    with pytest.raises(error), store.replacing(path) as partial:
        partial.mkdir()
        (partial / "zarr.json").write_text("{}")
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr"]
    xr.testing.assert_equal(store.read(path, "sequences"), example())


def test_error_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = xr.Dataset.to_zarr

    def fail(self: xr.Dataset, *args: Any, **kwargs: Any) -> None:
        whole(self, *args, **kwargs)
        raise OSError("the disk is full")

    monkeypatch.setattr(xr.Dataset, "to_zarr", fail)
    with pytest.raises(OSError, match="the disk is full"):
        store.write(example(), tmp_path / "x.zarr", "sequences", MADE_BY)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_not_in_the_way(tmp_path: Path) -> None:
    # No writer can prove that it wrote what has no seal yet, so each takes a name of its own.
    left = tmp_path / "x.zarr.partial"
    left.mkdir()
    (left / "rubbish").write_text("")
    with store.replacing(tmp_path / "x.zarr") as partial:
        assert not partial.exists()
        partial.mkdir()
    assert sorted(tmp_path.iterdir()) == [tmp_path / "x.zarr", left]
    assert os.listdir(tmp_path / "x.zarr") == []
    assert os.listdir(left) == ["rubbish"]


def test_every_chunk_is_written_and_a_missing_one_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    # Arrays of nothing but Zarr's fill value, whose chunks it would leave out.
    data = example().assign(zeros=("sequence", np.zeros(6)), nans=("sequence", np.full(6, np.nan)))
    with store.writing(data, path, "reduced", {}) as writer:
        writer.create("part", (6, 2), ("sequence", "place"), 3)
        writer.write("part", slice(0, 3), np.full((3, 2), np.nan))
        writer.write("part", slice(3, 6), np.zeros((3, 2)))
    xr.testing.assert_equal(store.read(path, "reduced").load().drop_vars("part"), data)
    chunks = [p for p in path.rglob("*") if p.is_file() and "c" in p.relative_to(path).parts]
    named = {p.relative_to(path).parts[0] for p in chunks}
    assert named == {"part", *map(str, data.variables)} - {"empty"}
    for chunk in chunks:
        held = chunk.read_bytes()
        chunk.unlink()
        array, *rest = chunk.relative_to(path).parts
        with pytest.raises(StoreError) as caught:
            store.read(path, "reduced")
        assert f"array {array!r} has lost its chunk {'/'.join(rest)}; delete" in str(caught.value)
        chunk.write_bytes(held)
    store.read(path, "reduced")
    # Older versions left chunks out, and their stores do not state that they hold every one.
    header = path / "zarr.json"
    content = json.loads(header.read_text())
    del content["attributes"]["all_chunks"]
    header.write_text(json.dumps(content))
    chunks[0].unlink()
    store.read(path, "reduced")


def test_a_folder_of_files_is_replaced_only_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "report"

    def write(text: str) -> None:
        with store.replacing(path, "partial report") as partial:
            partial.mkdir()
            (partial / "missing.csv").write_text(text)

    write("one")
    write("two")
    assert (path / "missing.csv").read_text() == "two"
    (path / "mine.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"holds 'mine\.txt', which hmmlens did not write"):
        write("three")
    assert {f.name for f in path.iterdir()} == {"missing.csv", "mine.txt", "manifest.json"}
    assert (path / "missing.csv").read_text() == "two"
    assert [f.name for f in tmp_path.iterdir()] == ["report"]


def test_missing_store_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        store.read(tmp_path / "x.zarr", "sweep")
    sentence = "there is no store here; run the rule that makes it again"
    assert str(caught.value) == f"{tmp_path / 'x.zarr'}: {sentence}"


def test_other_kind_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    store.write(example(), path, "sequences", MADE_BY)
    with pytest.raises(StoreError) as caught:
        store.read(path, "sweep")
    assert str(caught.value) == f"{path}: holds 'sequences', but 'sweep' is expected"


@pytest.mark.parametrize("version", [0, 99])
def test_other_schema_version_is_reported(tmp_path: Path, version: int) -> None:
    path = tmp_path / "x.zarr"
    store.write(example(), path, "sweep", MADE_BY)
    header = path / "zarr.json"
    content = json.loads(header.read_text())
    content["attributes"]["schema_version"] = version
    header.write_text(json.dumps(content))
    with pytest.raises(StoreError) as caught:
        store.read(path, "sweep")
    assert str(caught.value) == (
        f"{path}: has schema version {version}, but this version of hmmlens reads "
        f"{store.SCHEMA_VERSION}; delete it and run the study again"
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=4), st.sampled_from([1, 2, 4, 8]))
def test_chunks_hold_about_four_mebibytes(shape: list[int], itemsize: int) -> None:
    rows = store.rows_per_chunk(tuple(shape), itemsize)
    row = itemsize * int(np.prod([size for size in shape[1:] if size], dtype=object))
    first = shape[0] if shape else 1
    assert rows >= 1
    # As many rows as fit, and no more than there are; at least one.
    assert rows == 1 or (rows <= first and rows * row <= 4 * 2**20)
    assert rows >= first or (rows + 1) * row > 4 * 2**20


def test_chunks_on_disk_are_whole_rows(tmp_path: Path) -> None:
    data = xr.Dataset({"x": (("sequence", "time", "unit"), np.zeros((50, 100, 300)))})
    store.write(data, tmp_path / "x.zarr", "sequences", {})
    chunks = store.read(tmp_path / "x.zarr", "sequences")["x"].encoding["chunks"]
    assert chunks == (17, 100, 300)  # 17 * 240 000 bytes lie below 4 MiB, 18 above
