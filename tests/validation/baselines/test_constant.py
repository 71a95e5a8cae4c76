"""Simple predictors against slow counting and planted answers."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.validation.baselines import constant

Pairs = list[list[tuple[int, int]]]


def slow_ngram(train: Pairs, test: Pairs, order: int, n_targets: int) -> float:
    """Count contexts of every length in dictionaries; predict each target that is known."""
    counts: defaultdict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.5] * n_targets)
    losses = []
    for rows in (train, test):
        for row in rows:
            inputs = [symbol for symbol, _ in row]
            for t, (_, target) in enumerate(row):
                contexts = [tuple(inputs[t + 1 - n : t + 1]) for n in range(min(order, t + 1) + 1)]
                if target >= 0 and rows is train:
                    for context in contexts:
                        counts[context][target] += 1
                elif target >= 0:
                    found = counts[contexts[-1]]
                    losses.append(-math.log(found[target] / sum(found)))
    return sum(losses) / len(losses)


def padded(rows: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets (sequence, time), 0 and -1 past each end."""
    longest = max(map(len, rows))
    both = np.array([row + [(0, -1)] * (longest - len(row)) for row in rows])
    return both[..., 0], both[..., 1]


@st.composite
def ragged(draw: st.DrawFn) -> tuple[Pairs, Pairs, int, int]:
    v, w = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    step = st.tuples(st.integers(0, v - 1), st.integers(-1, w - 1))
    known = st.tuples(st.integers(0, v - 1), st.integers(0, w - 1))
    row = st.builds(lambda a, b: [a, *b], known, st.lists(step, max_size=7))
    rows = st.lists(row, min_size=1, max_size=5)
    return draw(rows), draw(rows), v, w


@settings(max_examples=100, deadline=None)
@given(ragged(), st.integers(0, 4))
def test_ngram_equals_slow_counting(drawn: tuple[Pairs, Pairs, int, int], order: int) -> None:
    train, test, v, w = drawn
    found = constant.ngram_nll(*padded(train), *padded(test), order, v, w)
    assert found == pytest.approx(slow_ngram(train, test, order, w), rel=1e-12)


def next_of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return symbols and the next ones, -1 at the end."""
    return rows, np.concatenate([rows[:, 1:], np.full((len(rows), 1), -1)], axis=1)


def test_ngram_knows_a_cycle_from_enough_context() -> None:
    # 0 0 1 1: one symbol of context leaves one bit, two leave none.
    rows = np.array([np.roll(np.tile([0, 0, 1, 1], 100), shift) for shift in range(4)])
    data = next_of(rows) * 2
    assert constant.ngram_nll(*data, 1, 2, 2) == pytest.approx(math.log(2), abs=0.01)
    assert constant.ngram_nll(*data, 2, 2, 2) < 0.02


def test_ngram_reads_a_target_that_is_not_the_next_symbol_where_there_is_one() -> None:
    # The target is the exclusive or of the last two symbols; steps without one do not count.
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2, size=(50, 40))
    target = np.full_like(inputs, -1)
    target[:, 1:-5] = inputs[:, 1:-5] ^ inputs[:, :-6]
    inputs[:, -4:] = -1
    nll = [constant.ngram_nll(inputs, target, inputs, target, order, 2, 2) for order in (0, 1, 2)]
    assert nll[:2] == pytest.approx([math.log(2)] * 2, abs=0.01)
    assert nll[2] < 0.01


def test_logistic_recovers_planted_probabilities() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, 40, 100, 2))
    score = 2 * inputs[..., 0]
    score[:, :, 1:] -= 3 * inputs[:, :, :-1, 1]
    p = 1 / (1 + np.exp(-score))
    target = (rng.random(p.shape) < p).astype(int)
    target[:, ::3, -1] = -1
    entropy = -np.log(np.where(target == 1, p, 1 - p))[1][target[1] >= 0].mean()
    found = constant.logistic_nll(inputs[0], target[0], inputs[1], target[1], 2)
    assert found == pytest.approx(entropy, rel=0.02)
    assert found < 0.6 * math.log(2)
    # Without the last input but one, the loss is larger.
    assert constant.logistic_nll(inputs[0], target[0], inputs[1], target[1], 2, 1) > 1.2 * found


def test_logistic_with_symbols_that_train_has_not() -> None:
    inputs = np.random.default_rng(0).normal(size=(5, 4, 1))
    zeros, twos = np.zeros((5, 4), int), np.full((5, 4), 2)
    # 20 steps of symbol 0 and half a count of each of three.
    found = constant.logistic_nll(inputs, zeros, inputs, twos, 3)
    assert found == pytest.approx(-math.log(0.5 / 21.5))
    mixed = zeros.copy()
    mixed[0] = 1
    assert np.isfinite(constant.logistic_nll(inputs, mixed, inputs, twos, 3))


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
    assert constant.linear_mse(inputs[0], train, inputs[1], test) < 1e-20
    assert constant.linear_mse(inputs[0], train, inputs[1], test, n_lags=4) < 1e-20
    # Without its oldest input, the error is what that input carried.
    missing = constant.linear_mse(inputs[0], train, inputs[1], test, n_lags=3)
    assert missing == pytest.approx((weights[3] ** 2).sum(axis=0).mean(), rel=0.15)


@pytest.mark.parametrize("n_steps", [2, 5, 10])
def test_linear_takes_sequences_shorter_than_its_lags(n_steps: int) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, n_steps, 1))
    target = 2 * inputs
    target[:, 1:] -= inputs[:, :-1]
    assert constant.linear_mse(inputs, target, inputs, target) < 1e-20


def test_errors_of_the_mean_and_of_persistence_by_hand() -> None:
    train = np.array([[[1.0, 10], [3, 30]], [[np.nan, np.nan], [5, 20]]])
    test = np.array([[[4.0, 20], [np.nan, np.nan]], [[3, 23], [0, 20]]])
    # Train means are 3 and 20.
    by_hand = np.mean([1, 0, 0, 9, 9, 0])
    assert constant.marginal_mse(train, test) == pytest.approx(by_hand)
    inputs = np.array([[[4.0, 21], [9, 9]], [[3, 20], [1, 20]]])
    assert constant.persistence_mse(inputs, test) == pytest.approx(np.mean([0, 1, 0, 9, 1, 0]))
