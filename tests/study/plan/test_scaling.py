"""Laws of what a job takes, against planted ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.study.plan.scaling import Law, fit


@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(0.5, 5),
    most=st.floats(30, 1000),
    exponent=st.floats(0.7, 1.5),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_planted_law_comes_back(start: float, most: float, exponent: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    work = np.geomspace(1, 1e4, 60)
    # The largest takes so many times as long as the start, which noise of 5 % cannot hide.
    rate = most * start / 1e4**exponent
    found = (start + rate * work**exponent) * np.exp(0.05 * rng.normal(size=60))
    law = fit(work, found, start * 3)
    assert law.exponent == pytest.approx(exponent, abs=0.12)
    # Between and somewhat beyond what it has seen.
    for at in (30.0, 3000.0, 5e4):
        assert law(at) == pytest.approx(start + rate * at**exponent, rel=0.25)
    assert law.largest == pytest.approx(1e4) and law.n == 60


def test_a_law_of_one_size_follows_the_model_of_the_work() -> None:
    law = fit([2.0, 2.0, 2.0], [3.0, 6.0, 12.0], 1e-9)
    assert law(2.0) == pytest.approx(6.0) and law(4.0) == pytest.approx(12.0)
    law = fit([0.0, 0.0], [1.0, 4.0], 5.0)
    assert law(0.0) == pytest.approx(2.0)
    # Of jobs of one size, the model of the work says how much is start.
    law = fit([2.0, 2.0], [3.0, 3.0], 4.0)
    assert law(2.0) == pytest.approx(3.0) and law(8.0) == pytest.approx(6.0)


def test_what_was_not_seen_is_left_out() -> None:
    law = fit([1.0, 2.0, 3.0], [np.nan, 8.0, np.nan], 2.0)
    assert law.n == 1 and law(2.0) == pytest.approx(8.0)
    law = fit([1.0], [np.nan], 2.0)
    assert law.n == 0 and law(3.0) == 5.0


def test_an_exponent_is_not_read_from_two_sizes() -> None:
    law = fit([1.0, 1.0, 100.0, 100.0], [1.0, 1.1, 9.0, 11.0], 9.0)
    assert law.exponent == 1.0
    assert law(100.0) == pytest.approx(10.0, rel=0.1)
    # A start and a rate there are, so what is half as much work is not half as long.
    assert law(1.0) == pytest.approx(1.05, rel=0.1)


def test_predictions_never_fall_below_zero_nor_with_more_work() -> None:
    rng = np.random.default_rng(0)
    law = fit(rng.uniform(1, 100, 40), rng.lognormal(size=40), 1.0)
    predicted = law(np.geomspace(0.1, 1e6, 50))
    assert (predicted > 0).all() and (np.diff(predicted) >= 0).all()


def test_a_law_is_what_it_says() -> None:
    assert Law(1.0, 2.0, 0.5, 9.0, 3)([0.0, 4.0]).tolist() == [1.0, 5.0]
