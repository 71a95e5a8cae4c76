"""Sequences are assigned to splits at random, in the shares of the settings."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.splits import split_sequences


@st.composite
def shares_and_size(draw: st.DrawFn) -> tuple[int, dict[str, float]]:
    parts = draw(st.tuples(*[st.integers(1, 1000)] * 3))
    shares = [part / sum(parts) for part in parts]
    return draw(st.integers(5, 300)), dict(zip(("train", "select", "test"), shares, strict=True))


@settings(max_examples=200, deadline=None)
@given(shares_and_size(), st.integers(0, 2**32 - 1))
def test_split_holds_every_sequence_once_in_its_share(
    drawn: tuple[int, dict[str, float]], seed: int
) -> None:
    n, shares = drawn
    split = split_sequences(n, shares, np.random.default_rng(seed))
    counts = np.bincount(split, minlength=3)
    assert split.shape == (n,)
    assert len(counts) == 3
    assert counts.min() >= 1
    # Rounding moves a share by one half, or by two where an empty split is given a sequence.
    assert np.all(abs(counts - n * np.array(list(shares.values()))) <= 2)
    again = split_sequences(n, shares, np.random.default_rng(seed))
    np.testing.assert_array_equal(split, again)


def test_split_is_sampled_at_random() -> None:
    shares = {"train": 0.5, "select": 0.25, "test": 0.25}
    drawn = np.stack([split_sequences(20, shares, np.random.default_rng(s)) for s in range(400)])
    # Each sequence is in train half of the time; 5 standard errors.
    assert np.all(abs((drawn == 0).mean(axis=0) - 0.5) < 5 * 0.5 / np.sqrt(400))
