"""Choices among scores that differ by rounding alone do not depend on how they were rounded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmlens.hmm import selection
from hmmlens.stats.ties import descending, first_best

#: Sums of the same numbers in another order: equal but for rounding.
ROUNDED = st.lists(st.sampled_from([-1, 0, 1]), min_size=6, max_size=6)
SCORES = st.lists(st.integers(-5, 5), min_size=6, max_size=6)


def jittered(scores: list[int], rounding: list[int]) -> np.ndarray:
    """Return distinct levels, each moved by some units in the last place."""
    values = np.array(scores, dtype=float) * 100 + 7
    return values + 8 * np.array(rounding) * np.spacing(values)


@given(SCORES, ROUNDED)
def test_the_choice_is_that_among_exact_scores(scores: list[int], rounding: list[int]) -> None:
    exact, rounded = jittered(scores, [0] * 6), jittered(scores, rounding)
    assert first_best(rounded) == int(exact.argmax())
    assert first_best(rounded, largest=False) == int(exact.argmin())
    assert descending(rounded).tolist() == np.argsort(-exact, kind="stable").tolist()


def test_a_difference_above_rounding_decides() -> None:
    assert first_best([1.0, 1.0 + 1e-6]) == 1
    assert descending([1.0, 1.0 + 1e-6]).tolist() == [1, 0]


def test_scores_that_are_not_finite() -> None:
    assert first_best([np.nan, -np.inf, 2.0]) == 2
    assert first_best([np.nan, -np.inf]) == 1
    assert descending([-np.inf, np.nan, 3.0, -np.inf, 5.0]).tolist() == [4, 2, 0, 1, 3]
    assert descending([]).tolist() == []
    with pytest.raises(ValueError, match="no score"):
        first_best([np.nan])


@pytest.mark.study
@given(ROUNDED)
def test_numbers_of_states_are_chosen_stably(rounding: list[int]) -> None:
    """Two restarts of each count share an optimum; 2 and 3 states share the best BIC."""
    likelihood = jittered([0, 0, 5, 5, 5, 5], rounding)
    table = pd.DataFrame(
        {
            "covariance_type": "tied",
            "n_states": [1, 1, 2, 2, 3, 3],
            "restart": [0, 1, 0, 1, 0, 1],
            "log_likelihood": likelihood,
            "bic": -2 * likelihood,
            "n_parameters": 1,
        }
    )
    assert selection.best_restarts(table)["restart"].tolist() == [0, 0, 0]
    assert selection.choose(table).n_states == 2
    sizes = selection.SampleSizes(100, 10, 50.0)
    assert set(selection.bic_by_sample_size(table, sizes)[:3]) == {2}


@given(st.integers(-1, 1))
def test_a_score_on_the_line_is_within_the_tolerance(ulps: int) -> None:
    line = 0.9 - 0.02
    score = np.array([0.5, line + ulps * np.spacing(line), 0.9])
    assert selection.smallest_count_near_best(np.array([1, 2, 3]), score, 0.02) == 2
