"""Tests given the input: closed forms, sums by hand, and how often chains are refused by chance."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hmmlens.errors import DataError
from hmmlens.stats import chain_given_input, markov_given_input


def pulses(seed: int, n_sequences: int = 20, n_steps: int = 60) -> np.ndarray:
    return (np.random.default_rng(seed).random((n_sequences, n_steps)) < 0.5).astype(int)


def test_information_is_that_of_the_closed_form() -> None:
    """A counter modulo four, of which two states count as one.

    After a pulse the next half has 1 bit; the half before is the other one with probability 1/4,
    and then it is known, else it has h(1/3) bits. Without a pulse nothing is left to know.
    """
    x = pulses(0, 200, 500)
    found = markov_given_input.order_test(
        x.cumsum(axis=1) % 4 // 2, x, 2, 20, np.random.default_rng(0)
    )
    third = -(np.log2(1 / 3) / 3 + np.log2(2 / 3) * 2 / 3)
    assert found.entropy == pytest.approx(0.5, abs=0.01)
    assert found.information == pytest.approx((1 - 0.75 * third) / 2, abs=0.01)
    assert found.p == pytest.approx(1 / 21) and found.least_p == found.p
    assert found.n_transitions == 200 * 498
    # Chance has one degree of freedom in each of the two present states after a pulse.
    assert found.null.mean() == pytest.approx(2 / (2 * np.log(2) * found.n_transitions), rel=0.9)


def test_information_is_a_sum_over_counts_by_hand() -> None:
    rng = np.random.default_rng(1)
    path, x = rng.integers(0, 3, (6, 15)), rng.integers(0, 2, (6, 15))
    path[2, 9:] = -1
    found = markov_given_input.order_test(path, x, 3, 5, rng)
    triples = [
        (x[i, t + 1], path[i, t], path[i, t - 1], path[i, t + 1])
        for i in range(6)
        for t in range(1, 14)
        if path[i, t + 1] >= 0
    ]
    n, whole = len(triples), Counter(triples)
    given, before, after = (
        Counter(tuple(part[i] for i in places) for part in triples)
        for places in ((0, 1), (0, 1, 2), (0, 1, 3))
    )
    wanted = sum(
        count / n * np.log2(count * given[c, s] / before[c, s, b] / after[c, s, a])
        for (c, s, b, a), count in whole.items()
    )
    assert found.information == pytest.approx(wanted) and found.n_transitions == n


def test_a_null_that_cannot_reject_states_it() -> None:
    path = np.array([[0, 1, 0, 0, 1, 1]])
    found = markov_given_input.order_test(
        path, np.zeros_like(path), 2, 99, np.random.default_rng(0)
    )
    assert found.least_p > 0.05
    with pytest.raises(DataError, match="three steps"):
        markov_given_input.order_test(path[:, :2], path[:, :2], 2, 9, np.random.default_rng(0))


def test_defect_is_that_of_products_step_by_step() -> None:
    rng = np.random.default_rng(2)
    path, x = rng.integers(0, 2, (4, 12)), rng.integers(0, 2, (4, 12))
    path[1, 7:] = -1
    table = markov_given_input.chapman_kolmogorov(path, x, 2, 2, 19, rng, (1, 3))
    tables = chain_given_input.transition_tables(path, x, 2, 2)
    away: dict[tuple[int, int], np.ndarray] = {}
    n = 0
    for i in range(4):
        for t in range(9):
            if path[i, t + 3] < 0:
                continue
            predicted = np.eye(2)[path[i, t]]
            for step in (1, 2, 3):
                predicted = predicted @ tables[x[i, t + step]]
            key = path[i, t], x[i, t + 1]
            away[key] = away.get(key, np.zeros(2)) + predicted - np.eye(2)[path[i, t + 3]]
            n += 1
    wanted = sum(np.abs(part).sum() for part in away.values()) / 2 / n
    assert table["defect"].tolist() == pytest.approx([0.0, wanted])
    with pytest.raises(DataError, match="longer than 20 steps"):
        markov_given_input.chapman_kolmogorov(path, x, 2, 2, 19, rng, (1, 20))


def test_ageing_is_found_where_visits_end_after_a_fixed_time() -> None:
    rng = np.random.default_rng(0)
    x = pulses(1)
    clock = (rng.integers(0, 10, (20, 1)) + np.arange(60)) // 5 % 2
    assert (markov_given_input.ageing(clock, x, 2, 2) > 0).all()
    assert (markov_given_input.ageing_p(clock, x, 2, 2, 99, rng) == 0.01).all()


@pytest.mark.parametrize("n_states, concentration", [(2, 0.5), (4, 0.1)])
def test_chains_are_refused_as_often_as_the_level_allows(
    n_states: int, concentration: float
) -> None:
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = np.repeat(pulses(seed, 8, 15), 4, axis=1)
        tables = rng.dirichlet(np.full(n_states, concentration), size=(2, n_states))
        path = chain_given_input.simulated(np.zeros_like(x), x, tables, 1, rng)[0]
        order = markov_given_input.order_test(path, x, n_states, 39, rng).p
        steps = markov_given_input.chapman_kolmogorov(path, x, n_states, 2, 39, rng, (3,))["p"][0]
        found.append((order, steps, *markov_given_input.ageing_p(path, x, n_states, 2, 39, rng)))
    refused = (np.array(found) <= 0.05).sum(axis=0)
    # 60 tests at 5 %: 3 on average, more than 9 once in two thousand.
    assert (refused <= 9).all(), refused
