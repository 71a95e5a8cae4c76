"""What is no file to read is refused at once, in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hmmlens.cli import command as cli
from hmmlens.cli.data import settings_of
from hmmlens.datasets.own.files import from_file
from hmmlens.datasets.own.npz import NpzData
from hmmlens.datasets.own.table import TableData
from hmmlens.datasets.own.zarr_store import ZarrData
from hmmlens.errors import DataError
from hmmlens.rnn.loading import load
from hmmlens.rnn.weights_files import read_weights

COLUMNS = {"sequence": "s", "time": "t", "inputs": ["x"]}


def read(path: str) -> Any:
    kinds: dict[str, Any] = {".npz": NpzData, ".zarr": ZarrData}
    if kind := kinds.get(os.path.splitext(path)[1]):
        settings = kind(kind=kind.__name__[:-4].lower(), path=path)
    else:
        settings = TableData(kind="table", path=path, columns=COLUMNS)
    return from_file(settings, np.random.default_rng(0))


def keras(path: str) -> Any:
    return load({"kind": "keras", "file": path}, Path.cwd())


READERS: list[tuple[str, Callable[[str], Any]]] = [
    *((f"d{ending}", read) for ending in (".csv", ".csv.gz", ".parquet", ".npz", ".zarr")),
    ("w.pt", lambda path: read_weights(Path(path))),
    ("w.safetensors", lambda path: read_weights(Path(path))),
    ("w.keras", keras),
]


@pytest.mark.parametrize(("name", "reader"), READERS, ids=[name for name, _ in READERS])
def test_what_is_no_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reader: Callable[[str], Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"{name}: there is no such file$"):
        reader(name)
    os.mkfifo(name)
    what = "a file, the folder of a Zarr store is needed"
    what = what if name == "d.zarr" else "a named pipe or a device, a regular file is needed"
    with pytest.raises(DataError, match=f"{name}: this is {what}"):
        reader(name)
    os.unlink(name)
    os.symlink(name, name)
    with pytest.raises(DataError, match=f"{name}: cannot be read: "):
        reader(name)
    os.unlink(name)
    if name != "d.zarr":
        Path(name).mkdir()
        with pytest.raises(DataError, match=f"{name}: this is a folder, a file is needed$"):
            reader(name)
        Path(name).rmdir()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".npz", ".zarr"])
def test_names_that_are_not_utf8_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = os.fsdecode(b"caf\xe9") + ending
    Path(odd).mkdir() if ending == ".zarr" else Path(odd).write_bytes(b"")
    args = ["explain", "mine:build", "--weights", "w.pt", "--out", "found", "--data", odd]
    with pytest.raises(DataError) as caught:
        settings_of(cli.parser().parse_args(args))
    assert str(caught.value) == f"caf\\udce9{ending}: the name of the file is not UTF-8; rename it"
    with pytest.raises(DataError, match="the name of the file is not UTF-8"):
        read_weights(Path(odd))


def test_files_that_may_not_be_read_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.csv"
    path.write_text("s,t,x\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match=r"d\.csv: cannot be read: permission denied"):
        read(str(path))


def test_a_pipe_inside_a_store_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    data = xr.Dataset({"input": (("sequence", "time", "feature"), np.ones((3, 4, 1)))})
    data.to_zarr(path, consolidated=False)
    for name in ("input/c/0/0/0", "zarr.json"):
        held = (path / name).read_bytes()
        (path / name).unlink()
        os.mkfifo(path / name)
        with pytest.raises(DataError, match=f"{name}: this is a named pipe or a device"):
            read(str(path))
        (path / name).unlink()
        (path / name).write_bytes(held)


@pytest.mark.parametrize("ending", [".csv.gz", ".parquet", ".npz"])
def test_files_that_were_cut_are_reported(tmp_path: Path, ending: str) -> None:
    import pandas as pd

    path = tmp_path / f"d{ending}"
    frame = pd.DataFrame({"s": np.repeat(np.arange(9), 50), "t": np.tile(np.arange(50), 9)})
    frame["x"] = np.random.default_rng(0).normal(size=450)
    if ending == ".npz":
        np.savez_compressed(path, input=frame["x"].to_numpy().reshape(9, 50, 1))
    elif ending == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    whole = path.read_bytes()
    assert read(str(path)).sizes["sequence"] == 9
    for share in (0.02, 0.3, 0.6, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DataError) as caught:
            read(str(path))
        assert str(caught.value).startswith(str(path))
