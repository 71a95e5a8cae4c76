"""One long recording is cut in time; what the blocks hold is what the recording holds there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.own import blocks
from hmmlens.datasets.own.base import Blocks
from hmmlens.datasets.own.files import from_file
from hmmlens.datasets.own.npz import NpzData
from hmmlens.datasets.own.table import TableData
from hmmlens.errors import DataError
from hmmlens.recording import in_memory
from hmmlens.recording.inputs import Source

SHARES = {"train": 0.6, "select": 0.2, "test": 0.2}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=2),
    st.none() | st.integers(0, 200),
    st.integers(3, 60),
    st.integers(2, 80),
)
def test_blocks_are_disjoint_in_order_and_apart(
    lengths: list[int], gap: int | None, count: int, shortest: int
) -> None:
    options = Blocks(count=count, shortest=shortest, gap=gap)
    length = np.array(lengths)
    try:
        cut = blocks.cut(length, SHARES, options, ["a", "b"])
    except DataError as error:
        left = [n - 2 * (n // 20 if gap is None else gap) for n in lengths]
        assert min(left) * 0.2 < shortest + 1
        assert "is too short to be cut into them" in str(error)
        return
    assert cut.length.min() >= shortest
    for recording, n in enumerate(lengths):
        mine = cut.recording == recording
        between = n // 20 if gap is None else gap
        first, last = cut.first[mine], cut.first[mine] + cut.length[mine]
        split = cut.split[mine]
        assert sorted(set(split)) == [0, 1, 2]
        assert (np.diff(split) >= 0).all()
        # Blocks follow each other without a step between, but for the gaps.
        np.testing.assert_array_equal(first[1:] - last[:-1], np.diff(split) * between)
        assert (first[0], last[-1]) == (0, n)
        steps = np.bincount(split, weights=cut.length[mine])
        np.testing.assert_allclose(steps, np.array([0.6, 0.2, 0.2]) * (n - 2 * between), atol=1)
        assert len(split) <= count + 2
        # No block is much longer than another of its split.
        for part in range(3):
            assert np.ptp(cut.length[mine][split == part]) <= 1
    values = np.random.default_rng(0).normal(size=(len(lengths), length.max(), 2))
    taken = cut.of_steps(values, -7)
    for block, (i, first, n) in enumerate(zip(cut.recording, cut.first, cut.length, strict=True)):
        np.testing.assert_array_equal(taken[block, :n], values[i, first : first + n])
        assert (taken[block, n:] == -7).all()


def recording(n: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(1, n, 2)), rng.integers(-1, 3, size=(1, n))


def check(data: Any, inputs: np.ndarray, states: np.ndarray) -> None:
    """Hold blocks of 1000 steps against the recording: 50 are left out between the splits."""
    assert data.sizes["sequence"] == 10 + 3 + 3
    assert np.bincount(data["split"]).tolist() == [10, 3, 3]
    edges = {0: (0, 540), 1: (590, 770), 2: (820, 1000)}
    for split, (begin, end) in edges.items():
        mine = data.isel(sequence=np.flatnonzero(data["split"] == split))
        found = [mine["input"].to_numpy()[i, : int(n)] for i, n in enumerate(mine["length"])]
        np.testing.assert_allclose(np.concatenate(found), inputs[0, begin:end], rtol=1e-6)
        known = [mine["state"].to_numpy()[i, : int(n)] for i, n in enumerate(mine["length"])]
        np.testing.assert_array_equal(np.concatenate(known), states[0, begin:end])
        assert int(mine["first_step"][0]) == begin
    note = data.attrs["cut"]
    assert "one recording of 1000 steps was cut in time: train has" in note
    assert "train has its steps 1 to 540 in 10 blocks" in note
    assert "select has its steps 591 to 770 in 3 blocks" in note
    assert "test has its steps 821 to 1000 in 3 blocks" in note
    assert "the network starts from its initial state" in note


def test_memory_and_files_are_cut_alike(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inputs, states = recording()
    held = in_memory.sequences(Source(inputs), states, None, {}, 0)
    check(held, inputs, states)
    assert held.attrs["cut"] in caplog.text
    path = tmp_path / "d.npz"
    np.savez(path, input=inputs, state=states)
    options: dict[str, Any] = {"path": str(path), "standardise": False}
    found = from_file(NpzData(kind="npz", **options), np.random.default_rng(0))
    check(found, inputs, states)
    # Targets lie in the same block, and are missing where they would not.
    for block, n in enumerate(found["length"].to_numpy()):
        target = found["target"].to_numpy()[block]
        np.testing.assert_allclose(target[: n - 1], found["input"][block, 1:n])
        assert np.isnan(target[n - 1 :]).all()
    rows = {"trial": "a", "t": range(1000), "x": inputs[0, :, 0], "y": inputs[0, :, 1]}
    pd.DataFrame({**rows, "phase": states[0]}).to_csv(tmp_path / "d.csv", index=False)
    columns = {"sequence": "trial", "time": "t", "inputs": ["x", "y"], "truth": "phase"}
    options["path"] = str(tmp_path / "d.csv")
    table = TableData(kind="table", columns=columns, **options)
    check(from_file(table, np.random.default_rng(0)), inputs, states)


def test_symbols_and_settings(tmp_path: Path) -> None:
    symbols = np.random.default_rng(0).integers(0, 3, size=(2, 400))
    path = tmp_path / "d.npz"
    np.savez(path, input=symbols, length=np.array([400, 300]), group=np.array(["a", "b"]))
    options: dict[str, Any] = {"kind": "npz", "path": str(path)}
    options["blocks"] = {"count": 10, "shortest": 20, "gap": 30}
    data = from_file(NpzData(**options), np.random.default_rng(0))
    assert np.bincount(data["split"]).tolist() == [12, 4, 4]
    assert np.bincount(data["group"]).tolist() == [10, 10]
    assert "2 recordings were cut in time: of 0 (400 steps), train" in data.attrs["cut"]
    with pytest.raises(DataError, match=r"holds 2 groups, but train, select and test each need"):
        from_file(NpzData(**options, split_by="group"), np.random.default_rng(0))


def test_a_split_that_is_given_stands() -> None:
    inputs, _ = recording()
    with pytest.raises(DataError, match="split must give each sequence"):
        in_memory.sequences(Source(inputs), None, [0], {}, 0)


@pytest.mark.parametrize("n", [2, 100, 270])
def test_short_recordings_are_reported(tmp_path: Path, n: int) -> None:
    inputs, _ = recording(n)
    sentence = f"sequence '0' of {n} steps is too short to be cut into them: .* wants 50 or more"
    with pytest.raises(DataError, match=sentence):
        in_memory.sequences(Source(inputs), None, None, {}, 0)
    path = tmp_path / "d.npz"
    np.savez(path, input=inputs)
    with pytest.raises(DataError, match=rf"d\.npz: there is 1 sequence and no split, .*{sentence}"):
        from_file(NpzData(kind="npz", path=str(path)), np.random.default_rng(0))
