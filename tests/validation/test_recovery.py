"""Agreement of labellings against scikit-learn and all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from hmmlens.validation import recovery
from hmmlens.validation.recovery import agreement, bootstrap, contingency


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
    if len(set(one)) > 1 or len(set(two)) > 1:
        expected = normalized_mutual_info_score(one, two)
        assert scores["nmi"] == pytest.approx(expected, abs=1e-10)
    else:
        # scikit-learn says 1, but a single state that meets a single truth has told nothing.
        assert scores["nmi"] == 0


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
    assert agreement(truth, renamed) == pytest.approx({"ari": 1, "nmi": 1, "accuracy": 1})


def test_bootstrap_of_one_sequence_has_no_interval() -> None:
    labels = np.array([[0, 1, 0, 1]])
    limits = bootstrap(labels, labels, 50, np.random.default_rng(0))
    assert set(limits) == {"ari", "nmi", "accuracy"}
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
    assert set(recovery.SCORES) == {"ari", "nmi", "accuracy"}
