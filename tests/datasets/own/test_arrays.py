"""Arrays from .npz and Zarr are checked by name and index, and never run code."""

from __future__ import annotations

import io
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
from numpy.typing import NDArray

from hmmlens.datasets.own.arrays import DIMS, read_npz, read_zarr
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
    ("complex target", {"target": np.zeros((4, 5, 1), complex)},
     ": array 'target' holds complex128, wants real numbers or text"),
    ("complex input", {"input": np.zeros((4, 5, 2), np.complex64)}, "holds complex64, wants real"),
    ("huge input", with_entry("input", (1, 2, 1), 1e300),
     ": input at sequence 1, time 2, feature 1: found 1e+300, wants a number of at most 3.4e+38"),
    ("state that wraps", {"state": np.full((4, 5), 2**64 - 1, np.uint64)},
     ": state at sequence 0, time 0: found 18446744073709551615, wants at most"),
    ("group without a name", {"group": np.array(["a", "NA", "b", "b"])},
     ": group at sequence 1: found NA, wants a word or number for every sequence"),
    ("NaN as group", {"group": np.array([0, 1, np.nan, 1])}, ": group at sequence 2: found nan"),
    ("rounded group", {"group": np.array([0, 1, 2.0**53, 1])}, ": group at sequence 2: found 9007"),
    ("bytes", {"group": np.array([b"a", b"b", b"\xff", b"c"])}, "bytes that are no UTF-8"),
    ("dates", {"group": np.array(["2025-01-01"] * 4, "datetime64[D]")}, "wants real numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_what_does_not_fit_is_reported_by_its_place(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = written(tmp_path, "npz", good(**change))
    with pytest.raises(DataError) as caught:
        read_npz(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert sentence in message


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize(
    ("group", "names", "codes"),
    [
        (np.array([10, 2, 10, 1]), ["1", "2", "10"], [2, 1, 2, 0]),
        (np.array([10.0, 2.0, 10.0, 0.5]), ["0.5", "2.0", "10.0"], [2, 1, 2, 0]),
        (np.array([10.0, 2.0, 10.0, 1.0]), ["1", "2", "10"], [2, 1, 2, 0]),
        (np.array(["b", "a ", "b\u00a0", "a"]), ["a", "b"], [1, 0, 1, 0]),
        (np.array([2**63 + 1, 2**63, 2**63 + 1, 7], np.uint64),
         ["7", str(2**63), str(2**63 + 1)], [2, 1, 2, 0]),
    ],
)  # fmt: skip
def test_groups_have_one_name_each(
    tmp_path: Path, kind: str, group: NDArray[Any], names: list[str], codes: list[int]
) -> None:
    found = READ[kind](written(tmp_path, kind, good(group=group)))
    assert (found.names["group"], found.group.tolist()) == (names, codes)


def test_bytes_and_upper_case_are_words(tmp_path: Path) -> None:
    words = np.array([b"Train", b"TRAIN ", b"select", b"Test"])
    found = read_npz(written(tmp_path, "npz", good(split=words, group=words)))
    assert found.split.tolist() == [0, 0, 1, 2]
    assert found.names["group"] == ["TRAIN", "Test", "Train", "select"]


def test_misspelled_array_is_reported(tmp_path: Path) -> None:
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


# --- How arrays are encoded -----------------------------------------------------------------


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("sign", ["_FillValue", "missing_value"])
def test_packed_arrays_are_decoded_as_xarray_does(
    tmp_path: Path, sign: str, zarr_format: int
) -> None:
    """The truth is what xarray decodes, and the values that were written."""
    rng, path = np.random.default_rng(0), tmp_path / "data.zarr"
    values, target = rng.normal(size=(6, 8, 2)), rng.normal(size=(6, 8, 1))
    target[2, 3] = np.nan
    states = np.tile([np.nan, 1, 0, 1, np.nan, 1, 0, 1], (6, 1))
    data = xr.Dataset(
        {
            "input": (("sequence", "time", "feature"), values),
            "target": (("sequence", "time", "output"), target),
            "state": (("sequence", "time"), states),
            "group": ("sequence", np.array([2**53, 2**53 + 1, 1, 1, 2, 2])),
        }
    )
    packing = {"dtype": "int16", "scale_factor": 1e-3, "add_offset": 5.0}
    data.to_zarr(
        path, zarr_format=zarr_format, consolidated=False,
        encoding={"input": packing, "target": packing | {sign: -32768},
                  "state": {"dtype": "int16", sign: 9}, "group": {sign: -5}},
    )  # fmt: skip
    found = read_zarr(path)
    decoded = xr.open_zarr(path, consolidated=False)
    np.testing.assert_array_equal(found.input, decoded["input"])
    np.testing.assert_array_equal(found.target, decoded["target"])
    np.testing.assert_allclose(found.input, values, atol=6e-4)
    np.testing.assert_allclose(found.target, target, atol=6e-4)
    np.testing.assert_array_equal(found.state, np.where(np.isnan(states), -1, states))
    # Not rounded on their way through xarray's floats.
    assert found.names["group"] == ["1", "2", str(2**53), str(2**53 + 1)]


def test_packed_symbols_are_whole_numbers_again(tmp_path: Path) -> None:
    symbols = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 2, 2]])
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"input": (("sequence", "time"), symbols.astype(float))})
    for packing in ({"_FillValue": 99}, {"scale_factor": 0.5, "_FillValue": 99}):
        data.to_zarr(path, mode="w", encoding={"input": {"dtype": "uint8"} | packing})
        np.testing.assert_array_equal(read_zarr(path).input, symbols)
    data["input"][1, 2] = np.nan
    data.to_zarr(path, mode="w", encoding={"input": {"dtype": "uint8", "_FillValue": 99}})
    with pytest.raises(DataError, match="'input' at sequence 1, time 2: the value is missing"):
        read_zarr(path)
    # Past the end of a sequence nothing is looked at.
    data["length"] = "sequence", np.array([4, 2, 4])
    data.to_zarr(path, mode="w", encoding={"input": {"dtype": "uint8", "_FillValue": 99}})
    np.testing.assert_array_equal(read_zarr(path).input[1], [3, 2, 0, 0])
    data["input"] = data["input"] / 2
    data.to_zarr(path, mode="w", encoding={"input": {"dtype": "uint8", "scale_factor": 0.5}})
    with pytest.raises(DataError, match="has shape \\(3, 4\\) of float"):
        read_zarr(path)


def test_zero_as_fill_value_of_format_2_may_mean_both(tmp_path: Path) -> None:
    """Zarr gives every array the fill value 0, which xarray takes for missing."""
    path = tmp_path / "data.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    symbols = np.array([[1, 2, 1, 2], [2, 1, 2, 0], [1, 1, 1, 2]])
    array = group.create_array("input", shape=(3, 4), chunks=(3, 4), dtype="i4")
    array[:], array.attrs["_ARRAY_DIMENSIONS"] = symbols, ["sequence", "time"]
    assert np.isnan(xr.open_zarr(path, consolidated=False)["input"][1, 3])
    with pytest.raises(DataError, match="'input' at sequence 1, time 3: holds 0, which is the fil"):
        read_zarr(path)
    array[1, 3] = 2
    np.testing.assert_array_equal(read_zarr(path).input, np.where(symbols == 0, 2, symbols))


CHUNKED = {
    "input": np.arange(12).reshape(4, 3) % 4 + 1,
    "target": np.arange(12).reshape(4, 3) % 3 + 1,
    "state": np.arange(12).reshape(4, 3) % 2 + 1,
    "length": np.array([3, 2, 1, 1]),
    "split": np.array([2, 1, 1, 2]),
    "group": np.array([1, 2, 3, 4]),
}


def chunked(path: Path, **options: Any) -> None:
    """Write arrays in chunks of one sequence and two steps."""
    data = {name: (DIMS[name][: a.ndim], a) for name, a in CHUNKED.items()}
    chunks = {name: {"chunks": (1, 2)[: a.ndim]} for name, a in CHUNKED.items()}
    xr.Dataset(data).to_zarr(path, mode="w", consolidated=False, encoding=chunks, **options)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("name", CHUNKED)
def test_a_missing_chunk_is_reported(tmp_path: Path, name: str, zarr_format: int) -> None:
    path = tmp_path / "data.zarr"
    chunked(path, zarr_format=zarr_format)
    np.testing.assert_array_equal(read_zarr(path).group, [0, 1, 2, 3])
    place = (1, 0)[: CHUNKED[name].ndim]
    chunk = {2: ".".join(map(str, place)), 3: "/".join(map(str, ("c", *place)))}[zarr_format]
    (path / name / chunk).unlink()
    with pytest.raises(DataError) as caught:
        read_zarr(path)
    message = str(caught.value)
    where = "sequence 1 to 1" + (", time 0 to 1" if len(place) == 2 else "")
    assert message.startswith(
        f"{path}: array {name!r} lacks its chunk {chunk} ({where}): it was lost"
    )


def test_a_chunk_past_every_end_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    chunked(path)
    for name in ("input", "target", "state"):
        (path / name / "c" / "1" / "1").unlink()  # step 2 of a sequence of 2 steps
    found = read_zarr(path)
    np.testing.assert_array_equal(found.input[1], [*CHUNKED["input"][1, :2], 0])
    (path / "state" / "c" / "0" / "1").unlink()  # step 2 of a sequence of 3 steps
    with pytest.raises(DataError, match="'state' lacks its chunk c/0/1"):
        read_zarr(path)


def test_chunks_that_writers_leave_out_are_not_taken_for_values(tmp_path: Path) -> None:
    """Whether a chunk of zeros was lost cannot be known; where it is written, all is right."""
    path = tmp_path / "data.zarr"
    symbols = np.array([[1, 2, 1], [0, 0, 0], [2, 2, 1]])
    data = xr.Dataset({"input": (("sequence", "time"), symbols)})
    encoding = {"input": {"chunks": (1, 3)}}
    data.to_zarr(path, mode="w", encoding=encoding)
    assert not (path / "input" / "c" / "1").exists()
    with pytest.raises(DataError, match=r"lacks its chunk c/1/0 .* write_empty_chunks=True"):
        read_zarr(path)
    data.to_zarr(path, mode="w", encoding=encoding, write_empty_chunks=True)
    np.testing.assert_array_equal(read_zarr(path).input, symbols)


def test_chunks_that_mean_missing_are_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data.zarr"
    states = np.array([[1, 0, 1], [np.nan] * 3, [0, 0, 1]])
    data = xr.Dataset(
        {
            "input": (("sequence", "time", "feature"), np.ones((3, 3, 1))),
            "target": (("sequence", "time", "output"), states[..., None]),
            "state": (("sequence", "time"), states),
        }
    )
    encoding: dict[str, Any] = {"target": {"chunks": (1, 3, 1)}}
    encoding["state"] = {"chunks": (1, 3), "dtype": "int8", "_FillValue": -9}
    data.to_zarr(path, mode="w", encoding=encoding, zarr_format=2)
    assert not (path / "target" / "1.0.0").exists()
    assert not (path / "state" / "1.0").exists()
    found = read_zarr(path)
    np.testing.assert_array_equal(found.target[..., 0], states)
    np.testing.assert_array_equal(found.state, np.where(np.isnan(states), -1, states))
    assert "1 chunks of array 'state' are not there" in caplog.text


# --- What could run code, hang or fill the memory ------------------------------------------


@pytest.mark.parametrize("shape", [(10**5, 10**6, 10**4), (4, 5, 1), (2, 5, 2)])
def test_headers_that_do_not_fit_what_follows_are_reported(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path, held = tmp_path / "data.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(
        held, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input.npy", held.getvalue() + bytes(8 * 30))
    with pytest.raises(DataError, match=re.escape(f"array 'input' declares the shape {shape}")):
        read_npz(path)


def test_an_array_twice_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path, "npz", good())
    with zipfile.ZipFile(path) as archive:
        held = archive.read("input.npy")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("input", held)
    with pytest.raises(DataError, match="holds 2 arrays 'input'"):
        read_npz(path)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("key", ["shape", "chunks"])
def test_absurd_shapes_in_zarr_are_reported(tmp_path: Path, key: str, zarr_format: int) -> None:
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"input": (("sequence", "time", "feature"), np.ones((3, 4, 1)))})
    data.to_zarr(path, zarr_format=zarr_format, consolidated=False)
    header = path / "input" / {2: ".zarray", 3: "zarr.json"}[zarr_format]
    about = json.loads(header.read_text())
    place, key = (about, key) if zarr_format == 2 else (
        (about, "shape") if key == "shape"
        else (about["chunk_grid"]["configuration"], "chunk_shape")
    )  # fmt: skip
    place[key] = [10**7, 10**7, 1]
    header.write_text(json.dumps(about))
    with pytest.raises(DataError, match=r"declares the shape \(10000000, 10000000, 1\), wh"):
        read_zarr(path)


def test_dates_in_zarr_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    dates = np.array(["2025-01-01", "2025-01-02", "2025-01-03"], "datetime64[ns]")
    data = xr.Dataset({"input": (("sequence", "time", "feature"), np.ones((3, 4, 1)))})
    data.assign(group=("sequence", dates)).to_zarr(path, consolidated=False)
    with pytest.raises(DataError, match="array 'group' holds dates"):
        read_zarr(path)


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


def test_damaged_chunk_in_zarr_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"input": (("sequence", "time", "feature"), np.ones((3, 4, 1)))})
    data.to_zarr(path, consolidated=False)
    (chunk,) = (p for p in (path / "input" / "c").rglob("*") if p.is_file())
    chunk.write_bytes(b"torn")
    with pytest.raises(DataError, match=r"data\.zarr: array 'input' is damaged: "):
        read_zarr(path)


@pytest.mark.parametrize("content", [b"", b"input,1\n2,3", b"PK\x03\x04 torn"])
def test_other_files_are_reported(tmp_path: Path, content: bytes) -> None:
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
