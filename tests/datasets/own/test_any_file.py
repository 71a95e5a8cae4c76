"""Whatever a file holds: it is read as other libraries read it, or refused in one sentence."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import shutil
import tempfile
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.cli import command as cli
from hmmlens.datasets.content import DIMS
from hmmlens.datasets.own.arrays import read_npz, read_zarr
from hmmlens.datasets.own.files import from_file
from hmmlens.datasets.own.npz import NpzData
from hmmlens.datasets.own.table import TableData
from hmmlens.datasets.own.tables import read_table
from hmmlens.datasets.own.zarr_store import ZarrData
from hmmlens.errors import HmmlensError

#: Ids, labels and column names that are hard to read.
WORDS = ["a", "a ", "b", "é", "e\u0301", "01", "1", "x,y", "semi;colon", 'say "so"', "two\nlines"]
WORDS += ["NA", "null", "None", "nan", "-1", "-1.0", "2.0", "10.0", "\u00a0a", "=1+1", "😀", "#"]

NUMBERS = [0.5, 1.0, -3.25, 1e300, -1e-300, np.nan, np.inf, 3.4e38, 2.0**60, 1 / 3]


def digest(path: Path) -> str:
    """Return a hash of a file, or of the names and contents of a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    sha = hashlib.sha256()
    for file in files:
        sha.update(f"{file.relative_to(path.parent)}\n".encode() + file.read_bytes())
    return sha.hexdigest()


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Check that a block changes neither a file nor its neighbours."""
    before = digest(path), sorted(p.name for p in path.parent.iterdir())
    yield
    assert (digest(path), sorted(p.name for p in path.parent.iterdir())) == before


def attempt(function: Any, path: Path, *args: Any) -> Any:
    """Return what a function reads, or None where it refuses in one sentence."""
    with unchanged(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args)
        except HmmlensError as error:
            assert str(error).startswith(str(path))
            assert 10 < len(str(error).removeprefix(str(path))) < 600
            return None


# --- Tables ---------------------------------------------------------------------------------


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Draw a table and how it is written: one that can be read, or any."""
    good = draw(st.booleans())
    kinds = WORDS[WORDS.index("é") :] if good else WORDS
    kinds = [word for word in kinds if not good or word not in ("NA", "null", "None", "nan")]
    ids = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5, unique=good))
    if good:
        ids = list({unicodedata.normalize("NFC", word): word for word in ids}.values())
    lengths = [draw(st.integers(2 if good else 1, 4)) for _ in ids]
    rows = sum(lengths)
    numbers = st.floats(-1e6, 1e6) if good else st.sampled_from(NUMBERS)
    frame = pd.DataFrame(
        {
            "trial": np.repeat(np.array(ids, object), lengths),
            "t": np.concatenate([np.arange(n) for n in lengths])
            + draw(st.sampled_from([0, 0.5, 10**18])),
            "x": draw(st.lists(numbers, min_size=rows, max_size=rows)),
            "phase": draw(st.lists(st.sampled_from(WORDS), min_size=rows, max_size=rows)),
        }
    )
    names = ["trial", "t", "x", "phase"]
    written = {
        "sep": draw(st.sampled_from([",", ";", "\t", "|"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"] if good else ["\n", "\r"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"][: 2 if good else 3])),
        "index": draw(st.booleans()),
        "header": names if good else draw(st.sampled_from([names, ["trial", "t", "x", "x"]])),
        "share": 1 if good else draw(st.floats(0, 2)),
        "note": draw(st.sampled_from([",", ";"])),
    }
    if good:
        written["note"] = written["sep"]
    return frame, written


def normal(cells: Any) -> list[str | None]:
    """Return words as pandas reads them, without blanks that nobody sees."""
    found: list[str | None] = []
    for cell in cells:
        word = None if pd.isna(cell) else " ".join(unicodedata.normalize("NFC", cell).split())
        found.append(None if word in ("NA", "null", "None", "nan", "") else word)
    whole = [w is None or w.removeprefix("-").removesuffix(".0").isdecimal() for w in found]
    plain = all(whole) and not any(w and w.startswith("0") and len(w) > 1 for w in found)
    return [w.removesuffix(".0") if plain and w else w for w in found]


@settings(max_examples=120, deadline=None)
@given(tables(), st.sampled_from([".csv", ".csv.gz"]))
def test_a_table_is_what_pandas_reads_or_refused(
    drawn: tuple[pd.DataFrame, dict[str, Any]], ending: str
) -> None:
    frame, written = drawn
    encoding, share, note = (written.pop(key) for key in ("encoding", "share", "note"))
    raw = frame.to_csv(**written).encode(encoding, "replace")
    raw = raw[: int(share * len(raw))] if share < 1 else raw
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"d{ending}"
        path.write_bytes(gzip.compress(raw) if ending == ".csv.gz" else raw)
        columns = {"sequence": "trial", "time": "t", "inputs": ["x"], "truth": "phase"}
        options = TableData(
            kind="table", path=str(path), columns=columns,
            separator=note,
        )  # fmt: skip
        found = attempt(read_table, path, path, options)
    if found is None:
        return
    read = pd.read_csv(
        io.BytesIO(raw), sep=options.separator, encoding="utf-8-sig", skipinitialspace=True,
        dtype={"trial": str, "phase": str}, keep_default_na=False, na_values={"x": ["", "nan"]},
    )  # fmt: skip
    ids, labels = normal(read["trial"]), normal(read["phase"])
    assert found.names["sequence"] == list(dict.fromkeys(ids))
    for sequence, name in enumerate(found.names["sequence"]):
        mine = [row for row, word in enumerate(ids) if word == name]
        assert found.length[sequence] == len(mine)
        values = read["x"].to_numpy(float)[mine]
        np.testing.assert_array_equal(found.input[sequence, : len(mine), 0], values)
        assert (np.diff(read["t"].to_numpy()[mine]) > 0).all()
        states = found.state[sequence, : len(mine)]
        words = [None if labels[row] in ("-1", "-1.0") else labels[row] for row in mine]
        assert [None if s < 0 else found.names["state"][s] for s in states] == words


@settings(max_examples=40, deadline=None)
@given(tables())
def test_parquet_holds_what_was_written_or_is_refused(
    drawn: tuple[pd.DataFrame, dict[str, Any]],
) -> None:
    pytest.importorskip("pyarrow")
    frame, written = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.parquet"
        frame.to_parquet(path, index=written["index"])
        columns = {"sequence": "trial", "time": "t", "inputs": ["x"], "truth": "phase"}
        found = attempt(
            read_table, path, path, TableData(kind="table", path=str(path), columns=columns)
        )
    if found is not None:
        ids = normal(frame["trial"])
        assert found.names["sequence"] == list(dict.fromkeys(ids))
        for sequence, name in enumerate(found.names["sequence"]):
            mine = [row for row, word in enumerate(ids) if word == name]
            values = frame["x"].to_numpy()[mine]
            np.testing.assert_array_equal(found.input[sequence, : len(mine), 0], values)


# --- Arrays ---------------------------------------------------------------------------------

DTYPES = ["f8", "f4", "f2", "i8", "u1", "u8", "?", "c8", "U3", "S2", "M8[D]", "O"]


@st.composite
def arrays(draw: st.DrawFn, dtypes: list[str]) -> dict[str, np.ndarray]:
    """Draw arrays of the names that a file may hold, most often of the right shape and type."""
    sizes = {"sequence": draw(st.integers(1, 4)), "time": draw(st.integers(1, 5))}
    sizes |= {"feature": draw(st.integers(1, 2)), "unit": 2, "output": 1, "truth": 3}
    symbols = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    made = {}
    for name in ["input", *draw(st.lists(st.sampled_from(list(DIMS)), unique=True))]:
        dims = DIMS[name][:2] if symbols and name in ("input", "target") else DIMS[name]
        shape = [sizes[dim] for dim in dims]
        if draw(st.integers(0, 19)) == 0:
            shape = shape[::-1]
        values: Any = rng.integers(0, 3, size=shape)
        if name in ("input", "target") and not symbols:
            values = rng.normal(size=shape)
        elif name == "length":
            values = rng.integers(1, sizes["time"] + 1, size=shape)
        elif name == "split":
            values = np.array(["train", "select", "Test "])[values]
        elif name == "state":
            values = values - 1
        elif name.endswith("_names"):
            values = values.astype(str)
        if draw(st.integers(0, 7)) == 0:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                with suppress(ValueError):
                    values = values.astype(draw(st.sampled_from(dtypes)))
        made[name] = values
    return made


def check(found: Any, wanted: dict[str, Any], inside: np.ndarray) -> None:
    """Hold content against decoded arrays; NaN is missing."""
    for name in ("input", "target", "state"):
        if name in wanted:
            values = np.asarray(wanted[name], float)
            codes = getattr(found, name).dtype.kind == "i"
            expected = np.where(np.isnan(values), -1, values) if codes else values
            np.testing.assert_array_equal(getattr(found, name)[inside], expected[inside])
    np.testing.assert_array_equal(found.length, inside.sum(axis=1))


@settings(max_examples=80, deadline=None)
@given(arrays(DTYPES), st.floats(0, 4), st.booleans())
def test_npz_is_what_numpy_reads_or_refused(
    made: dict[str, np.ndarray], share: float, packed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.npz"
        (np.savez_compressed if packed else np.savez)(path, **made)
        if share < 1:
            path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        found = attempt(read_npz, path, path)
        attempt(from_file, path, NpzData(kind="npz", path=str(path)), np.random.default_rng(0))
    if found is not None:
        n_sequences, n_steps = made["input"].shape[:2]
        length = made.get("length", np.full(n_sequences, n_steps))
        check(found, made, np.arange(n_steps) < length[:, None])
        if "group" in made:
            given_, codes = np.unique(made["group"], return_inverse=True)
            assert len(found.names["group"]) == len(given_)
            assert len(set(zip(codes, found.group, strict=True))) == len(given_)


@settings(max_examples=50, deadline=None)
@given(
    arrays(["f8", "f4", "i8", "u1", "u8", "?", "M8[ns]"]),
    st.sampled_from([2, 3]),
    st.sampled_from([None, 0.25, 0.001]),
    st.sampled_from([None, 0, 9, -32768]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_zarr_is_what_xarray_reads_or_refused(
    made: dict[str, np.ndarray],
    zarr_format: Any,
    scale: float | None,
    fill: int | None,
    lossy: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    data, encoding = {}, {}
    for name, values in made.items():
        text = values.dtype.kind == "U"
        dims = DIMS[name][: values.ndim]
        data[name] = dims, values.astype(object) if text else values
        encoding[name] = {"chunks": tuple(int(rng.integers(1, n + 1)) for n in values.shape)}
        if values.dtype.kind == "f" and scale:
            encoding[name] |= {"dtype": "int16", "scale_factor": scale, "add_offset": 1.0}
        if values.dtype.kind in "if" and fill is not None and (scale or values.dtype.kind == "i"):
            encoding[name] |= {"dtype": "int16", "_FillValue": fill}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "d.zarr"
        try:
            xr.Dataset(data).to_zarr(
                path, zarr_format=zarr_format, encoding=encoding, consolidated=False
            )
        except ValueError:
            return  # sizes that do not fit each other
        decoded = xr.open_zarr(path, consolidated=False, chunks=None).load()
        chunks = [
            p for p in path.rglob("*")
            if p.is_file() and p.name[0].isdecimal() and p.parent != path
        ]  # fmt: skip
        lost = set()
        if lossy and chunks:
            chunk = chunks[rng.integers(len(chunks))]
            lost.add(chunk.relative_to(path).parts[0])
            chunk.unlink()
        found = attempt(read_zarr, path, path)
        attempt(from_file, path, ZarrData(kind="zarr", path=str(path)), np.random.default_rng(0))
    if found is None:
        return
    # Only what may be missing can be lost, or what stands past the ends.
    n_sequences, n_steps = decoded["input"].shape[:2]
    length = decoded["length"].to_numpy() if "length" in decoded else np.full(n_sequences, n_steps)
    inside = np.arange(n_steps) < length[:, None]
    wanted = {
        name: decoded[name].to_numpy() for name in made if name in ("input", "target", "state")
    }
    for name in lost & {"target", "state"}:
        held = getattr(found, name)
        missing = held == -1 if held.dtype.kind == "i" else np.isnan(held)
        wanted[name] = np.where(missing, np.nan, wanted[name])
    check(found, wanted, inside)
    assert lost <= {"input", "target", "state"}


# --- The command ----------------------------------------------------------------------------

NETWORK = """
import torch

class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(1, 3, batch_first=True)
        self.out = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0])

def build():
    return Own()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in, with a network of one input and its weights."""
    import importlib

    from hmmlens.rnn import recurrent_network

    monkeypatch.chdir(tmp_path)
    (tmp_path / "any_file_network.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    recurrent_network.save(
        importlib.import_module("any_file_network").build(), Path("w.safetensors")
    )
    return tmp_path


CHANGES = {
    "as it is": (0, lambda text: text),
    "an index": (0, lambda text: pd.read_csv(io.StringIO(text)).to_csv()),
    "blanks": (0, lambda text: text.replace(",train", " ,train ").replace(",b", ", b ")),
    "missing truth": (0, lambda text: text.replace(",go,", ",NA,", 7)),
    "quotes": (0, lambda text: text.replace(",go,", ',"go\n on",')),
    "one recording": (0, lambda text: pd.read_csv(io.StringIO(text)).assign(
        sequence="a", time=range(400))[["sequence", "time", "x"]].to_csv(index=False)),
    "semicolons": (2, lambda text: text.replace(",", ";")),
    "a column twice": (2, lambda text: text.replace("truth", "x", 1)),
    "not UTF-8": (2, lambda text: text.replace("go", "g\udcff", 1)),
    "a value too large": (2, lambda text: text.replace("0.", "1e300", 1)),
    "nothing": (2, lambda text: ""),
    "a header": (2, lambda text: text.partition("\n")[0]),
    "two networks' worth of inputs": (2, lambda text: pd.read_csv(io.StringIO(text)).assign(
        y=0.5).to_csv(index=False)),
    "half of a row": (2, lambda text: text[: len(text) // 2]),
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [pytest.param(c, marks=[] if code else pytest.mark.slow) for c, (code, _) in CHANGES.items()],
)
def test_the_command_explains_a_table_or_reports_why_not(
    place: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    n = np.arange(400)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"sequence": n // 20, "time": n % 20, "x": rng.random(400)})
    frame["truth"] = np.where(frame["x"] > 0.5, "go", "b")
    frame["split"] = np.repeat(["train", "select", "test"], [240, 80, 80])
    code, altered = CHANGES[change]
    path = place / "d.csv"
    path.write_bytes(altered(frame.to_csv(index=False)).encode("utf-8", "surrogateescape"))
    before = {p.name: digest(p) for p in place.iterdir() if p.is_file()}
    quick = ["--n-states", "1-2", "--n-restarts", "1", "--no-untrained", "--n-components", "2"]
    args = ["explain", "any_file_network:build", "--weights", "w.safetensors", "--data", "d.csv"]
    assert cli.main([*args, "--out", "found", *quick]) == code
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert {name: digest(place / name) for name in before} == before
    if code:
        assert len(message.splitlines()) == 1
        assert not (place / "found").exists()
        return
    sequences = xr.open_zarr(place / "found/data/sequences/sequences.zarr", consolidated=False)
    values = [
        sequences["input"].to_numpy()[i, : int(n), 0] for i, n in enumerate(sequences["length"])
    ]
    if change != "one recording":
        np.testing.assert_array_equal(np.concatenate(values), frame["x"].astype(np.float32))
    shutil.rmtree(place / "found")
