"""The distribution of the number of states, where it is clear, where it is not, and at the edge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import DataError
from hmmlens.validation.grading.state_count import (
    distribution,
    one_standard_error,
    over_trainings,
    repeated,
)

COUNTS = np.array([1, 2, 3, 4, 6, 8])


def scores(means: list[float], spread: float, seed: int = 0, n: int = 40) -> np.ndarray:
    """Return scores: some sequences are harder than others, for all models alike."""
    rng = np.random.default_rng(seed)
    level = 0.3 * rng.normal(size=(n, 1))
    return level + np.array(means) + spread * rng.normal(size=(n, len(means)))


CLEAR = [0.0, 0.4, 0.9, 0.9, 0.9, 0.9]
RISING = [0.0, 0.4, 0.6, 0.7, 0.8, 0.9]


def test_rule_in_closed_form() -> None:
    # The best has mean 2 and standard error sqrt(1 / 3) = .577.
    best = np.array([1.0, 2, 3])
    for behind, chosen in ((0.57, 1), (0.58, 2)):
        table = np.stack([np.full(3, 2 - behind), best], axis=1)
        assert one_standard_error(np.array([1, 2]), table) == chosen


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(0.1, 10))
def test_choice_is_never_above_the_best_and_has_no_unit(
    seed: int, shift: float, size: float
) -> None:
    table = scores(CLEAR, 0.3, seed)
    found = one_standard_error(COUNTS, table)
    assert found <= COUNTS[table.mean(axis=0).argmax()]
    assert one_standard_error(COUNTS, shift + size * table) == found


def test_a_clear_number_is_chosen_by_all_seeds() -> None:
    tables = [scores(CLEAR, 0.02, seed) for seed in range(3)]
    found = distribution(COUNTS, tables, 100, np.random.default_rng(0))
    assert found.mode == 3 and found.low == found.high == 3 and found.at_edge == 0
    assert found.share.sum() == pytest.approx(1)
    assert "choose 3 states" in found.sentence


def test_a_criterion_that_rises_to_the_edge_supports_no_number() -> None:
    found = distribution(COUNTS, [scores(RISING, 0.05)], 100, np.random.default_rng(0))
    assert found.mode == 8 and found.at_edge > 0.9
    assert found.sentence.startswith("No finite number of states is supported: ")
    assert "choose 8, the most that were offered" in found.sentence


def test_seeds_that_disagree_widen_the_distribution() -> None:
    two = [0.0, 0.9, 0.9, 0.9, 0.9, 0.9]
    found = distribution(
        COUNTS, [scores(CLEAR, 0.02, 0), scores(two, 0.02, 1)], 50, np.random.default_rng(0)
    )
    alone = [
        distribution(COUNTS, [scores(means, 0.02, seed)], 50, np.random.default_rng(0))
        for seed, means in enumerate((CLEAR, two))
    ]
    assert [(one.low, one.high) for one in alone] == [(3, 3), (2, 2)]
    assert found.low == 2 and found.high == 3
    assert found.share[1] == found.share[2] == 0.5


def test_trainings_count_alike() -> None:
    two = [0.0, 0.9, 0.9, 0.9, 0.9, 0.9]
    tables = [scores(CLEAR, 0.02, 0), scores(two, 0.02, 1)]
    both = distribution(COUNTS, tables, 50, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    rows = [
        {f"count_share_{n}": part for n, part in zip(alone.counts, alone.share, strict=True)}
        for alone in (distribution(COUNTS, [table], 50, rng) for table in tables)
    ]
    # A training that could not be judged has no weight.
    found = over_trainings(pd.DataFrame([*rows, {}]))
    assert found is not None and found.sentence == both.sentence
    assert found.share == pytest.approx(both.share) and (found.low, found.high) == (2, 3)
    assert over_trainings(pd.DataFrame([{}])) is None


def test_neighbours_are_reported() -> None:
    text = repeated({2: 0.61, 3: 0.98, 4: 0.985}, 3, 0.9)
    assert text == "Faithful (0.9 wanted) with 2 (0.61: no), 3 (0.98: yes), 4 (0.98: yes) states."
    assert repeated({1: 0.2, 2: 0.95}, 1, 0.9).startswith("Faithful (0.9 wanted) with 1 (0.20: no)")


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="shape"):
        one_standard_error(COUNTS, np.zeros((3, 2)))
    with pytest.raises(DataError, match="at least two"):
        one_standard_error(COUNTS, np.zeros((1, 6)))
    with pytest.raises(DataError, match="not finite"):
        one_standard_error(COUNTS, np.full((3, 6), np.nan))
