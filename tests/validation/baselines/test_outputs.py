"""Predictors without states against slow dictionaries and planted weights."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from hmmlens.errors import DataError
from hmmlens.validation.baselines.outputs import linear_prediction, ngram_distribution


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 3))
def test_ngram_distribution_equals_slow_dictionaries(seed: int, order: int, lag: int) -> None:
    rng = np.random.default_rng(seed)
    train, test = rng.integers(0, 3, size=(2, 4, 7))
    train[1, 4:] = test[2, 5:] = -1
    distribution = rng.dirichlet(np.ones(2), size=(4, 7))
    distribution[1, 4:] = np.nan
    sums: defaultdict[tuple[int, ...], list[np.ndarray]] = defaultdict(list)
    for row, out in zip(train.tolist(), distribution, strict=True):
        for t in range(7):
            if row[t] >= 0:
                for n in range(order + 1):
                    if n == 0 or t - lag - n + 1 >= 0:
                        sums[tuple(row[t - lag - n + 1 : t - lag + 1]) if n else ()].append(out[t])
    found = ngram_distribution(train, distribution, test, order, 3, lag)
    for i, row in enumerate(test.tolist()):
        for t in range(7):
            if row[t] < 0:
                continue
            contexts = [
                tuple(row[t - lag - n + 1 : t - lag + 1]) if n else ()
                for n in range(order, -1, -1)
                if n == 0 or t - lag - n + 1 >= 0
            ]
            known = next(c for c in contexts if c in sums)
            np.testing.assert_allclose(found[i, t], np.mean(sums[known], axis=0))


def test_ngrams_see_no_further_than_their_order() -> None:
    # The output is the symbol three steps back.
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 2, size=(60, 50))
    distribution = np.eye(2)[np.roll(symbols, 3, axis=1)]

    def error(order: int) -> float:
        found = ngram_distribution(symbols[:30], distribution[:30], symbols[30:], order, 2)
        return float(((found - distribution[30:])[:, 4:] ** 2).mean())

    assert error(4) < 1e-3
    assert error(3) > 0.2


def test_linear_prediction_is_ridge() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(2, 10, 30, 4))
    inside = np.arange(30) < rng.integers(10, 31, size=10)[:, None]
    distribution = rng.normal(size=(10, 30, 2))
    given, wanted = train[inside], distribution[inside]
    scale = 0.1 * ((given - given.mean(0)) ** 2).sum() / 4
    theirs = Ridge(scale).fit(given, wanted)
    found = linear_prediction(train, distribution, inside, test, ridge=0.1)
    np.testing.assert_allclose(found.reshape(-1, 2), theirs.predict(test.reshape(-1, 4)))


def test_linear_prediction_reads_a_linear_network_and_no_other() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(20, 30, 4))
    inside = np.ones((10, 30), dtype=bool)
    distribution = np.full((20, 30, 1), np.nan)
    distribution[:, 2:] = hidden[:, :-2, :1] - 3 * hidden[:, :-2, 1:2] + 1
    distribution[:, :2] = 0

    def error(out: np.ndarray, lag: int) -> float:
        found = linear_prediction(hidden[:10], out[:10], inside, hidden[10:], lag)
        assert np.isnan(found[:, :lag]).all()
        return float(((found - out[10:])[:, 2:] ** 2).mean())

    assert error(distribution, 2) < 1e-8
    assert error(distribution, 0) > 5
    # The square of a unit is not linear in it.
    assert error(hidden[..., :1] ** 2, 0) > 1.5


def test_too_short_sequences_are_refused() -> None:
    with pytest.raises(DataError, match="longer than the lag of 5 steps"):
        linear_prediction(np.zeros((2, 5, 1)), np.zeros((2, 5, 1)), np.ones((2, 5), bool),
                   np.zeros((2, 5, 1)), 5)  # fmt: skip
