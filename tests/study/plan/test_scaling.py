"""Power functions fitted to costs of jobs, compared with planted ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.study.plan.scaling import PowerFunction, fit


@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(0.5, 5),
    most=st.floats(30, 1000),
    exponent=st.floats(0.7, 1.5),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_planted_function_is_recovered(
    start: float, most: float, exponent: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    work = np.geomspace(1, 1e4, 60)
    # The largest takes so many times as long as the start, which noise of 5 % cannot hide.
    rate = most * start / 1e4**exponent
    found = (start + rate * work**exponent) * np.exp(0.05 * rng.normal(size=60))
    function = fit(work, found, start * 3)
    assert function.exponent == pytest.approx(exponent, abs=0.12)
    # Between and somewhat beyond the fitted range.
    for at in (30.0, 3000.0, 5e4):
        assert function(at) == pytest.approx(start + rate * at**exponent, rel=0.25)
    assert function.largest == pytest.approx(1e4) and function.n == 60


def test_a_function_of_one_size_follows_the_model_of_the_work() -> None:
    function = fit([2.0, 2.0, 2.0], [3.0, 6.0, 12.0], 1e-9)
    assert function(2.0) == pytest.approx(6.0) and function(4.0) == pytest.approx(12.0)
    function = fit([0.0, 0.0], [1.0, 4.0], 5.0)
    assert function(0.0) == pytest.approx(2.0)
    # Of jobs of one size, the model of the work determines the start.
    function = fit([2.0, 2.0], [3.0, 3.0], 4.0)
    assert function(2.0) == pytest.approx(3.0) and function(8.0) == pytest.approx(6.0)


def test_missing_costs_are_ignored() -> None:
    function = fit([1.0, 2.0, 3.0], [np.nan, 8.0, np.nan], 2.0)
    assert function.n == 1 and function(2.0) == pytest.approx(8.0)
    function = fit([1.0], [np.nan], 2.0)
    assert function.n == 0 and function(3.0) == 5.0


def test_an_exponent_is_not_read_from_two_sizes() -> None:
    function = fit([1.0, 1.0, 100.0, 100.0], [1.0, 1.1, 9.0, 11.0], 9.0)
    assert function.exponent == 1.0
    assert function(100.0) == pytest.approx(10.0, rel=0.1)
    # A start and a rate there are, so what is half as much work is not half as long.
    assert function(1.0) == pytest.approx(1.05, rel=0.1)


def test_predictions_never_fall_below_zero_nor_with_more_work() -> None:
    rng = np.random.default_rng(0)
    function = fit(rng.uniform(1, 100, 40), rng.lognormal(size=40), 1.0)
    predicted = function(np.geomspace(0.1, 1e6, 50))
    assert (predicted > 0).all() and (np.diff(predicted) >= 0).all()


def test_a_function_is_evaluated_element_by_element() -> None:
    assert PowerFunction(1.0, 2.0, 0.5, 9.0, 3)([0.0, 4.0]).tolist() == [1.0, 5.0]
