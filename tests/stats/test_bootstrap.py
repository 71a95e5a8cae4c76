"""Resampling of whole units against slow loops and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.stats import bootstrap


def test_resamples_are_sums_of_sampled_units() -> None:
    parts = np.random.default_rng(0).normal(size=(7, 2, 3))
    drawn = bootstrap.resampled(parts, 50, np.random.default_rng(1))
    counts = np.random.default_rng(1).multinomial(7, np.full(7, 1 / 7), size=50)
    for sums, count in zip(drawn, counts, strict=True):
        rows = np.repeat(np.arange(7), count)
        assert len(rows) == 7
        np.testing.assert_allclose(sums, parts[rows].sum(axis=0))


def test_interval_of_a_ratio_covers_it_when_units_are_clusters() -> None:
    """Steps of a unit are equal, so an interval that took steps as units would be far too short."""
    inside = short = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=40), 25).reshape(40, 25)
        parts = np.stack([values.sum(axis=1), np.full(40, 25.0)], axis=1)
        found = bootstrap.estimate(parts, lambda s: s[0] / s[1], 200, rng)
        assert found.value == pytest.approx(values.mean())
        inside += found.low < 0 < found.high
        naive = bootstrap.mean_estimate(values.ravel())
        short += not naive.low < 0 < naive.high
    # 57 of 60 on average, fewer than 48 by chance once in ten thousand.
    assert inside >= 48
    assert short > 30


def test_interval_of_a_mean_has_students_factor() -> None:
    # Factors of 2, 3 and 8 degrees of freedom from printed tables of Student's distribution.
    for values, factor in (
        ([1.0, 2.0, 6.0], 4.3027),
        ([1.0, 2.0, 4.0, 5.0], 3.1824),
        ([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0], 2.3060),
    ):
        found = bootstrap.mean_estimate(np.array(values))
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        half = factor * (variance / len(values)) ** 0.5
        assert found == pytest.approx((mean, mean - half, mean + half), abs=2e-4)


def test_interval_of_the_mean_of_three_covers_it_in_95_percent() -> None:
    rng = np.random.default_rng(0)
    found = [bootstrap.mean_estimate(rng.normal(size=3)) for _ in range(2000)]
    inside = np.mean([one.low < 0 < one.high for one in found])
    # The factor of the normal distribution would cover 81 %.
    assert abs(inside - 0.95) < 4 * (0.95 * 0.05 / 2000) ** 0.5


def test_one_unit_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    for found in (
        bootstrap.estimate(np.ones((1, 2)), lambda s: float(s.sum()), 20, rng),
        bootstrap.mean_estimate(np.array([2.0])),
    ):
        assert found.value == 2
        assert np.isnan(found[1:]).all()
