"""The choice of a model from a table, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hmmlens.errors import DataError
from hmmlens.hmm.selection import (
    autocorrelation_time,
    best_restarts,
    choose,
    smallest_count_near_best,
)


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Return results from covariance type, states, restart, likelihood, BIC, held-out score."""
    columns = ["covariance_type", "n_states", "restart", "log_likelihood", "bic", "held_out"]
    return pd.DataFrame(rows, columns=columns)


RESULTS = table(
    ("diag", 1, 0, -100.0, 210.0, -3.0),
    ("diag", 2, 0, -90.0, 205.0, -2.0),
    # The best restart by likelihood, whatever its BIC.
    ("diag", 2, 1, -80.0, 190.0, -2.5),
    ("diag", 4, 0, np.nan, np.nan, np.nan),
    ("diag", 4, 1, -75.0, 195.0, -1.0),
    ("tied", 1, 0, -99.0, 208.0, -2.9),
    ("tied", 2, 0, -95.0, 200.0, -2.1),
    ("tied", 4, 0, np.nan, np.nan, np.nan),
)


def test_best_restart_is_the_likeliest_that_held() -> None:
    found = best_restarts(RESULTS)
    rows = list(zip(found["covariance_type"], found["n_states"], found["restart"], strict=True))
    assert rows == [("diag", 1, 0), ("diag", 2, 1), ("diag", 4, 1), ("tied", 1, 0), ("tied", 2, 0)]


def test_smallest_bic_wins() -> None:
    choice = choose(RESULTS, "bic")
    assert (choice.covariance_type, choice.n_states, choice.at_edge) == ("diag", 2, False)
    assert choice.sentence == "BIC chooses 2 states."


def test_largest_held_out_likelihood_wins_and_the_edge_is_reported() -> None:
    choice = choose(RESULTS, "held_out")
    assert (choice.covariance_type, choice.n_states, choice.at_edge) == ("diag", 4, True)
    assert choice.sentence == (
        "held-out likelihood chooses 4 states, the most that were offered: "
        "no finite number is supported by it."
    )


def test_one_state_is_reported_in_the_singular_and_is_no_edge_when_alone() -> None:
    choice = choose(RESULTS[:1], "bic")
    assert (choice.n_states, choice.at_edge) == (1, False)
    assert choice.sentence == "BIC chooses 1 state."


def test_the_edge_is_that_of_the_chosen_covariance_type() -> None:
    results = table(
        ("diag", 1, 0, -9.0, 30.0, 0.0),
        ("diag", 3, 0, -9.0, 20.0, 0.0),
        ("tied", 5, 0, -9.0, 25.0, 0.0),
    )
    assert choose(results, "bic").at_edge


def test_sweep_without_any_fit_is_reported() -> None:
    broken = RESULTS[RESULTS["bic"].isna()]
    with pytest.raises(DataError, match="every fit of the sweep broke down"):
        choose(broken, "bic")


def test_criterion_that_was_not_computed_is_reported() -> None:
    with pytest.raises(DataError, match="no fit of the sweep has a held_out score"):
        choose(RESULTS.assign(held_out=np.nan), "held_out")


MODELS = st.lists(
    st.tuples(st.integers(1, 9), st.floats(-1, 1) | st.just(np.nan)), min_size=1, max_size=12
).filter(lambda models: any(score == score for _, score in models))


@settings(max_examples=100, deadline=None)
@given(MODELS, st.floats(0, 0.5))
def test_smallest_count_near_best_equals_slow_loop(
    models: list[tuple[int, float]], tolerance: float
) -> None:
    known = [(n, score) for n, score in models if not np.isnan(score)]
    limit = max(score for _, score in known) - tolerance
    # A score next to the limit may lie on either side of it by rounding.
    assume(all(score == limit or abs(score - limit) > 1e-9 for _, score in known))
    expected = min(n for n, score in known if score >= limit)
    n_states, score = (np.array(column) for column in zip(*models, strict=True))
    assert smallest_count_near_best(n_states, score, tolerance) == expected


def test_autocorrelation_time_of_whole_sequences_is_that_of_ragged_ones() -> None:
    """A sequence of which nothing was observed adds no pair, and makes the others ragged."""
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(6, 10)), 4, axis=1) + 0.1 * rng.normal(size=(6, 40))
    whole = autocorrelation_time(values.ravel(), np.full(6, 40))
    ragged = autocorrelation_time(np.append(values, np.full(7, np.nan)), np.array([40] * 6 + [7]))
    assert whole == pytest.approx(ragged, rel=1e-12)
    assert 2 < whole < 8
