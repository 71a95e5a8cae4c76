"""Data that come in parts give what the whole gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.reduction import reduced_store
from hmmlens.reduction.base import REDUCERS, ReducerSettings
from hmmlens.stats.moments import Moments


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(sum),
    offset=st.floats(-1e6, 1e6),
    seed=st.integers(0, 2**32 - 1),
)
def test_moments_of_parts_are_those_of_the_whole(
    sizes: list[int], offset: float, seed: int
) -> None:
    frames = offset + np.random.default_rng(seed).normal(size=(sum(sizes), 3))
    plain, products = Moments(), Moments(products=True)
    for part in np.split(frames, np.cumsum(sizes)[:-1]):
        plain.add(part)
        products.add(part)
    assert plain.n == products.n == len(frames)
    np.testing.assert_allclose(plain.mean, frames.mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(plain.smallest, frames.min(axis=0))
    np.testing.assert_array_equal(plain.largest, frames.max(axis=0))
    apart = frames - frames.mean(axis=0)
    np.testing.assert_allclose(products.squares, apart.T @ apart, atol=1e-6)
    for found in (plain, products):
        np.testing.assert_allclose(found.variance, frames.var(axis=0), atol=1e-8)


def recorded(seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Return root and layer of an LSTM with sequences of several lengths, and a dead unit."""
    rng = np.random.default_rng(seed)
    length = rng.integers(5, 31, size=50)
    dims = ("sequence", "time", "unit")
    arrays = {}
    for name, scale in (("hidden", 1.0), ("cell", 20.0)):
        state = scale * rng.normal(size=(50, 30, 3)) @ rng.normal(size=(3, 6)) + 7
        state[..., 4] = 0.25
        state[np.arange(30) >= length[:, None]] = 1e9
        arrays[name] = (dims, state.astype(np.float32))
    split = rng.permutation(np.repeat([0, 1, 2], [30, 10, 10]))
    root = xr.Dataset({"length": ("sequence", length), "split": ("sequence", split)})
    return root, xr.Dataset(arrays)


KINDS: dict[str, dict[str, Any]] = {
    "pca": {"n_components": 4},
    "factor_analysis": {"n_components": 3},
    "ica": {"n_components": 3},
    "identity": {},
    "tsne": {"n_components": 2, "perplexity": 10.0, "max_fit_frames": 60},
}


@pytest.mark.parametrize("which", ["hidden", "both"])
def test_states_are_read_in_parts(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root, layer = recorded()
    whole = activations.state(root, layer, which)
    monkeypatch.setattr(activations, "PART_BYTES", 8 * 30 * 12 * 17)
    states = activations.States(root, layer, which)
    parts = list(states.parts())
    # A multiple of 8 for half as many units again.
    assert [len(part.inside) for part in parts][:-1] == [states.rows] * (len(parts) - 1)
    assert states.rows % 8 == 0 and len(parts) >= 2
    for part in parts:
        np.testing.assert_allclose(part.frames, whole[part.rows][part.inside], rtol=1e-12)
    np.testing.assert_allclose(activations.state(root, layer, which), whole, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_reductions_in_parts_are_those_of_the_whole(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, layer = recorded()
    settings_ = {"kind": kind, **KINDS[kind]}
    state = activations.state(root, layer, "both")
    whole = reduced_store.reduced(state, root, settings_, 3)

    monkeypatch.setattr(activations, "PART_BYTES", 8 * 30 * 12 * 17)
    monkeypatch.setattr(store, "CHUNK_BYTES", 8 * 30 * 2 * 6)
    path = tmp_path / "reduced.zarr"
    states = activations.States(root, layer, "both")
    reduced_store.write_reduced(states, root, settings_, 3, path, {"seed": 3})
    found = store.read(path, "reduced").load()
    assert found.attrs["seed"] == 3 and found.attrs["store"] == "reduced"
    assert found["reduced"].dims == whole["reduced"].dims
    for name in ("length", "split"):
        xr.testing.assert_equal(found[name], whole[name])
    assert found.attrs["n_dead_units"] == whole.attrs["n_dead_units"] == 2
    one, other = found["reduced"].to_numpy(), whole["reduced"].to_numpy()
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    if kind == "tsne":
        # Frames are placed together with those of their part, on the same map.
        distance = np.linalg.norm(one - other, axis=2)
        spread = np.nanstd(other)
        assert np.nanmedian(distance) < 0.2 * spread
    else:
        np.testing.assert_allclose(one, other, atol=1e-8)
    assert not list(tmp_path.glob("*.partial"))


def test_a_reducer_without_chunks_gets_all_train_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting:
        def fit(self, frames: np.ndarray) -> None:
            self.n = len(frames)

        def transform(self, frames: np.ndarray) -> np.ndarray:
            return frames[:, :1]

    made = Counting()

    class Settings(ReducerSettings):
        def build(self, random_state: int) -> Counting:  # type: ignore[override]
            return made

    monkeypatch.setattr(REDUCERS, "_members", {"counting": Settings})
    monkeypatch.setattr(activations, "PART_BYTES", 8 * 30 * 12 * 17)
    root, layer = recorded()
    states = activations.States(root, layer, "hidden")
    reduced_store.write_reduced(states, root, {"kind": "counting"}, 0, tmp_path / "c.zarr", {})
    train = root["split"].to_numpy() == 0
    assert made.n == root["length"].to_numpy()[train].sum()


def test_a_store_that_is_written_in_parts_has_whole_chunks(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(20, 5, 3))
    small = xr.Dataset({"length": ("sequence", np.full(20, 5))})
    path = tmp_path / "x.zarr"
    with store.writing(small, path, "reduced", {"seed": 1}) as writer:
        writer.create("reduced", values.shape, ("sequence", "time", "component"), 8)
        for first in range(0, 20, 8):
            rows = slice(first, min(first + 8, 20))
            writer.write("reduced", rows, values[rows])
        assert not path.exists()
    found = store.read(path, "reduced")
    np.testing.assert_array_equal(found["reduced"], values)
    assert found["reduced"].encoding["chunks"] == (8, 5, 3)
    with pytest.raises(ValueError, match="half"), store.writing(small, path, "reduced", {}):
        raise ValueError("half")
    # What was there is kept.
    assert store.read(path, "reduced").attrs["seed"] == 1
