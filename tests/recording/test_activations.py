"""The sequences that are recorded, and what a layer's state is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import DataError
from hmmlens.recording import activations
from hmmlens.recording.activations import thin


@st.composite
def splits(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw the split and the common length of sequences, and how many frames to keep."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    split = np.repeat(np.arange(len(sizes)), sizes)
    split = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).permutation(split)
    length = draw(st.integers(1, 50))
    return split, np.full(len(split), length), draw(st.integers(1, 2 * len(split) * length))


@settings(max_examples=200, deadline=None)
@given(splits(), st.integers(1, 10))
def test_thinning_keeps_every_split_and_stays_near_the_aim(
    drawn: tuple[np.ndarray, np.ndarray, int], min_sequences: int
) -> None:
    split, length, max_frames = drawn
    chosen = thin(split, length, max_frames, min_sequences)
    assert np.all(np.diff(chosen) > 0)
    assert set(chosen) <= set(range(len(split)))
    sizes = np.bincount(split)
    kept = np.bincount(split[chosen], minlength=len(sizes))
    smallest = np.minimum(sizes, min_sequences)
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


def test_what_describes_the_input_is_read_by_networks_that_were_trained_on_it() -> None:
    data = xr.Dataset({name: (("sequence", "time"), np.full((1, 2), i))
                       for i, name in enumerate(("input", "fed"))})  # fmt: skip
    assert activations.network_input(data, "trained").name == "input"
    assert activations.network_input(data, "adapter").name == "fed"
    assert activations.network_input(data[["input"]], "torch").name == "input"


def layer_of(**arrays: Any) -> xr.Dataset:
    return xr.Dataset({name: (("sequence", "time", "unit"), a) for name, a in arrays.items()})


def test_layer_state_is_what_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(3, 4, 5)).astype(np.float32)
    cell = (20 * rng.normal(size=(3, 4, 5)) + 7).astype(np.float32)
    lstm, gru = layer_of(hidden=hidden, cell=cell), layer_of(hidden=hidden)
    root = xr.Dataset({"length": ("sequence", np.full(3, 4))})
    for which in ("hidden", "cell", "both"):
        np.testing.assert_array_equal(activations.state(root, gru, which), hidden)
    np.testing.assert_array_equal(activations.state(root, lstm, "hidden"), hidden)
    np.testing.assert_array_equal(activations.state(root, lstm, "cell"), cell)
    both = activations.state(root, lstm, "both")
    assert both.shape == (3, 4, 10)
    assert both.dtype == np.float64
    # Neither drowns the other, and both keep their form.
    for part, source in ((both[..., :5], hidden), (both[..., 5:], cell)):
        assert part.std() == pytest.approx(1, rel=1e-6)
        np.testing.assert_allclose(part / part[0, 0, 0], source / source[0, 0, 0], rtol=1e-5)


def test_a_state_has_the_scale_of_real_steps_and_nothing_past_an_end() -> None:
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(3, 6, 2)) for name in ("hidden", "cell")}
    length = np.array([6, 2, 4])
    inside = np.arange(6) < length[:, None]
    root = xr.Dataset({"length": ("sequence", length)})
    for fill in (0.0, 1e6):
        padded = {
            name: (("sequence", "time", "unit"), np.where(inside[..., None], v, fill))
            for name, v in values.items()
        }
        state = activations.state(root, xr.Dataset(padded), "both")
        assert (state[~inside] == 0).all()
        for part, v in zip((state[..., :2], state[..., 2:]), values.values(), strict=True):
            np.testing.assert_allclose(part[inside], v[inside] / v[inside].std(), rtol=1e-12)
    own_steps = xr.Dataset({"hidden": (("sequence", "step", "unit"), values["hidden"])})
    with pytest.raises(DataError, match="other steps than the input"):
        activations.state(root, own_steps, "both")
