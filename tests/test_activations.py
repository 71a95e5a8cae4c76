"""What is recorded is what the network held, whatever the batches, and it replays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens import activations, store
from hmmlens.activations import MIN_SEQUENCES, thin
from hmmlens.errors import DataError, StoreError
from hmmlens.networks import cells
from hmmlens.networks.cells import RecurrentNetwork, State


@st.composite
def splits(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw the split and the common length of sequences, and how many frames to keep."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    split = np.repeat(np.arange(len(sizes)), sizes)
    split = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).permutation(split)
    length = draw(st.integers(1, 50))
    return split, np.full(len(split), length), draw(st.integers(1, 2 * len(split) * length))


@settings(max_examples=200, deadline=None)
@given(splits())
def test_thinning_keeps_every_split_and_stays_near_the_aim(
    drawn: tuple[np.ndarray, np.ndarray, int],
) -> None:
    split, length, max_frames = drawn
    chosen = thin(split, length, max_frames)
    assert np.all(np.diff(chosen) > 0)
    assert set(chosen) <= set(range(len(split)))
    sizes = np.bincount(split)
    kept = np.bincount(split[chosen], minlength=len(sizes))
    smallest = np.minimum(sizes, MIN_SEQUENCES)
    assert np.all(kept >= smallest)
    aim = max_frames // length[0]
    if aim >= len(split):
        assert len(chosen) == len(split)
    # Above the aim only where the smallest numbers ask for it; below by rounding in each split.
    largest = sizes.argmax()
    assert len(chosen) <= max(aim, 1) or kept[largest] == smallest[largest]
    assert len(chosen) >= min(aim, len(split)) - len(sizes)
    # Every split keeps its share, but the largest makes room.
    share = min(1, max_frames / length.sum())
    others = np.arange(len(sizes)) != largest
    assert np.all(abs(kept - np.maximum(share * sizes, smallest))[others] <= 1)


def test_thinning_is_even_within_a_split() -> None:
    split = np.tile([0, 1], 50)
    chosen = thin(split, np.full(100, 10), 400)
    for part in (0, 1):
        gaps = np.diff(chosen[split[chosen] == part]) / 2
        assert len(gaps) == 19
        assert gaps.min() >= 2
        assert gaps.max() <= 3
    assert {0, 1, 98, 99} <= set(chosen)


def network(cell: str = "lstm", n_layers: int = 2, symbols: bool = False) -> RecurrentNetwork:
    return cells.initialise(
        1,
        cell=cell,
        n_inputs=3,
        n_outputs=2,
        n_units=5,
        n_layers=n_layers,
        symbols_in=symbols,
        symbols_out=symbols,
    )


def values(n_sequences: int = 7, n_steps: int = 9) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_sequences, n_steps, 3)).astype(np.float32)


def test_cell_state_of_an_lstm_equals_its_equations() -> None:
    net, x = network(n_layers=1), values()
    w = {k: v.detach().double().numpy() for k, v in net.layers[0].state_dict().items()}
    h, c = np.zeros((2, 7, 5))
    hidden, cell = [], []
    for t in range(9):
        gates = x[:, t] @ w["weight_ih_l0"].T + w["bias_ih_l0"]
        gates = gates + h @ w["weight_hh_l0"].T + w["bias_hh_l0"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        hidden.append(h)
        cell.append(c)
    tree = activations.extract(net, x)
    np.testing.assert_allclose(tree["layer0/hidden"], np.stack(hidden, axis=1), atol=1e-6)
    np.testing.assert_allclose(tree["layer0/cell"], np.stack(cell, axis=1), atol=1e-6)
    out = np.stack(hidden, axis=1) @ net.out.weight.detach().numpy().T
    np.testing.assert_allclose(tree["output"], out + net.out.bias.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_extraction_names_every_layer(cell: str) -> None:
    net, x = network(cell), values()
    tree = activations.extract(net, x)
    assert list(tree.children) == ["layer0", "layer1"]
    assert tree["output"].dims == ("sequence", "time", "output")
    with torch.no_grad():
        fused = net.hidden(torch.from_numpy(x))
    for index in range(2):
        layer = tree[f"layer{index}"]
        assert set(layer.data_vars) == ({"hidden", "cell"} if cell == "lstm" else {"hidden"})
        assert layer["hidden"].dims == ("sequence", "time", "unit")
        np.testing.assert_allclose(layer["hidden"], fused[index], atol=1e-6)
    assert 0 <= tree.attrs["replay_error"] < 1e-5


@settings(max_examples=12, deadline=None)
@given(batch_size=st.integers(1, 12), cell=st.sampled_from(["vanilla", "gru", "lstm"]))
def test_batches_do_not_matter(batch_size: int, cell: str) -> None:
    net, x = network(cell), values()
    whole = activations.extract(net, x, batch_size=64)
    parts = activations.extract(net, x, batch_size=batch_size)
    for node in whole.subtree:
        for name, array in node.data_vars.items():
            np.testing.assert_allclose(parts[node.path][name], array, atol=1e-6)


@pytest.mark.parametrize("symbols", [False, True], ids=["values", "symbols"])
def test_record_holds_what_extract_gives(tmp_path: Path, symbols: bool) -> None:
    net = network(symbols=symbols)
    x = values()
    if symbols:
        x = np.random.default_rng(0).integers(0, 3, size=(7, 9)).astype(np.int16)
    labels = {
        "sequence": np.array([0, 2, 3, 5, 8, 9, 11]),
        "length": np.full(7, 9, dtype=np.int32),
        "split": np.array([0, 0, 1, 2, 2, 0, 1], dtype=np.int8),
    }
    path = tmp_path / "activations.zarr"
    error = activations.record(net, x, path, labels, {"seed": 3, "study": "demo"}, batch_size=3)
    root = activations.read(path)
    tree = activations.extract(net, x)
    np.testing.assert_array_equal(root["input"], x)
    assert root["input"].dtype == x.dtype
    assert root["input"].dims == ("sequence", "time", "feature")[: x.ndim]
    np.testing.assert_allclose(root["output"], tree["output"], atol=1e-6)
    assert root["output"].dims == ("sequence", "time", "output")
    for name, array in labels.items():
        np.testing.assert_array_equal(root[name], array)
        assert root[name].dtype == array.dtype
    for layer in ("layer0", "layer1"):
        found = activations.read(path, layer)
        assert set(found.data_vars) == {"hidden", "cell"}
        for name, array in found.data_vars.items():
            assert array.dims == ("sequence", "time", "unit")
            np.testing.assert_allclose(array, tree[layer][name], atol=1e-6)
    assert root.attrs["replay_error"] == error < 1e-5
    assert (root.attrs["seed"], root.attrs["study"]) == (3, "demo")
    assert root.attrs["schema_version"] == store.SCHEMA_VERSION
    with pytest.raises(StoreError, match="holds 'activations', but 'sweep' is expected"):
        store.read(path, "sweep")


def tamper(
    monkeypatch: pytest.MonkeyPatch, net: RecurrentNetwork, layer: int, step: int, by: float
) -> None:
    """Let stepping go wrong by a constant in one layer from one step on."""
    right, calls = net.step, iter(range(10**6))

    def wrong(state: State, inputs: torch.Tensor) -> State:
        new = list(right(state, inputs))
        if next(calls) == step:
            new[layer] = (new[layer][0] + by, *new[layer][1:])
        return tuple(new)

    monkeypatch.setattr(net, "step", wrong)


@pytest.mark.parametrize(("layer", "step"), [(0, 0), (0, 5), (1, 3), (1, 8)])
def test_replay_that_differs_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: int, step: int
) -> None:
    net = network("gru")
    tamper(monkeypatch, net, layer, step, 0.5)
    with pytest.raises(DataError) as caught:
        activations.record(net, values(), tmp_path / "a.zarr", {}, {}, batch_size=64)
    assert str(caught.value) == (
        f"the recorded states do not replay: layer {layer}, step {step} "
        "differs by 0.5, above 0.0001"
    )
    assert list(tmp_path.iterdir()) == []


def test_small_differences_are_reported_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network("gru")
    tamper(monkeypatch, net, 1, 8, 5e-5)
    assert activations.extract(net, values()).attrs["replay_error"] == pytest.approx(5e-5, rel=0.1)


@pytest.mark.parametrize("layer", [0, 1])
def test_states_that_are_not_numbers_are_told(monkeypatch: pytest.MonkeyPatch, layer: int) -> None:
    net = network("gru")
    tamper(monkeypatch, net, layer, 8, math.nan)
    with pytest.raises(DataError, match=f"layer {layer}, step 8 differs by nan"):
        activations.extract(net, values())
    broken = network("gru")
    with torch.no_grad():
        broken.layers[layer].weight_hh_l0[0, 0] = math.nan
    with pytest.raises(DataError, match=f"layer {layer}, step 0 differs by nan"):
        activations.extract(broken, values())


def layer_of(**arrays: Any) -> xr.Dataset:
    return xr.Dataset({name: (("sequence", "time", "unit"), a) for name, a in arrays.items()})


def test_layer_state_is_what_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(3, 4, 5)).astype(np.float32)
    cell = (20 * rng.normal(size=(3, 4, 5)) + 7).astype(np.float32)
    lstm, gru = layer_of(hidden=hidden, cell=cell), layer_of(hidden=hidden)
    for which in ("hidden", "cell", "both"):
        np.testing.assert_array_equal(activations.layer_state(gru, which), hidden)
    np.testing.assert_array_equal(activations.layer_state(lstm, "hidden"), hidden)
    np.testing.assert_array_equal(activations.layer_state(lstm, "cell"), cell)
    both = activations.layer_state(lstm, "both")
    assert both.shape == (3, 4, 10)
    assert both.dtype == np.float64
    # Neither drowns the other, and both keep their form.
    for part, source in ((both[..., :5], hidden), (both[..., 5:], cell)):
        assert part.std() == pytest.approx(1, rel=1e-6)
        np.testing.assert_allclose(part / part[0, 0, 0], source / source[0, 0, 0], rtol=1e-5)
