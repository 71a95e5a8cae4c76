"""Arrays from .npz and Zarr are checked by name and index, and never run code."""

from __future__ import annotations

import json
import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from hmmlens.datasets.arrays import DIMS, read_npz, read_zarr
from hmmlens.errors import DataError


def good(**change: Any) -> dict[str, Any]:
    """Return arrays of 4 sequences of up to 5 steps, with rubbish past each end."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "input": rng.normal(size=(4, 5, 2)),
        "target": rng.integers(0, 3, size=(4, 5)),
        "length": np.array([5, 3, 2, 4]),
        "state": rng.integers(-1, 2, size=(4, 5)),
        "split": np.array(["train", "train", "select", "test"]),
        "group": np.array(["w", "v", "u", "v"]),
        "feature_names": np.array(["x", "y"]),
        "state_names": np.array(["go", "stop"]),
    }
    past = np.arange(5) >= arrays["length"][:, None]
    arrays["input"][past], arrays["target"][past], arrays["state"][past] = np.nan, 10**6, -9
    return {name: array for name, array in (arrays | change).items() if array is not None}


def written(folder: Path, kind: str, arrays: dict[str, Any]) -> Path:
    path = folder / f"data.{kind}"
    if kind == "npz":
        np.savez(path, **arrays)
    else:
        data = {
            name: (DIMS[name][: a.ndim], a.astype(object) if a.dtype.kind == "U" else a)
            for name, a in arrays.items()
        }
        xr.Dataset(data).to_zarr(path, mode="w", consolidated=False)
    return path


READ = {"npz": read_npz, "zarr": read_zarr}


@pytest.mark.parametrize("kind", READ)
def test_arrays_come_back_without_what_stands_past_an_end(tmp_path: Path, kind: str) -> None:
    arrays = good()
    found = READ[kind](written(tmp_path, kind, arrays))
    inside = np.arange(5) < arrays["length"][:, None]
    for name, fill in (("input", 0), ("target", -1), ("state", -1)):
        array = getattr(found, name)
        np.testing.assert_array_equal(array[inside], arrays[name][inside])
        assert (array[~inside] == fill).all()
    np.testing.assert_array_equal(found.length, arrays["length"])
    np.testing.assert_array_equal(found.split, [0, 0, 1, 2])
    np.testing.assert_array_equal(found.group, [2, 1, 0, 1])
    assert found.names == {
        "sequence": ["0", "1", "2", "3"],
        "input": ["x", "y"],
        "target": ["target 0", "target 1", "target 2"],
        "state": ["go", "stop"],
        "group": ["u", "v", "w"],
    }


@pytest.mark.parametrize("kind", READ)
def test_input_alone_is_enough(tmp_path: Path, kind: str) -> None:
    found = READ[kind](written(tmp_path, kind, {"input": np.array([[0, 1, 2], [2, 1, 0]])}))
    assert found.length.tolist() == [3, 3]
    assert found.names["input"] == ["input 0", "input 1", "input 2"]
    assert found.target is found.state is found.split is found.group is None


def with_entry(name: str, index: tuple[int, ...], value: float) -> dict[str, Any]:
    array = good()[name]
    array[index] = value
    return {name: array}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("no input", {"input": None, "feature_names": None}, ": the array 'input' is missing; found"),
    ("flat input", {"input": np.zeros(4)}, ": array 'input' has shape (4,), but (sequence, time, "),
    ("values without a feature", {"input": np.zeros((4, 5)), "feature_names": None},
     ": array 'input' has shape (4, 5) of float64; wants numbers (sequence, time, feature), or "
     "symbols as whole numbers (sequence, time)"),
    ("transposed target", {"target": np.zeros((5, 4), int)},
     ": array 'target' has shape (5, 4), but (sequence, time, output) is needed, and input has "
     "shape (4, 5, 2)"),
    ("length by step", {"length": np.full((4, 5), 5)}, ": array 'length' has shape (4, 5), but"),
    ("length too long", {"length": np.array([5, 6, 2, 4])},
     ": length at sequence 1: found 6, wants 1 to 5"),
    ("half a length", {"length": np.array([5, 2.5, 2, 4])},
     ": array 'length' holds float64, wants whole numbers"),
    ("NaN", with_entry("input", (1, 2, 1), np.nan),
     ": input at sequence 1, time 2, feature 1: found nan, wants a finite number"),
    ("infinite target", {"target": np.full((4, 5, 1), np.inf)},
     ": target at sequence 0, time 0, output 0: found inf, wants a finite number, or NaN for none"),
    ("negative symbol", {"input": np.full((4, 5), -1), "feature_names": None},
     ": input at sequence 0, time 0: found -1, wants 0 or more"),
    ("negative target", with_entry("target", (3, 3), -2),
     ": target at sequence 3, time 3: found -2, wants 0 or more, or -1 where there is none"),
    ("many symbols", with_entry("target", (3, 3), 999), ": target goes up to 999, but at most 256"),
    ("state", with_entry("state", (2, 1), -2), ": state at sequence 2, time 1: found -2, wants 0"),
    ("values as state", {"state": np.zeros((4, 5))}, ": array 'state' holds float64, wants whole"),
    ("split word", {"split": np.array(["train", "tset", "select", "test"])},
     ": split at sequence 1: found tset, wants one of: train, select, test"),
    ("split number", {"split": np.array([0, 1, 2, 3])},
     ": split at sequence 3: found 3, wants one of: 0, 1, 2"),
    ("names", {"feature_names": np.array(["x"])}, ": feature_names has 1 entries, but input needs"),
    ("dates", {"group": np.array(["2025-01-01"] * 4, "datetime64[D]")}, "wants real numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_what_does_not_fit_is_told_by_its_place(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = written(tmp_path, "npz", good(**change))
    with pytest.raises(DataError) as caught:
        read_npz(path)
    told = str(caught.value)
    assert told.startswith(str(path))
    assert sentence in told


def test_misspelled_array_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, input=np.zeros((3, 4, 1)), lenght=np.full(3, 2))
    with pytest.raises(DataError, match=r"array 'lenght' \(did you mean 'length'\?\); allowed: "):
        read_npz(path)


def test_zarr_is_checked_like_npz(tmp_path: Path) -> None:
    path = written(tmp_path, "zarr", good(**with_entry("input", (1, 2, 1), np.nan)))
    with pytest.raises(DataError, match="input at sequence 1, time 2, feature 1: found nan"):
        read_zarr(path)


def test_zarr_dimensions_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"input": (("time", "sequence", "feature"), np.zeros((4, 4, 2)))})
    data.to_zarr(path, consolidated=False)
    wanted = "has the dimensions (time, sequence, feature), but (sequence, time, feature) is needed"
    with pytest.raises(DataError, match=re.escape(wanted)):
        read_zarr(path)
    zarr.save(tmp_path / "bare.zarr", input=np.zeros((4, 4, 2)))
    with pytest.raises(DataError, match="cannot be read as a Zarr store with named dimensions"):
        read_zarr(tmp_path / "bare.zarr")


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


def test_objects_in_npz_are_refused_and_not_run(tmp_path: Path) -> None:
    trap, path = tmp_path / "trap", tmp_path / "data.npz"
    np.savez(path, input=np.zeros((3, 4, 1)), state=np.array([Hostile(trap)], dtype=object))
    with pytest.raises(DataError, match="holds Python objects, which are refused"):
        read_npz(path)
    path.write_bytes(pickle.dumps(Hostile(trap)))
    with pytest.raises(DataError, match=r"this is no \.npz file"):
        read_npz(path)
    assert not trap.exists()
    # The trap works where nothing stands in its way.
    with pytest.raises(FileExistsError):
        [pickle.loads(path.read_bytes()) for _ in range(2)]


@pytest.mark.parametrize(
    ("filters", "compressor"), [([{"id": "pickle"}], None), (None, {"id": "pickle"})]
)
def test_pickling_codec_in_zarr_is_refused_and_not_run(
    tmp_path: Path, filters: list[dict[str, str]] | None, compressor: dict[str, str] | None
) -> None:
    trap, path = tmp_path / "trap", tmp_path / "data.zarr"
    data = xr.Dataset({"input": (("sequence", "time", "feature"), np.zeros((3, 4, 1)))})
    data.to_zarr(path, zarr_format=2, consolidated=False)
    header = path / "input" / ".zarray"
    about = json.loads(header.read_text())
    header.write_text(json.dumps(about | {"filters": filters, "compressor": compressor}))
    (chunk,) = (path / "input").glob("0*")
    chunk.write_bytes(pickle.dumps(Hostile(trap)))
    with pytest.raises(DataError, match="cannot be read as a Zarr store"):
        read_zarr(path)
    assert not trap.exists()


def test_damaged_chunk_in_zarr_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"input": (("sequence", "time", "feature"), np.ones((3, 4, 1)))})
    data.to_zarr(path, consolidated=False)
    (chunk,) = (p for p in (path / "input" / "c").rglob("*") if p.is_file())
    chunk.write_bytes(b"torn")
    with pytest.raises(DataError, match=r"data\.zarr: array 'input' is damaged: "):
        read_zarr(path)


@pytest.mark.parametrize("content", [b"", b"input,1\n2,3", b"PK\x03\x04 torn"])
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz: "):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input.npy", content)
    with pytest.raises(DataError, match=r"'input' is no array; write it with numpy\.savez"):
        read_npz(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match="holds one array without a name"):
        read_npz(tmp_path / "one.npy")
