"""Sweeps of data that are read in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from hmmlens.errors import DataError
from hmmlens.hmm import HMMSweep, selection, storage
from hmmlens.hmm.sweeping import data_summary, inputs
from hmmlens.io import store

LENGTHS = np.array([40, 12, 33, 40, 7, 40, 25, 40, 40, 18])


def values(seed: int = 0) -> np.ndarray:
    """Return (sequence, time, component) from three sticky places, NaN past each end."""
    rng = np.random.default_rng(seed)
    moves = rng.random((len(LENGTHS), 40)) < 0.1
    state = np.cumsum(moves, axis=1) % 3
    found = 4.0 * np.eye(3)[state] + rng.normal(size=(*state.shape, 3)) + [100, 0, -50]
    found[np.arange(40) >= LENGTHS[:, None]] = np.nan
    return found


def chunks(data: np.ndarray, lengths: np.ndarray, size: int = 3) -> Callable[[], Iterator[Any]]:
    """Return a function that gives sequences a few at a time."""
    return lambda: ((data[i : i + size], lengths[i : i + size]) for i in range(0, len(data), size))


def sweep(**settings: Any) -> HMMSweep:
    given = {"covariance_types": ["tied", "diag"], "n_restarts": 3, "max_iter": 25, **settings}
    return HMMSweep([1, 2, 3], random_state=4, **given)


def same(one: HMMSweep, other: HMMSweep) -> None:
    """Hold two sweeps of the same frames, in other chunks, against each other."""
    counts = ["covariance_type", "n_states", "restart", "n_parameters", "n_iter", "converged"]
    pd.testing.assert_frame_equal(one.results_[counts], other.results_[counts])
    for name in ("log_likelihood", "bic", "icl", "held_out", "min_occupancy"):
        np.testing.assert_allclose(one.results_[name], other.results_[name], rtol=1e-7)
    assert one.n_frames_ == other.n_frames_ and one.n_components_ == other.n_components_
    for place, model in one.models_.items():
        np.testing.assert_allclose(model.transmat_, other.models_[place].transmat_, atol=1e-6)


@pytest.mark.parametrize("halving", [False, True])
def test_chunks_give_what_the_whole_gives(halving: bool) -> None:
    data, held = values(), values(1)
    settings = {"halving": halving, "n_restarts": 5 if halving else 3}
    whole = sweep(**settings).fit(data, LENGTHS, held, LENGTHS)
    parts = sweep(**settings).fit(chunks(data, LENGTHS), held_out=chunks(held, LENGTHS, 4))
    same(whole, parts)
    assert whole.constant_ == parts.constant_ == []
    # All sequences are few enough to be looked at.
    np.testing.assert_allclose(whole.sample_sizes_, parts.sample_sizes_, rtol=1e-9)


def test_symbols_come_in_chunks_too() -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4, size=(10, 40))
    held = rng.integers(0, 6, size=(10, 40))
    settings = {"emission": "categorical"}
    whole = sweep(**settings).fit(data, LENGTHS, held, LENGTHS)
    parts = sweep(**settings).fit(chunks(data, LENGTHS), held_out=chunks(held, LENGTHS))
    same(whole, parts)
    # A symbol that only held-out data show, and only past its chunk's first sequences.
    assert parts.models_["none", 3].emissionprob_.shape == (3, 6)


@pytest.mark.study
def test_zarr_arrays_are_read_in_slices(tmp_path: Path) -> None:
    data = np.nan_to_num(values())
    array = zarr.create_array(tmp_path / "x.zarr", shape=data.shape, chunks=(2, 40, 3), dtype="f8")
    array[:] = data
    # So little memory that slices are of one sequence.
    parts = sweep(memory_limit=8 * 8 * 40 * 3).fit(array, LENGTHS)
    whole = sweep(memory_limit=8 * 8 * 40 * 3).fit(data, LENGTHS)
    same(whole.fit(data, LENGTHS, data, LENGTHS), parts.fit(array, LENGTHS, array, LENGTHS))


@pytest.mark.study
def test_processes_share_chunks() -> None:
    data = values()
    one = sweep(max_iter=5).fit(chunks(data, LENGTHS), held_out=chunks(data, LENGTHS))
    two = sweep(max_iter=5, n_jobs=2).fit(chunks(data, LENGTHS), held_out=chunks(data, LENGTHS))
    pd.testing.assert_frame_equal(
        one.results_.drop(columns="seconds"), two.results_.drop(columns="seconds")
    )


def test_correlations_of_long_data_are_those_of_sequences_spread_over_them() -> None:
    rng = np.random.default_rng(0)
    # A first half of noise and a second of slow movement: half of each is looked at.
    n = 200
    slow = np.cumsum(rng.normal(size=(n // 2, 50, 1)), axis=1)
    data = np.concatenate([rng.normal(size=(n // 2, 50, 1)), slow])
    source = inputs.chunked(HMMSweep([1]), chunks(data, np.full(n, 50), 7), None, "X", None)
    some = data_summary.whole_sequences(source, 1000)
    assert 500 <= len(some.frames) <= 1000 and (some.lengths == 50).all()
    deviations = np.array([one.std() for one in some.frames.reshape(-1, 50)])
    assert 0.3 < (deviations > 2).mean() < 0.7
    full = data_summary.whole_sequences(source, 10**6)
    np.testing.assert_array_equal(full.frames, data.reshape(-1, 1))
    assert selection.sample_sizes(full.frames, full.lengths).n_sequences == n


def reduced_store(path: Path) -> xr.Dataset:
    data = xr.Dataset(
        {
            "reduced": (("sequence", "time", "component"), values()),
            "length": ("sequence", LENGTHS),
            "split": ("sequence", np.array([0, 1, 0, 0, 2, 0, 1, 0, 2, 0])),
        },
        attrs={"emission": "gaussian"},
    )
    store.write(data, path, "reduced", {})
    return store.read(path, "reduced")


def test_a_large_store_is_swept_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = reduced_store(tmp_path / "r.zarr")
    settings = {"n_states": [1, 2, 3], "n_restarts": 2, "random_state": 1}
    whole = storage.results(storage.fit(data, **settings))
    read = []
    monkeypatch.setattr(storage, "STREAM_BYTES", 1000)
    monkeypatch.setattr(storage, "CHUNK_BYTES", 3 * 40 * 3 * 8)
    inner = storage.chunks

    def counted(reduced: xr.Dataset, part: int) -> Iterator[Any]:
        for values_, lengths in inner(reduced, part):
            assert len(values_) == len(lengths) <= 3
            read.append(part)
            yield values_, lengths

    monkeypatch.setattr(storage, "chunks", counted)
    parts = storage.results(storage.fit(data, **settings))
    names = ["log_likelihood", "bic", "held_out"]
    np.testing.assert_allclose(parts[names], whole[names], rtol=1e-7)
    # Every step of EM read all four chunks with train sequences; the test split was never read.
    steps = parts.groupby("n_states")["n_iter"].max().sum()
    assert read.count(0) >= 4 * steps and set(read) == {0, 1}


def test_too_few_frames_and_the_wrong_engine_are_reported() -> None:
    data = values()[:1, :2]
    with pytest.raises(DataError, match="X has 2 frames, fewer than n_components=3"):
        sweep().fit(lambda: iter([data]))
    with pytest.raises(DataError, match="the hmmlearn engine wants X as an array, not in chunks"):
        sweep(engine="hmmlearn").fit(lambda: iter([data]))
    with pytest.raises(DataError, match="give a function that returns one"):
        sweep().fit(iter([data]))
    with pytest.raises(DataError, match=r"not finite.*counted within chunk 0"):
        sweep().fit(lambda: iter([values()[:, :, :2]]))
