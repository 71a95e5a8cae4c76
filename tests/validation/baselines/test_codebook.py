"""Codebooks: closed forms of the elbow, planted states and a planted continuum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.validation.baselines import codebook
from hmmlens.validation.baselines.codebook import CodebookSettings, curve, elbow
from hmmlens.validation.input_output import InputOutput

COUNTS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24])
#: With a steeper power the curve ends in the least miss that counts, and so in an elbow.
STEEPEST = float(-np.log(codebook.LEAST_MISS) / np.log(COUNTS[-1]))


def driven_of(distribution: np.ndarray, classes: np.ndarray) -> InputOutput:
    part = np.arange(len(distribution)) * 5 // len(distribution)
    masks = {
        name: np.broadcast_to(np.isin(part, those)[:, None], distribution.shape[:2]).copy()
        for name, those in (("train", (0, 1, 2)), ("select", (3,)), ("test", (4,)))
    }
    return InputOutput(distribution, classes, int(classes.max()) + 1, masks)


def counting(modulus: int, noise: float, seed: int = 0) -> tuple[np.ndarray, InputOutput]:
    """Return noisy corners that pulses move along, and their outputs."""
    rng = np.random.default_rng(seed)
    pulses = (rng.random((50, 60)) < 0.2).astype(int)
    distribution = np.eye(modulus)[pulses.cumsum(axis=1) % modulus]
    distribution = distribution + noise * rng.normal(size=distribution.shape)
    return distribution, driven_of(distribution, pulses)


def ring(seed: int = 0) -> tuple[np.ndarray, InputOutput]:
    """Return a point that inputs of five sizes push around a circle."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(5, size=(50, 60))
    angle = rng.uniform(0, 2 * np.pi, (50, 1)) + (0.3 * (classes - 2)).cumsum(axis=1)
    distribution = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    return distribution, driven_of(distribution, classes)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, STEEPEST), st.integers(2, 12))
def test_power_of_the_count_has_no_elbow(power: float, n_states: int) -> None:
    # Cutting a d-dimensional continuum misses K ** (-2 / d): the same factor at each doubling.
    assert elbow(COUNTS, 1 - COUNTS**-power, n_states) == pytest.approx(0, abs=1e-6)


def test_cliff_and_floor_in_closed_form() -> None:
    # 1/4 is missed below 4 states, 1/64 from there on: 4 bits by the doubling, none after.
    fidelity = np.where(COUNTS < 4, 1 - 1 / 4, 1 - 1 / 64)
    assert elbow(COUNTS, fidelity, 4) == pytest.approx(4)
    assert elbow(COUNTS, fidelity, 8) == pytest.approx(0)
    assert elbow(COUNTS, fidelity, 2) == pytest.approx(-4)
    # Between counts the miss is interpolated on log scales: 5 / 2 lies between 2 and 3.
    share = np.log2(2.5 / 2) / np.log2(3 / 2)
    miss = -2 * np.interp(np.log2(COUNTS), [1, 2], [0, 1])
    assert codebook.miss_bits(COUNTS, 1 - 2**miss, 2.5) == pytest.approx(-2 * share * np.log2(1.5))


def test_elbow_needs_half_and_double() -> None:
    fidelity = np.linspace(0, 1, len(COUNTS))
    assert np.isnan(elbow(COUNTS, fidelity, 13)) and np.isnan(elbow(COUNTS, fidelity, 1))
    assert np.isfinite(elbow(COUNTS, fidelity, 12)) and np.isfinite(elbow(COUNTS, fidelity, 2))


@pytest.mark.parametrize("modulus", [3, 5])
def test_planted_states_have_a_cliff_and_a_ring_has_none(modulus: int) -> None:
    distribution, given_states = counting(modulus, 0.02)
    found = curve(distribution, given_states, 5, seed=0)
    at = list(found.counts).index(modulus)
    assert elbow(found.counts, found.select[:, 0], modulus) > 4
    assert found.test[at, 5] > 0.95 and found.test[at - 1, 5] < 0.9
    points, pushed = ring()
    smooth = curve(points, pushed, 5, seed=0)
    heights = [elbow(smooth.counts, smooth.select[:, 0], k) for k in range(2, 13)]
    assert max(heights) < 1.2
    assert (np.diff(smooth.select[:, 0]) > 0).all()


def test_known_automaton_is_carried_to_every_horizon() -> None:
    distribution, data = counting(3, 0.0)
    found = curve(distribution, data, 5, seed=0, settings=CodebookSettings(counts=(1, 3)))
    # Pooling leaves each table a trace of the others.
    assert found.test[1].min() > 0.999
    assert abs(found.test[0]).max() < 0.05
    np.testing.assert_allclose(found.by_sequence.mean(axis=0), found.select[:, 5], atol=1e-12)


def test_test_split_teaches_nothing() -> None:
    distribution, data = counting(3, 0.1)
    spoilt = np.where(data.masks["test"][..., None], 7.0, distribution)
    changed = data._replace(distribution=spoilt)
    one, two = codebook.fit(distribution, data, 3, 0), codebook.fit(spoilt, changed, 3, 0)
    np.testing.assert_array_equal(one.means, two.means)
    np.testing.assert_array_equal(one.transmat, two.transmat)


def test_fewer_points_than_cells_harm_nothing() -> None:
    distribution, data = counting(2, 0.0)
    found = curve(distribution, data, 2, seed=0, settings=CodebookSettings(counts=(2, 4)))
    np.testing.assert_allclose(found.test, 1, atol=1e-3)


def test_k_means_learns_from_at_most_the_frames_of_its_settings() -> None:
    distribution, data = counting(3, 0.0)
    changed = distribution.copy()
    train = np.argwhere(data.masks["train"])
    # Of two frames, the first and the last are taken; all others of train may hold anything.
    for sequence, time in train[1:-1]:
        changed[sequence, time] = 100.0
    two = CodebookSettings(max_frames=2, n_init=1)
    test = data.masks["test"]
    books = [codebook.fit(points, data, 2, 0, two) for points in (distribution, changed)]
    np.testing.assert_array_equal(books[0].states[test], books[1].states[test])
