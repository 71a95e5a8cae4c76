"""Intervals and tests of few trainings, against SciPy's and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hmmlens.errors import DataError
from hmmlens.stats.paired import MOST_PAIRS, paired, prediction, sign_flip, student


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_interval_is_students(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(3, 2, size=n)
    found = student([*values, np.nan])
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose(found, (values.mean(), low, high))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_p_is_the_share_of_all_signs(n: int, seed: int) -> None:
    given_ = np.random.default_rng(seed).normal(0.5, size=n)
    means = [abs(np.dot(signs, given_)) for signs in itertools.product((-1, 1), repeat=n)]
    assert sign_flip(given_) == pytest.approx(np.mean(np.array(means) >= abs(given_.sum()) - 1e-12))


def test_least_p_and_edges() -> None:
    assert sign_flip([1, 2, 3, 4, 5]) == 2 / 32
    assert sign_flip([1, -1]) == 1.0 and sign_flip([0.0, 0.0]) == 1.0
    for wrong in ([], np.ones(MOST_PAIRS + 1)):
        with pytest.raises(DataError, match="signs"):
            sign_flip(wrong)
    found = paired([2.0, 3.0, np.nan], [1.0, 1.0, 1.0])
    assert found.n == 2 and found.difference.value == 1.5 and found.p == 0.5
    nothing = paired([np.nan], [1.0])
    assert nothing.n == 0 and np.isnan(nothing.p) and np.isnan(nothing.difference.value)
    one = student([2.0])
    assert one.value == 2.0 and np.isnan(one.low) and np.isnan(student([]).value)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_prediction_interval_has_its_closed_form(n):
    values = np.random.default_rng(n).normal(5, 2, n)
    found = prediction([*values, np.nan])
    half = stats.t(n - 1).ppf(0.975) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n)
    assert found == pytest.approx((values.mean(), values.mean() - half, values.mean() + half))


def test_prediction_without_two_values_has_no_limits():
    one = prediction([2.0])
    assert one.value == 2.0 and np.isnan(one.low) and np.isnan(prediction([]).value)


@pytest.mark.parametrize("n", [3, 8, 30])
def test_prediction_interval_covers_a_further_value_in_95_percent(n):
    rng = np.random.default_rng(n)
    given, new = rng.normal(1, 0.2, (4000, n)), rng.normal(1, 0.2, 4000)
    covered = [p.low <= x <= p.high for p, x in zip(map(prediction, given), new, strict=True)]
    # Three standard errors of a share of 4000.
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 4000))
