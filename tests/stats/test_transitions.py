"""Chains against slow loops, closed forms and lumpable constructions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hmmlens.errors import DataError
from hmmlens.stats import transitions


def chain(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(n), n)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.int64, (3, 9), elements=st.integers(-1, 2)), st.integers(1, 10))
def test_counts_equal_slow_counting(path: np.ndarray, lag: int) -> None:
    slow = np.zeros((3, 3, 3))
    for i, row in enumerate(path.tolist()):
        for t in range(len(row) - lag):
            if row[t] >= 0 and row[t + lag] >= 0:
                slow[i, row[t], row[t + lag]] += 1
    np.testing.assert_array_equal(transitions.counts(path, 3, lag), slow)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_stationary_distribution_is_the_left_eigenvector(n: int, seed: int) -> None:
    a = chain(n, seed)
    values, vectors = np.linalg.eig(a.T)
    distribution = np.real(vectors[:, np.argmin(abs(values - 1))])
    np.testing.assert_allclose(
        transitions.stationary(a), distribution / distribution.sum(), atol=1e-9
    )


def test_stationary_distribution_of_a_cycle_is_even() -> None:
    np.testing.assert_allclose(transitions.stationary(np.roll(np.eye(3), 1, axis=1)), 1 / 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_closest_is_the_best_of_all_permutations(n: int, seed: int) -> None:
    a, b = chain(n, seed), chain(n, seed + 1)
    distribution = transitions.stationary(a)
    best = min(
        sum(
            distribution[i] * abs(a[i, j] - b[order[i], order[j]]) / 2
            for i in range(n)
            for j in range(n)
        )
        for order in itertools.permutations(range(n))
    )
    distance, match = transitions.closest(a, b, distribution)
    assert distance == pytest.approx(best)
    assert transitions.row_distance(distribution, a, b[np.ix_(match, match)]) == pytest.approx(best)


def test_other_names_are_no_distance_and_forgetting_is_a_large_one() -> None:
    a = chain(4, 0)
    order = [2, 0, 3, 1]
    renamed = np.empty_like(a)
    renamed[np.ix_(order, order)] = a
    assert transitions.compare(a, renamed) == pytest.approx((0, 0), abs=1e-12)
    # States that last for ever against states drawn anew each step: (K - 1) / K.
    sticky = (1 - 1e-9) * np.eye(4) + 1e-9 / 4
    assert transitions.compare(sticky, np.full((4, 4), 0.25))[0] == pytest.approx(0.75, abs=1e-6)


def test_row_that_was_never_left_is_fully_wrong() -> None:
    moves = np.array([[3.0, 1.0], [0.0, 0.0]])
    distributions = transitions.normalised(moves)
    np.testing.assert_array_equal(distributions[0], [0.75, 0.25])
    assert np.isnan(distributions[1]).all()
    distribution = np.array([0.6, 0.4])
    assert (
        transitions.row_distance(distribution, np.array([[0.75, 0.25], [0.5, 0.5]]), distributions)
        == 0.4
    )


def split_state(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Split every state into two that move alike but for which half they land in."""
    share = rng.dirichlet(np.ones(2), size=(2 * len(a), len(a)))
    fine = np.repeat(a, 2, axis=0)[:, :, None] * share
    return fine.reshape(2 * len(a), 2 * len(a))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_lumping_undoes_a_split_without_defect(n: int, seed: int) -> None:
    a = chain(n, seed)
    fine = split_state(a, np.random.default_rng(seed))
    distribution = transitions.stationary(fine)
    lumped, defect = transitions.lump(fine, distribution, np.repeat(np.arange(n), 2), n)
    np.testing.assert_allclose(lumped, a, atol=1e-9)
    assert defect == pytest.approx(0, abs=1e-9)
    # Found with too many states: each true state meets its two halves.
    table = (
        np.repeat(np.diag(transitions.stationary(a)), 2, axis=1) * distribution / distribution.sum()
    )
    assert transitions.compare(a, fine, 1000 * table) == pytest.approx((0, 0), abs=1e-6)
    # And with too few: the truth is lumped.
    assert transitions.compare(fine, a, table.T) == pytest.approx((0, 0), abs=1e-6)


def test_lumping_what_cannot_be_lumped_has_a_defect() -> None:
    # States 1 and 2 are merged, and only one of them ever goes to 0.
    a = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    distribution = np.array([0.25, 0.25, 0.5])
    lumped, defect = transitions.lump(a, distribution, np.array([0, 1, 1]), 2)
    np.testing.assert_allclose(lumped, [[0, 1], [1 / 3, 2 / 3]])
    assert defect == pytest.approx(0.25 * 2 / 3 + 0.5 * 1 / 3)


def test_true_state_that_is_never_found_is_fully_wrong() -> None:
    truth = np.full((3, 3), 1 / 3)
    found = np.full((4, 4), 0.25)
    # Two found states each join true state 0 and 1; none joins 2.
    table = np.array([[4.0, 4, 0, 0], [0, 0, 4, 4], [1, 1, 1, 1]])
    lumped = np.array([[0.5, 0.5, 0]] * 2)
    wanted = (2 / 3) * 0.5 * np.abs(lumped - truth[:2]).sum(axis=1).mean() + 1 / 3
    assert transitions.compare(truth, found, table).total_variation == pytest.approx(wanted)


def test_large_chains_are_matched_by_their_labels() -> None:
    a = chain(10, 1)
    order = np.random.default_rng(0).permutation(10)
    renamed = a[np.ix_(order, order)]
    table = np.eye(10)[:, order] * 50 + 1
    assert transitions.compare(a, renamed, table) == pytest.approx((0, 0), abs=1e-12)
    assert transitions.compare(a, renamed, np.eye(10)).total_variation > 0.2
    with pytest.raises(DataError, match="10 true and 10 found states need a table"):
        transitions.compare(a, renamed)
    with pytest.raises(DataError, match=r"of shape \(3, 2\)"):
        transitions.compare(chain(3, 0), chain(2, 0), np.ones((2, 3)))
    with pytest.raises(DataError, match="too many permutations"):
        transitions.closest(a, a, np.full(10, 0.1))
