"""Extractions that are written batch by batch, killed, and continued."""

from __future__ import annotations

import hashlib
import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
import zarr
from torch import nn

import hmmlens
from hmmlens.errors import DataError, StoreError
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.recording.store.trees import read_tree
from hmmlens.recording.store.unfinished import LOG
from tests.recording.oracle import Custom, Wrapped, seeded, values

ROOT = Path(__file__).parents[2]
LENGTHS = np.random.default_rng(0).integers(2, 10, size=23)


def model_of(kind: str = "lstm") -> Any:
    return seeded(Wrapped, kind, 2, True, True, True)


def inputs_of() -> np.ndarray:
    return values(23).astype(np.float32)


def digest(folder: Path) -> str:
    """Return a hash of all files of a folder, names and bytes."""
    sha = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        sha.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def test_layers_stand_in_the_order_of_the_forward_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def way(m: Any, x: torch.Tensor) -> torch.Tensor:
        first, _ = m.b(x)
        again, _ = m.b(m.a(first)[0])
        return m.b(again)[0]

    model = Custom(way, a=seeded(nn.GRU, 3, 3, 11, bidirectional=True, batch_first=True))
    model.b = seeded(nn.GRU, 3, 3, batch_first=True)
    model.a = nn.Sequential(model.a, Custom(lambda _, result: (result[0][..., :3], result[1])))
    stack = [[f"a_0_l{k}", f"a_0_l{k}_reverse"] for k in range(11)]
    expected = [["b_call0"], *stack, ["b_call1"], ["b_call2"]]
    # File systems list folders in orders of their own.
    listed = Path.iterdir
    for order in (sorted, lambda paths: sorted(paths, reverse=True)):
        monkeypatch.setattr(Path, "iterdir", lambda path, order=order: iter(order(listed(path))))
        for store_at in (None, tmp_path / "a.zarr"):
            tree = hmmlens.extract(model, values().astype(np.float32), store=store_at)
            assert tree.attrs["layers"] == expected
            assert list(tree.children) == [name for layer in expected for name in layer]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_store_holds_what_memory_holds(tmp_path: Path, dtype: Any) -> None:
    options: dict[str, Any] = {
        **{"gates": True, "layer_inputs": True, "units": [0, 2], "warm_up": 1, "batch_size": 4},
        **{"labels": {"split": np.arange(23) % 3}, "made_by": {"seed": 3}, "dtype": dtype},
    }
    memory = hmmlens.extract(model_of(), inputs_of(), LENGTHS, **options)
    path = tmp_path / "a.zarr"
    disk = hmmlens.extract(model_of(), inputs_of(), LENGTHS, store=path, **options)
    xr.testing.assert_identical(memory, disk.load())
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    assert disk.attrs["store"] == "activations"
    assert disk.attrs["schema_version"] == store.SCHEMA_VERSION
    for _, array in zarr.open_group(path, mode="r").members(max_depth=None):
        if isinstance(array, zarr.Array) and array.ndim > 1:
            assert array.compressors
            # Whole chunks in every batch.
            assert 4 % array.chunks[0] == 0


def test_a_missing_chunk_of_a_recording_is_reported(tmp_path: Path) -> None:
    """Zarr would read zeros in its place; also in arrays of nothing but zeros."""
    path = tmp_path / "a.zarr"
    labels = {"split": np.zeros(23, int)}
    hmmlens.extract(model_of("gru"), inputs_of(), LENGTHS, store=path, batch_size=8, labels=labels)
    for name in ("split", "input", "rnn_l0/hidden"):
        chunk = next(p for p in sorted((path / name / "c").rglob("*")) if p.is_file())
        held = chunk.read_bytes()
        chunk.unlink()
        reason = f"array '{name}' has lost its chunk {chunk.relative_to(path / name)}; delete"
        with pytest.raises(StoreError, match=reason):
            read_tree(path)
        with pytest.raises(StoreError, match=reason):
            activations.read(path, "rnn_l0")
        chunk.write_bytes(held)
    read_tree(path)


def test_large_batches_are_cut_into_chunks(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(48, 100, 3)).astype(np.float32)
    model = seeded(torch.nn.GRU, 3, 512, batch_first=True)
    hmmlens.extract(model, inputs, store=tmp_path / "a", batch_size=32, verify="none")
    array = zarr.open_group(tmp_path / "a", mode="r")["rnn/hidden"]
    assert array.chunks == (16, 100, 512)
    assert 16 * 100 * 512 * 4 <= store.CHUNK_BYTES < 2 * 16 * 100 * 512 * 4


def test_what_is_not_known_is_no_invalid_json(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    tree = hmmlens.extract(model_of("gru"), inputs_of(), verify="none", store=path)
    assert math.isnan(tree.attrs["replay_error"])
    assert math.isnan(tree["rnn_l0"].attrs["replay_error"])
    for header in path.rglob("zarr.json"):
        json.loads(header.read_text(), parse_constant=pytest.fail)


def test_an_old_store_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    hmmlens.extract(model_of("gru"), inputs_of(), store=path)
    before = digest(path)
    broken = model_of("gru")
    broken.rnn.register_forward_hook(lambda m, i, o: (o[0]._replace(data=o[0].data + 1), o[1]))
    with pytest.raises(DataError, match="do not replay"):
        hmmlens.extract(broken, inputs_of(), store=path)
    assert digest(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def interrupted(path: Path, batch: int, model: Any, inputs: Any, **options: Any) -> None:
    """Write a store up to and with a batch."""
    # A hook is part of what a network does, so a network that is counted has to be from the start.
    counted(model)

    def stop(done: int, _: int) -> None:
        if done == batch + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hmmlens.extract(model, inputs, store=path, batch_size=4, progress=stop, **options)
    assert not path.exists()
    with pytest.raises(StoreError, match="there is no store here"):
        read_tree(path)


def counted(model: Any) -> list[int]:
    """Return a list that grows with every run of the model."""
    runs: list[int] = []
    model.register_forward_hook(lambda m, i, o: runs.append(len(o)))
    return runs


RESUMED: dict[str, Any] = {"gates": True, "verify": "none", "units": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the hash of a store that was written without an interruption."""
    path = tmp_path_factory.mktemp("whole") / "a.zarr"
    hmmlens.extract(model_of(), inputs_of(), store=path, batch_size=4, **RESUMED)
    return digest(path)


@pytest.mark.parametrize("batch", range(6))
@pytest.mark.parametrize("torn", ["log", "chunk", "stray"])
def test_what_is_interrupted_goes_on_to_the_same_bytes(
    tmp_path: Path, batch: int, torn: str, whole: str
) -> None:
    options, inputs = RESUMED, inputs_of()
    path = tmp_path / "a.zarr"
    interrupted(path, batch, model_of(), inputs, **options)
    partial = tmp_path / "a.zarr.partial"
    if torn == "log":
        with open(partial / LOG, "a") as log:
            log.write('{"digest": "12')
    elif torn == "chunk" and batch < 5:
        # The batch after the last whole one had begun.
        (partial / "rnn_l0" / "hidden" / "c" / str(batch + 1) / "0").mkdir(parents=True)
        (partial / f"rnn_l0/hidden/c/{batch + 1}/0/0").write_bytes(b"half of a chunk")
    else:
        (partial / "rnn_l0" / "hidden" / "c" / "0" / "0" / "0.1f.partial").write_bytes(b"half")
    model = model_of()
    runs = counted(model)
    hmmlens.extract(model, inputs, store=path, batch_size=4, **options)
    # The last whole batch runs once more, to see whether the network is what it was.
    assert len(runs) == 6 - batch
    assert digest(path) == whole
    assert not partial.exists()


class Scaled(torch.nn.Module):
    """A module with a setting that is no weight, which may carry its state from call to call."""

    def __init__(self, scale: float, carries: bool = False) -> None:
        super().__init__()
        self.rnn, self.scale, self.carries = torch.nn.GRU(3, 5, batch_first=True), scale, carries
        self.state: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, last = self.rnn(self.scale * x, self.state)
        self.state = last if self.carries else None
        return states


@pytest.mark.parametrize("carries", [False, True])
def test_a_network_that_does_something_else_is_not_continued(tmp_path: Path, carries: bool) -> None:
    path, inputs = tmp_path / "a.zarr", inputs_of()[:20]
    options: dict[str, Any] = {"batch_size": 4, "verify": "none"}
    interrupted(path, 2, seeded(Scaled, 1.0, carries), inputs, verify="none")
    model = seeded(Scaled, 1.0 if carries else 2.0, carries)
    runs = counted(model)
    tree = hmmlens.extract(model, inputs, store=path, **options)
    # A setting is seen at once; that a state is carried, when one batch runs once more.
    assert len(runs) == 5 + carries
    if not carries:
        expected = hmmlens.extract(model, inputs, **options)
        xr.testing.assert_identical(tree.load(), expected)


@pytest.mark.parametrize("what", ["weights", "inputs", "settings", "labels"])
def test_what_was_made_from_something_else_is_not_continued(tmp_path: Path, what: str) -> None:
    path, inputs, model = tmp_path / "a.zarr", inputs_of(), model_of()
    interrupted(path, 2, model_of(), inputs, labels={"split": np.zeros(23)})
    options: dict[str, Any] = {"labels": {"split": np.zeros(23)}, "batch_size": 4}
    if what == "weights":
        with torch.no_grad():
            model.rnn.weight_hh_l1[2, 1] += 1e-6
    elif what == "inputs":
        inputs[5, 3, 1] += 1
    elif what == "settings":
        options["warm_up"] = 1
    else:
        options["labels"] = {"split": np.ones(23)}
    runs = counted(model)
    tree = hmmlens.extract(model, inputs, store=path, verify="none", **options)
    assert len(runs) == 6
    xr.testing.assert_identical(
        tree.load(), hmmlens.extract(model, inputs, verify="none", **options)
    )


def test_the_unfinished_store_may_lie_elsewhere(tmp_path: Path) -> None:
    path, partial = tmp_path / "results" / "a.zarr", tmp_path / "checkpoints" / "a"
    interrupted(path, 1, model_of(), inputs_of(), partial=partial)
    assert (partial / LOG).exists()
    hmmlens.extract(model_of(), inputs_of(), store=path, partial=partial, batch_size=4)
    assert not partial.exists()
    assert read_tree(path).attrs["replay_error"] < 1e-6


SCRIPT = """
import os, signal, sys
import torch, hmmlens
from tests.recording.test_store import inputs_of, model_of
path, last = sys.argv[1], int(sys.argv[2])
n_lines = 0

def kill(event, args):
    # In the middle of a batch: at the first chunk that is written after so many lines of the log.
    global n_lines
    if event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR) and str(args[0]).startswith(path):
        if n_lines == last:
            os.kill(os.getpid(), signal.SIGKILL)
        n_lines += str(args[0]).endswith("batches.jsonl")

sys.addaudithook(kill)
hmmlens.extract(model_of(), inputs_of(), store=path, batch_size=1, gates=True)
"""


def extraction(path: Path, last: int) -> int:
    """Run an extraction, killed after it wrote to its log ``last`` times; return its exit code."""
    command = [sys.executable, "-c", SCRIPT, str(path), str(last)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


@pytest.mark.study
def test_a_killed_process_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    assert extraction(tmp_path / "whole", -1) == 0
    path = tmp_path / "a.zarr"
    log = tmp_path / "a.zarr.partial" / LOG
    batches = []
    for last in (6, 9):
        assert extraction(path, last) == -signal.SIGKILL
        batches.append(len(log.read_text().splitlines()) - 1)
        assert not path.exists()
    # The first line of a run is the log's head.
    assert batches == [5, 13]
    assert extraction(path, -1) == 0
    assert digest(path) == digest(tmp_path / "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "whole"]


@pytest.mark.study
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Four times the sequences take no more memory."""
    code = """
import resource, sys
import numpy as np, torch, hmmlens
torch.set_num_threads(1)
class Endless:
    shape, dtype = (int(sys.argv[2]), 100, 8), np.dtype("f4")
    def __getitem__(self, rows):
        shape = (rows.stop - rows.start, 100, 8)
        return np.random.default_rng(rows.start).normal(size=shape).astype("f4")
model = torch.nn.Sequential()
model.rnn = torch.nn.GRU(8, 256, batch_first=True)
model.forward = lambda x: model.rnn(x)[1][0]
hmmlens.extract(model, Endless(), store=sys.argv[1], batch_size=32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    peaks = []
    for n in (256, 1024):
        command = [sys.executable, "-c", code, str(tmp_path / str(n)), str(n)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    # The longer store is 79 MB larger.
    assert peaks[1] - peaks[0] < 15
