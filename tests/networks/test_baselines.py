"""Simple predictors against slow counting and planted answers."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.networks import baselines


def slow_ngram(train: list[list[int]], test: list[list[int]], order: int, n_symbols: int) -> float:
    """Count contexts of every length in dictionaries; predict each symbol but the first."""
    counts: defaultdict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.5] * n_symbols)
    for row in train:
        for t in range(1, len(row)):
            for length in range(min(order, t) + 1):
                counts[tuple(row[t - length : t])][row[t]] += 1
    losses = []
    for row in test:
        for t in range(1, len(row)):
            found = counts[tuple(row[max(0, t - order) : t])]
            losses.append(-math.log(found[row[t]] / sum(found)))
    return sum(losses) / len(losses)


def next_nll(train: np.ndarray, test: np.ndarray, order: int, v: int) -> float:
    """Predict each symbol but the first from those before it."""
    return baselines.ngram_nll(train[:, :-1], train[:, 1:], test[:, :-1], test[:, 1:], order, v)


@st.composite
def symbols(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], int]:
    v, steps = draw(st.integers(2, 4)), draw(st.integers(2, 8))
    row = st.lists(st.integers(0, v - 1), min_size=steps, max_size=steps)
    rows = st.lists(row, min_size=1, max_size=5)
    return draw(rows), draw(rows), v


@settings(max_examples=100, deadline=None)
@given(symbols(), st.integers(0, 4))
def test_ngram_equals_slow_counting(
    drawn: tuple[list[list[int]], list[list[int]], int], order: int
) -> None:
    train, test, v = drawn
    found = next_nll(np.array(train), np.array(test), order, v)
    assert found == pytest.approx(slow_ngram(train, test, order, v), rel=1e-12)


def test_ngram_knows_a_cycle_from_enough_context() -> None:
    # 0 0 1 1: one symbol of context leaves one bit, two leave none.
    rows = np.array([np.roll(np.tile([0, 0, 1, 1], 100), shift) for shift in range(4)])
    assert next_nll(rows, rows, 1, 2) == pytest.approx(math.log(2), abs=0.01)
    assert next_nll(rows, rows, 2, 2) < 0.02


def test_ngram_reads_a_target_that_is_not_the_next_symbol_where_there_is_one() -> None:
    # The target is the exclusive or of the last two symbols; steps without one do not count.
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2, size=(50, 40))
    target = np.full_like(inputs, -1)
    target[:, 1:-5] = inputs[:, 1:-5] ^ inputs[:, :-6]
    inputs[:, -4:] = -1
    nll = [baselines.ngram_nll(inputs, target, inputs, target, order, 2) for order in (0, 1, 2)]
    assert nll[:2] == pytest.approx([math.log(2)] * 2, abs=0.01)
    assert nll[2] < 0.01


def test_linear_recovers_a_planted_filter() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 2, 3))
    inputs = rng.normal(size=(2, 8, 100, 2))
    target = np.zeros((2, 8, 100, 3)) + 0.7
    for lag in range(4):
        target[:, :, lag:] += inputs[:, :, : 100 - lag] @ weights[lag]
    train, test = target[0].copy(), target[1].copy()
    train[0, 10] = test[0, 10] = np.nan
    train[1, 10, 1] = np.nan
    assert baselines.linear_mse(inputs[0], train, inputs[1], test) < 1e-20
    assert baselines.linear_mse(inputs[0], train, inputs[1], test, n_lags=4) < 1e-20
    # Without its oldest input, the error is what that input carried.
    missing = baselines.linear_mse(inputs[0], train, inputs[1], test, n_lags=3)
    assert missing == pytest.approx((weights[3] ** 2).sum(axis=0).mean(), rel=0.15)


@pytest.mark.parametrize("n_steps", [2, 5, 10])
def test_linear_takes_sequences_shorter_than_its_lags(n_steps: int) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, n_steps, 1))
    target = 2 * inputs
    target[:, 1:] -= inputs[:, :-1]
    assert baselines.linear_mse(inputs, target, inputs, target) < 1e-20


def test_errors_of_the_mean_and_of_persistence_by_hand() -> None:
    train = np.array([[[1.0, 10], [3, 30]], [[np.nan, np.nan], [5, 20]]])
    test = np.array([[[4.0, 20], [np.nan, np.nan]], [[3, 23], [0, 20]]])
    # Train means are 3 and 20.
    by_hand = np.mean([1, 0, 0, 9, 9, 0])
    assert baselines.marginal_mse(train, test) == pytest.approx(by_hand)
    inputs = np.array([[[4.0, 21], [9, 9]], [[3, 20], [1, 20]]])
    assert baselines.persistence_mse(inputs, test) == pytest.approx(np.mean([0, 1, 0, 9, 1, 0]))
