"""Surrogates keep the statistics they promise and destroy the rest; p values know chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.stats import surrogates
from hmmlens.stats.agreement import agreement
from hmmlens.stats.permutation import SHIFTED, agreement_test


def activations(
    seed: int, n: int = 4, steps: int = 31, d: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth sequences of unequal lengths, with NaN past their ends."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, steps, d)).cumsum(axis=1) @ rng.normal(size=(d, d))
    length = rng.integers(5, steps + 1, size=n)
    values[np.arange(steps) >= length[:, None]] = np.nan
    return values, length


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_shuffled_sequences_hold_the_same_steps(seed: int) -> None:
    values, length = activations(seed)
    out = surrogates.time_shuffled(values, length, np.random.default_rng(seed))
    for row, moved, n in zip(values, out, length, strict=True):
        np.testing.assert_array_equal(
            np.sort(row[:n].view(np.float64), axis=0), np.sort(moved[:n], axis=0)
        )
        # Components move together.
        assert {tuple(step) for step in row[:n]} == {tuple(step) for step in moved[:n]}
        assert np.isnan(moved[n:]).all()


def test_shuffling_leaves_no_correlation_in_time() -> None:
    values, length = activations(0, n=50, steps=200, d=1)
    out = surrogates.time_shuffled(values, length, np.random.default_rng(0))
    found = [np.corrcoef(r[: n - 1, 0], r[1:n, 0])[0, 1] for r, n in zip(out, length, strict=True)]
    assert abs(np.mean(found)) < 5 / np.sqrt(length.sum())
    # Activations and outputs shuffled by one order still belong together.
    order = surrogates.time_orders(length, 200, np.random.default_rng(1))
    two = np.take_along_axis(2 * values[..., 0], order, axis=1)
    np.testing.assert_array_equal(two, 2 * np.take_along_axis(values[..., 0], order, axis=1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_phases_keep_means_and_all_linear_correlations(seed: int) -> None:
    values, length = activations(seed)
    out = surrogates.phase_randomised(values, length, np.random.default_rng(seed))
    for row, moved, n in zip(values, out, length, strict=True):
        one, two = row[:n], moved[:n]
        np.testing.assert_allclose(one.mean(axis=0), two.mean(axis=0), atol=1e-9)
        for lag in range(n):
            # Circular correlations of all pairs of components, by hand.
            wanted, found = (np.roll(part, lag, axis=0).T @ part for part in (one, two))
            np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-7 * abs(wanted).max())
        assert np.isnan(moved[n:]).all()


def states_in_noise(seed: int) -> tuple[np.ndarray, np.ndarray]:
    _, states = sample_hmm(preset_hmm("fully3"), 40, 200, np.random.default_rng(seed))
    corners = np.array([[1.0, 0], [-0.5, 0.87], [-0.5, -0.87]])
    noise = 0.05 * np.random.default_rng(seed + 1).normal(size=(40, 200, 2))
    return corners[states] + noise, np.full(40, 200)


def spread_near_corners(values: np.ndarray) -> float:
    """Mean distance to the nearest of the three corners."""
    corners = np.array([[1.0, 0], [-0.5, 0.87], [-0.5, -0.87]])
    return float(np.linalg.norm(values[:, :, None] - corners, axis=-1).min(axis=2).mean())


def test_surrogates_have_no_states_left() -> None:
    values, length = states_in_noise(0)
    rng = np.random.default_rng(2)
    assert spread_near_corners(values) < 0.08
    assert spread_near_corners(surrogates.time_shuffled(values, length, rng)) < 0.08
    assert spread_near_corners(surrogates.phase_randomised(values, length, rng)) > 0.3
    assert spread_near_corners(surrogates.var_surrogate(values, length, rng)) > 0.3


def test_var_surrogate_has_the_moments_of_its_source() -> None:
    rng = np.random.default_rng(0)
    a = np.array([[0.8, 0.3], [-0.3, 0.7]])
    x = np.zeros((200, 100, 2))
    for t in range(1, 100):
        x[:, t] = 0.5 + x[:, t - 1] @ a.T + rng.normal(size=(200, 2))
    length = np.r_[np.full(100, 100), np.full(100, 60)]
    x[100:, 60:] = np.nan
    out = surrogates.var_surrogate(x, length, rng)
    assert np.isnan(out[100:, 60:]).all()
    assert np.isfinite(out[:100]).all()
    # Fitted anew, the surrogate gives the coefficients back.
    past, then = out[:100, 20:-1].reshape(-1, 2), out[:100, 21:].reshape(-1, 2)
    weights, *_ = np.linalg.lstsq(np.c_[np.ones(len(past)), past], then, rcond=None)
    np.testing.assert_allclose(weights[1:].T, a, atol=0.06)
    np.testing.assert_allclose(weights[0], 0.5, atol=0.1)
    assert not np.array_equal(out[:100, 5], x[:100, 5])


def test_var_surrogate_of_higher_order_needs_and_uses_it() -> None:
    rng = np.random.default_rng(0)
    x = np.zeros((100, 200, 1))
    for t in range(2, 200):
        x[:, t] = -0.9 * x[:, t - 2] + rng.normal(size=(100, 1))

    def lag_two(values: np.ndarray) -> float:
        return float(np.corrcoef(values[:, 50:-2].ravel(), values[:, 52:].ravel())[0, 1])

    length = np.full(100, 200)
    assert lag_two(surrogates.var_surrogate(x, length, rng, order=2)) == pytest.approx(
        -0.9, abs=0.03
    )
    assert abs(lag_two(surrogates.var_surrogate(x, length, rng, order=1))) < 0.05


def test_var_surrogate_of_too_little_is_refused() -> None:
    values = np.zeros((1, 5, 8))
    with pytest.raises(DataError, match="needs more than the 4 steps given"):
        surrogates.var_surrogate(values, np.array([5]), np.random.default_rng(0))


def test_permuted_matrices_hold_their_own_entries() -> None:
    rng = np.random.default_rng(0)
    weights = {"in": rng.normal(size=(6, 4)), "bias": rng.normal(size=6)}
    before = {name: array.copy() for name, array in weights.items()}
    out = surrogates.permuted_weights(weights, rng)
    np.testing.assert_array_equal(out["bias"], before["bias"])
    np.testing.assert_array_equal(np.sort(out["in"], axis=None), np.sort(before["in"], axis=None))
    assert not np.array_equal(out["in"], before["in"])
    assert not np.array_equal(np.sort(out["in"], axis=1), np.sort(before["in"], axis=1))
    np.testing.assert_array_equal(weights["in"], before["in"])


def ari(truth: np.ndarray, found: np.ndarray) -> float:
    return agreement(truth, found)["ari"]


def shift_test(
    truth: np.ndarray, found: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    tested = agreement_test(truth, found, np.full(8, 60), ari, n, rng)
    assert tested.null.startswith(SHIFTED)
    return tested.p, tested.scores


def labels(seed: int) -> np.ndarray:
    return sample_hmm(preset_hmm("fully3"), 8, 60, np.random.default_rng(seed))[1]


def test_shifted_labels_keep_their_order_within_each_sequence() -> None:
    truth = labels(0)
    length = np.array([60, 50, 2, 1, 60, 60, 60, 60])
    truth[np.arange(60) >= length[:, None]] = -1
    out = surrogates.circular_shifts(truth, length, np.random.default_rng(0))
    for row, moved, n in zip(truth, out, length, strict=True):
        turned = [np.roll(row[:n], k).tolist() for k in range(1, max(n, 2))]
        assert moved[:n].tolist() in turned
        assert np.all(moved[n:] == -1)


def test_shift_test_knows_slow_labels_that_agree_by_chance() -> None:
    """Both labellings last long, so they agree by chance more than steps at random would."""
    low = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p, null = shift_test(labels(seed), labels(seed + 999), 39, rng)
        low += p <= 0.05
        assert len(null) == 39
    # 2 of 40 on average, more than 8 by chance once in two thousand.
    assert low <= 8


def test_shift_test_sees_labels_that_follow_the_truth() -> None:
    truth = labels(0)
    rng = np.random.default_rng(0)
    found = np.where(rng.random(truth.shape) < 0.3, rng.integers(0, 3, truth.shape), truth)
    p, _ = shift_test(truth, found, 199, rng)
    assert p == 1 / 200


def test_p_value_counts_itself_and_ties() -> None:
    assert surrogates.p_value(2.0, np.array([1.0, 2.0, 3.0])) == 3 / 4
    assert surrogates.p_value(9.0, np.zeros(199)) == 1 / 200
    with pytest.raises(DataError, match="NaN"):
        surrogates.p_value(np.nan, np.zeros(3))


def test_false_discovery_by_hand() -> None:
    p = [0.01, 0.04, np.nan, 0.03, 0.5]
    # Sorted .01 .03 .04 .5 times 4/1, 4/2, 4/3, 4/4, the least from the right.
    wanted = [0.04, 0.16 / 3, np.nan, 0.16 / 3, 0.5]
    np.testing.assert_allclose(surrogates.benjamini_hochberg(p), wanted)
    assert np.isnan(surrogates.benjamini_hochberg([np.nan])).all()
    # Even p values of nothing are not discoveries.
    assert surrogates.benjamini_hochberg(np.linspace(0.01, 1, 100)).min() == pytest.approx(1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_is_that_of_scipy(p: list[float]) -> None:
    from scipy.stats import false_discovery_control

    np.testing.assert_allclose(surrogates.benjamini_hochberg(p), false_discovery_control(p))
