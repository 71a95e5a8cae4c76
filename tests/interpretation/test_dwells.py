"""Dwells of planted chains that are cut off, compared with their true distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from hmmlens.interpretation import dwells


def chain(leave: float, n: int, n_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Return paths of two states that are both left with one probability at each step."""
    moves = rng.random((n, n_steps)) < leave
    moves[:, 0] = rng.random(n) < 0.5
    return moves.cumsum(axis=1) % 2


@pytest.mark.parametrize(("leave", "n_steps"), [(0.1, 13), (0.3, 13), (0.05, 40)])
def test_a_censored_geometric_chain_has_its_known_dwell(leave: float, n_steps: int) -> None:
    """Means of whole visits would be far too short: none is longer than its sequence."""
    inside, estimates = 0, []
    for seed in range(60):
        found = dwells.dwells(chain(leave, 60, n_steps, np.random.default_rng(seed)), 2)
        inside += int(found.low[0] <= 1 / leave <= found.high[0])
        estimates.append(found.exits[0] / found.at_risk[0])
    # The exact interval covers at least 95 %; fewer than 50 of 60 by chance once in a thousand.
    assert inside >= 50
    # The rate is unbiased: within four standard errors of its mean.
    spread = np.std(estimates) / np.sqrt(60)
    assert abs(np.mean(estimates) - leave) < 4 * spread


def test_limits_are_the_exact_ones_of_a_binomial_share() -> None:
    path = chain(0.2, 20, 50, np.random.default_rng(0))
    found = dwells.dwells(path, 2)
    for state in (0, 1):
        n = int((path[:, :-1] == state).sum())
        exits = int(((path[:, :-1] == state) & (path[:, 1:] != state)).sum())
        assert (found.at_risk[state], found.exits[state]) == (n, exits)
        limits = binomtest(exits, n).proportion_ci(0.95, "exact")
        assert found.low[state] == pytest.approx(1 / limits.high)
        assert found.high[state] == pytest.approx(1 / limits.low)
        assert found.estimate[state] == pytest.approx(n / exits)


def test_no_dwell_is_longer_than_the_sequences_show() -> None:
    # 60 sequences of 13 steps in one state, and one exit: the rate gives 720 steps.
    path = np.zeros((60, 13), int)
    path[0, -1] = 1
    found = dwells.dwells(path, 3)
    assert (found.exits[0], found.at_risk[0]) == (1, 720)
    assert np.isnan(found.estimate[0]) and found.low[0] == 13 and np.isinf(found.high[0])
    assert dwells.words(np.nan, found.low[0], found.high[0]) == "longer than 13 steps"
    # State 1 was seen at an end only, state 2 never.
    assert np.isnan([found.low[1], found.low[2]]).all()
    assert dwells.words(np.nan, found.low[1], found.high[1]) == "not known"
    # Few steps without an exit are weak evidence, whatever the length of the sequence.
    short = np.array([[1] * 10 + [0, 0, 0]])
    low = dwells.dwells(short, 2).low[0]
    assert low == pytest.approx(1 / (1 - 0.025 ** (1 / 2)))
    assert dwells.words(np.nan, low, np.inf) == "longer than 1.1 steps"


def test_padding_and_unknown_steps_are_no_exits() -> None:
    path = np.array([[0, 0, 0, -1, -1], [0, 0, 1, 1, 0], [-1, 0, 0, -1, 1]])
    found = dwells.dwells(path, 2)
    assert found.exits.tolist() == [1, 1] and found.at_risk.tolist() == [5, 2]


def test_words_of_a_dwell() -> None:
    assert dwells.words(8.24, 6.13, 11.4) == "8.2 steps (6.1 to 11)"
    assert dwells.words(8.24, 6.13, np.inf) == "8.2 steps (6.1 or more)"
    assert dwells.words(np.nan, 1.0, np.inf) == "longer than 1 step"
    # A bound is rounded down.
    assert dwells.words(np.nan, 12.72, np.inf) == "longer than 12 steps"
    assert dwells.short(np.nan, 3.19) == ">3.1"
    assert [dwells.short(8.24, 6.1), dwells.short(np.nan, 13.0)] == ["8.2", ">13"]
    assert dwells.short(np.nan, np.nan) == ""
