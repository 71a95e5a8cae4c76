"""Ratios of sums against plain ones, and intervals against the normal theory."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.stats.ratios import per_run, ratio


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ratio_weighs_runs_by_what_they_hold() -> None:
    found = ratio(np.array([1.0, 9.0]), np.array([1.0, 3.0]), rng())
    # Resamples are one run twice, the other twice, or both.
    assert found == (2.5, 1.0, 3.0)


def test_interval_of_a_mean_is_that_of_the_normal_theory() -> None:
    values = rng().normal(5, 2, size=400)
    found = per_run(values, rng())
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_an_undefined_ratio_is_not_a_number() -> None:
    assert np.isnan(ratio(np.zeros(3), np.zeros(3), rng())).all()
    single = ratio(np.array([3.0]), np.array([2.0]), rng())
    assert single.value == 1.5 and np.isnan(single.low) and np.isnan(single.high)
    # One run in three holds anything: some resamples hold nothing.
    sparse = ratio(np.array([1.0, 0, 0]), np.array([2.0, 0, 0]), rng())
    assert sparse.value == 0.5 and np.isnan(sparse.low)
