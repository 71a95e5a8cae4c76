"""Measures of regularity of a clock, of a process without memory, and of what lies between."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.emulation.analysis import coherence
from tests.emulation.renewals import renewal


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def value(labels: np.ndarray, name: str, n_labels: int = 2) -> float:
    return coherence.measure(coherence.parts(labels, n_labels), name, rng()).value


def test_clock() -> None:
    labels = np.stack([np.arange(k, k + 1280) // 8 % 2 for k in range(16)])
    assert value(labels, "switching_rate") == pytest.approx(1 / 8, rel=0.01)
    assert value(labels, "dwell_mean") == 8
    assert value(labels, "dwell_cv") == value(labels, "cycle_cv") == 0
    # A triangle between 1 and -1: its square averages to a third, or more where it is in steps.
    assert 200 / 3 < value(labels, "correlation_time") < 75
    assert value(labels, "coherence") > 8
    # The 16th frequency of windows of 256, and no other one above half of its height.
    assert value(labels, "peak_quality") == 16


def test_no_memory() -> None:
    p = 0.05
    flips = rng().random((60, 3000)) < p
    labels = flips.cumsum(axis=1) % 2
    assert value(labels, "switching_rate") == pytest.approx(p, rel=0.05)
    assert value(labels, "dwell_mean") == pytest.approx(1 / p, rel=0.05)
    assert value(labels, "dwell_cv") == pytest.approx((1 - p) ** 0.5, rel=0.05)
    # Two geometric dwells: their CV over the root of two.
    assert value(labels, "cycle_cv") == pytest.approx(((1 - p) / 2) ** 0.5, rel=0.05)
    decay = (1 - 2 * p) ** 2
    assert value(labels, "correlation_time") == pytest.approx(decay / (1 - decay), rel=0.1)
    assert value(labels, "peak_quality") < 1


def test_gamma_dwells() -> None:
    labels = renewal(4, 30)
    # Rounding adds a variance of a twelfth to one of 225.
    assert value(labels, "dwell_cv") == pytest.approx(0.5, abs=0.03)
    assert value(labels, "cycle_cv") == pytest.approx(0.5 / 2**0.5, abs=0.03)
    assert value(renewal(50, 30), "peak_quality") > value(renewal(2, 30), "peak_quality")


def test_cycles_do_not_mind_unequal_labels() -> None:
    path = np.repeat(np.arange(60) % 2, np.where(np.arange(60) % 2, 30, 10))
    labels = np.stack([path, np.roll(path, 7)])
    assert value(labels, "dwell_cv") == pytest.approx(0.5, abs=0.02)
    assert value(labels, "cycle_cv") == pytest.approx(0, abs=1e-6)
    three = np.tile(np.repeat([0, 1, 2], [5, 10, 20]), (3, 30))
    assert value(three, "cycle_cv", 3) == pytest.approx(0, abs=1e-6)


def test_labels_may_be_renumbered() -> None:
    path = rng().integers(0, 3, size=(5, 300))
    other = np.array([2, 0, 1])[path]
    for name in coherence.MEASURES:
        assert value(path, name, 3) == pytest.approx(value(other, name, 3), nan_ok=True)


def test_nothing_to_measure() -> None:
    still = np.zeros((4, 300), dtype=np.int64)
    assert value(still, "switching_rate") == 0
    for name in ("dwell_mean", "dwell_cv", "cycle_cv", "correlation_time", "coherence"):
        assert np.isnan(value(still, name))


def test_interval_is_over_runs() -> None:
    labels = renewal(1, 20, n_runs=30)
    found = coherence.measure(coherence.parts(labels, 2), "dwell_cv", rng())
    assert found.low < found.value < found.high
    # Thirty copies of one run hold no more than one, and an interval over runs cannot see that;
    # runs that are all the same leave nothing to resample.
    same = np.repeat(labels[:1], 5, axis=0)
    found = coherence.measure(coherence.parts(same, 2), "dwell_cv", rng())
    assert found.low == pytest.approx(found.high)
    single = coherence.measure(coherence.parts(labels[:1], 2), "dwell_cv", rng())
    assert np.isnan(single.low) and np.isfinite(single.value)
