"""Agreement of labellings against scikit-learn and all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    homogeneity_score,
    normalized_mutual_info_score,
)

from hmmlens.stats.agreement import SCORES, agreement, bootstrap, contingency, mapped_accuracy


@st.composite
def labellings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draw truth and found states (sequence, time), some steps unknown in either."""
    n, steps = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    kinds = draw(st.tuples(st.integers(0, 3), st.integers(0, 4)))
    pair = [
        draw(st.lists(st.integers(-1, kind), min_size=n * steps, max_size=n * steps))
        for kind in kinds
    ]
    truth, found = (np.array(labels).reshape(n, steps) for labels in pair)
    assume(((truth >= 0) & (found >= 0)).any())
    return truth, found


@settings(max_examples=100, deadline=None)
@given(labellings())
def test_scores_equal_scikit_learn_on_known_steps(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    truth, found = drawn
    known = (truth >= 0) & (found >= 0)
    one, two = truth[known], found[known]
    scores = agreement(truth, found)
    assert scores["ari"] == pytest.approx(adjusted_rand_score(one, two), abs=1e-10)
    assert scores["homogeneity"] == pytest.approx(homogeneity_score(one, two), abs=1e-10)
    assert scores["completeness"] == pytest.approx(completeness_score(one, two), abs=1e-10)
    if len(set(one)) > 1 or len(set(two)) > 1:
        expected = normalized_mutual_info_score(one, two)
        assert scores["nmi"] == pytest.approx(expected, abs=1e-10)
        expected = adjusted_mutual_info_score(one, two)
        # With as many states as steps nothing is left to adjust, and scikit-learn returns 1.
        if len(set(one)) < len(one) or len(set(two)) < len(two):
            assert scores["ami"] == pytest.approx(expected, abs=1e-10)
    else:
        # scikit-learn returns 1, but a single state and a single truth carry no information.
        assert scores["nmi"] == scores["ami"] == 0


def test_adjusted_information_equals_scikit_learn_on_many_steps() -> None:
    rng = np.random.default_rng(0)
    truth = rng.choice(8, p=rng.dirichlet(np.ones(8)), size=(20, 500))
    for noise in (0.0, 0.3, 1.0):
        found = np.where(rng.random(truth.shape) < noise, rng.integers(0, 11, truth.shape), truth)
        expected = adjusted_mutual_info_score(truth.ravel(), found.ravel())
        assert agreement(truth, found)["ami"] == pytest.approx(expected, abs=1e-10)


def test_labels_at_random_score_nothing_where_chance_is_taken_off() -> None:
    rng = np.random.default_rng(1)
    truth, found = rng.integers(0, 4, size=(2, 20, 30))
    scores = agreement(truth, found)
    assert abs(scores["ari"]) < 0.02
    assert abs(scores["ami"]) < 0.02
    assert scores["homogeneity"] < 0.05
    assert scores["accuracy"] < 0.4


def test_split_and_mixed_states_are_distinguished() -> None:
    truth = np.tile([0, 0, 1, 1], (2, 10))
    split = np.tile([0, 1, 2, 2], (2, 10))
    scores = agreement(truth, split)
    assert scores["homogeneity"] == pytest.approx(1)
    assert scores["completeness"] < 0.7
    scores = agreement(split, truth)
    assert scores["completeness"] == pytest.approx(1)
    assert scores["homogeneity"] < 0.7


def test_mapping_is_learnt_on_train_and_scored_on_test() -> None:
    # Found states 0 and 1 are truth 0, state 2 is truth 1; state 3 never came up in train.
    train = np.array([[5, 4, 1, 0], [1, 0, 6, 0]])
    test = np.array([[3, 2, 4, 1], [2, 0, 7, 5]])
    assert mapped_accuracy(train, test) == pytest.approx((3 + 2 + 7 + 1) / 24)
    # A state for each train step fits train perfectly; on test it knows no more than chance.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=(2, 4000))
    train, test = (np.stack([part == 0, part == 1]).astype(float) for part in truth)
    assert mapped_accuracy(train, train) == 1
    assert mapped_accuracy(train, test) == pytest.approx(0.5, abs=0.05)


@settings(max_examples=100, deadline=None)
@given(labellings())
def test_accuracy_is_the_best_of_all_matchings(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    truth, found = drawn
    known = (truth >= 0) & (found >= 0)
    one, two = truth[known], found[known]
    labels = range(max(one.max(), two.max()) + 1)
    best = max((np.array(p)[two] == one).mean() for p in itertools.permutations(labels))
    assert agreement(truth, found)["accuracy"] == pytest.approx(best)


@settings(max_examples=50, deadline=None)
@given(labellings())
def test_table_counts_each_sequence(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    truth, found = drawn
    table = contingency(truth, found)
    for i, (one, two) in enumerate(zip(truth, found, strict=True)):
        slow = np.zeros(table.shape[1:])
        for a, b in zip(one, two, strict=True):
            if a >= 0 and b >= 0:
                slow[a, b] += 1
        np.testing.assert_array_equal(table[i], slow)


def test_other_names_of_states_do_not_matter() -> None:
    truth = np.random.default_rng(0).integers(0, 4, size=(3, 50))
    renamed = np.array([2, 0, 3, 1])[truth]
    assert agreement(truth, renamed) == pytest.approx(dict.fromkeys(SCORES, 1))


def test_bootstrap_of_one_sequence_has_no_interval() -> None:
    labels = np.array([[0, 1, 0, 1]])
    limits = bootstrap(labels, labels, 50, np.random.default_rng(0))
    assert set(limits) == set(SCORES)
    assert all(np.isnan(limit).all() for limit in limits.values())


def test_bootstrap_equals_resampling_of_whole_sequences() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=(6, 30))
    found = np.where(rng.random((6, 30)) < np.linspace(0.1, 0.9, 6)[:, None], truth, 0)
    found[2, 20:] = -1
    limits = bootstrap(truth, found, 200, np.random.default_rng(1))
    counts = np.random.default_rng(1).multinomial(6, np.full(6, 1 / 6), size=200)
    drawn: dict[str, list[float]] = {"ari": [], "nmi": [], "accuracy": []}
    for count in counts:
        rows = np.repeat(np.arange(6), count)
        known = found[rows] >= 0
        one, two = truth[rows][known], found[rows][known]
        drawn["ari"].append(adjusted_rand_score(one, two))
        drawn["nmi"].append(normalized_mutual_info_score(one, two))
        drawn["accuracy"].append(
            max((np.array(p)[two] == one).mean() for p in itertools.permutations(range(3)))
        )
    assert set(limits) == set(SCORES)
    for name, values in drawn.items():
        assert limits[name] == pytest.approx(np.percentile(values, [2.5, 97.5]))
        low, high = limits[name]
        assert low < agreement(truth, found)[name] < high


def test_bootstrap_takes_sequences_whole() -> None:
    # Every sequence is alike, so resampling them changes nothing; resampling steps would.
    truth, found = np.tile([0, 1, 1, 0, 1], (5, 1)), np.tile([0, 1, 0, 0, 1], (5, 1))
    limits = bootstrap(truth, found, 50, np.random.default_rng(0))
    assert limits["accuracy"] == (0.8, 0.8)
    assert bootstrap(truth, found, 50, np.random.default_rng(1)) == limits


def test_every_score_has_its_oracle_here() -> None:
    assert set(SCORES) == {*("ari", "nmi", "ami", "accuracy", "homogeneity", "completeness")}
