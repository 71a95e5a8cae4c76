"""The null of an agreement follows the truth: shifts where it changes, permutations elsewhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from hmmlens.stats import permutation
from hmmlens.stats.agreement import bootstrap, rand_index
from hmmlens.stats.permutation import AgreementTest, agreement_test


def ask(
    truth: np.ndarray,
    found: np.ndarray,
    group: np.ndarray | None = None,
    n: int = 99,
    seed: int = 0,
) -> AgreementTest:
    rng = np.random.default_rng(seed)
    return agreement_test(truth, found, np.full(*truth.shape), rand_index, n, rng, group)


def speakers(
    rng: np.random.Generator, n: int = 30, follows: float = 0.0, kinds: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Return a speaker for each sequence, and slow states that follow the speaker or nothing."""
    who, own = rng.integers(0, kinds, (2, n))
    place = np.where(rng.random(n) < follows, who, own)
    found = np.where(rng.random((n, 20)) < 0.2, rng.integers(0, kinds, (n, 20)), place[:, None])
    return np.repeat(who[:, None], 20, axis=1), found


def test_a_truth_for_each_sequence_is_permuted_over_sequences() -> None:
    truth, found = speakers(np.random.default_rng(0), follows=0.9)
    tested = ask(truth, found)
    assert (tested.null, tested.n_units, tested.p) == (permutation.SEQUENCES, 30, 1 / 100)
    assert tested.description == "permuted over 30 sequences"
    # All scores of the null are those of sequences that changed places.
    assert len(tested.scores) == 99 and tested.scores.max() < 0.3


def test_p_values_of_speakers_are_uniform_where_nothing_follows_them() -> None:
    p = []
    for seed in range(120):
        truth, found = speakers(np.random.default_rng(seed), n=15)
        p.append(ask(truth, found, n=39, seed=seed).p)
    counts = np.histogram(p, bins=[0, 0.25, 0.5, 0.75, 1.01])[0]
    # 30 in each quarter; four standard deviations of a binomial are 19.
    assert np.abs(counts - 30).max() < 19
    # 5 % of 120 are 6; more than 15 by chance once in three thousand.
    assert sum(value <= 0.05 for value in p) <= 15


@pytest.mark.parametrize("seed", range(5))
def test_few_sequences_are_put_in_all_orders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([0, 0, 1, 1, 2])
    found = rng.integers(0, 3, (5, 9))
    truth = np.repeat(labels[:, None], 9, axis=1)
    tested = ask(truth, found)
    ways = sorted(set(itertools.permutations(labels.tolist())))
    scores = [adjusted_rand_score(np.repeat(way, 9), found.ravel()) for way in ways]
    observed = adjusted_rand_score(truth.ravel(), found.ravel())
    assert tested.p == pytest.approx(np.mean([s >= observed - 1e-9 for s in scores]))
    np.testing.assert_allclose(np.sort(tested.scores), np.sort(scores), atol=1e-12)
    # The two pairs may change names, so no p is below 2 of 30.
    assert tested.least == pytest.approx(np.mean([s >= max(scores) - 1e-9 for s in scores]))
    assert tested.least >= 2 / 30


def test_short_recordings_are_shifted_by_every_step() -> None:
    truth = np.array([[0, 0, 0, 1, 1, 1, 1, 0]])
    tested = ask(truth, truth)
    scores = [adjusted_rand_score(np.roll(truth[0], k), truth[0]) for k in range(8)]
    np.testing.assert_allclose(np.sort(tested.scores), np.sort(scores), atol=1e-12)
    # Moved by half its length it is its own mirror, which agrees as well.
    assert tested.p == tested.least == 2 / 8
    assert tested.null == permutation.SHIFTED


def persons(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a condition of each of 12 persons with 5 sequences, and states of the person alone."""
    group = np.repeat(np.arange(12), 5)
    condition, own = rng.integers(0, 2, (2, 12))
    noise = rng.integers(0, 2, (60, 10))
    found = np.where(rng.random((60, 10)) < 0.1, noise, own[group][:, None])
    return np.repeat(condition[group][:, None], 10, axis=1), found, group


def test_persons_not_their_sequences_are_the_observations() -> None:
    low, naive = 0, 0
    for seed in range(20):
        truth, found, group = persons(np.random.default_rng(seed))
        tested = ask(truth, found, group, n=39, seed=seed)
        if tested.reason:
            continue
        assert (tested.null, tested.n_units) == (permutation.GROUPS, 12)
        low += tested.p <= 0.05
        naive += ask(truth, found, n=39, seed=seed).p <= 0.05
    # 1 of 20 on average, more than 5 by chance once in three thousand.
    assert low <= 5 < naive


def test_conditions_within_persons_change_places_within_persons() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(6), 6)
    condition = np.tile([0, 1], 18)
    truth = np.repeat(condition[:, None], 10, axis=1)
    found = np.where(rng.random((36, 10)) < 0.1, 2, truth)
    tested = ask(truth, found, group)
    assert (tested.null, tested.n_units, tested.p) == (permutation.WITHIN, 36, 0.01)
    # A person whose sequences are all alike carries no information, and is not counted.
    truth[:6] = 1
    assert ask(truth, found, group).n_units == 30


def test_partly_constant_truths_are_shifted_and_permuted() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 2, (20, 1)), 30, axis=1)
    truth[:6] = np.repeat(rng.integers(0, 2, (6, 6)), 5, axis=1)
    truth[0, :] = -1
    tested = ask(truth, np.where(rng.random(truth.shape) < 0.2, 1 - truth, truth))
    n_moving = sum(len(set(row[row >= 0])) > 1 for row in truth)
    assert tested.null == "shifted in time where it changes, permuted over sequences elsewhere"
    assert tested.n_units == 19 and 3 <= n_moving <= 5
    assert tested.p == 0.01


def test_sequences_of_one_step_are_permuted() -> None:
    truth = np.random.default_rng(0).integers(0, 2, (40, 1))
    tested = ask(truth, truth)
    assert (tested.null, tested.n_units, tested.p) == (permutation.SEQUENCES, 40, 0.01)


@pytest.mark.parametrize(
    ("truth", "group", "reason"),
    [
        ([[1, 1, 1, 1]], None, "one and the same in every sequence"),
        ([[1, 1], [1, 1], [1, 1]], None, "one and the same in every sequence"),
        ([[0, 0], [1, 1], [2, 2]], None, "the same with any truth"),
        ([[0, 0], [1, 1]], [4, 4], "the same with any truth"),
        ([[0, 0], [0, 0]], [4, 4], "one and the same in every group"),
        ([[-1, -1], [-1, -1]], None, "no step has a known truth"),
    ],
)
def test_where_nothing_can_change_there_is_no_test(
    truth: list[list[int]], group: list[int] | None, reason: str
) -> None:
    given = np.array(truth)
    found = np.arange(given.size).reshape(given.shape) % 2
    tested = ask(given, found, None if group is None else np.array(group))
    assert np.isnan(tested.p) and tested.null == permutation.NONE
    assert reason in tested.description


def test_a_null_of_few_arrangements_states_what_it_cannot_show() -> None:
    # Two labels over four sequences: 6 arrangements, of which 2 agree perfectly with two states.
    truth = np.repeat([[0], [1], [1], [0]], 5, axis=1)
    tested = ask(truth, truth)
    assert tested.p == tested.least == pytest.approx(2 / 6)
    assert tested.description == (
        "permuted over 4 sequences, which allows no p below 0.33, so that chance cannot be excluded"
    )


def test_one_state_everywhere_agrees_no_more_than_chance() -> None:
    truth, _ = speakers(np.random.default_rng(0))
    assert ask(truth, np.zeros_like(truth)).p == 1.0


def test_intervals_resample_groups() -> None:
    rng = np.random.default_rng(0)
    truth, found, group = persons(rng)
    wide = bootstrap(truth, found, 200, np.random.default_rng(1), ["accuracy"], group)["accuracy"]
    narrow = bootstrap(truth, found, 200, np.random.default_rng(1), ["accuracy"])["accuracy"]
    # Five sequences of a person are one observation: wider by about the root of five.
    assert 1.5 < (wide[1] - wide[0]) / (narrow[1] - narrow[0]) < 3
    one = bootstrap(truth[:5], found[:5], 20, rng, ["accuracy"], group[:5])["accuracy"]
    assert np.isnan(one).all()
