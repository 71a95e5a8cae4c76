"""Fidelity is 1 for a perfect stand-in, 0 for the average, and follows its closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import r2_score

from hmmlens.interpretation.state_probabilities import state_outputs
from hmmlens.recording.activations import output_distribution
from hmmlens.validation.fidelity import fidelity

SEEDS = st.integers(0, 2**32 - 1)


def distributions(seed: int, n: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), n)


@pytest.mark.parametrize("kind", ["symbols", "values"])
def test_perfect_is_one_and_average_is_zero(kind: str) -> None:
    distribution = distributions(0)
    average = distribution.mean(axis=0)
    assert fidelity(distribution, distribution, average, kind) == pytest.approx(1, abs=1e-9)
    blind = np.broadcast_to(average, distribution.shape)
    assert fidelity(distribution, blind, average, kind) == pytest.approx(0, abs=1e-9)
    assert fidelity(distribution, distribution[::-1], average, kind) < 0


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_symbols_follow_the_divergences_of_scipy(seed: int) -> None:
    distribution, predicted = distributions(seed), distributions(seed + 1)
    average = distributions(seed + 2, 1)[0]
    loss = entropy(distribution, predicted, axis=1).mean()
    worst = entropy(distribution, np.tile(average, (40, 1)), axis=1).mean()
    found = fidelity(distribution, predicted, average, "symbols")
    assert found == pytest.approx(1 - loss / worst, rel=1e-6, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_values_follow_the_r2_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    distribution = rng.normal(size=(40, 1))
    predicted = distribution + 0.3 * rng.normal(size=distribution.shape)
    found = fidelity(distribution, predicted, distribution.mean(axis=0), "values")
    assert found == pytest.approx(r2_score(distribution, predicted), abs=1e-10)


def test_two_states_in_closed_form() -> None:
    # Distributions (1, 0) and (0, 1) by turns: the average leaves log 2; predicted right with
    # probability 3/4, the stand-in leaves log 4/3.
    distribution = np.tile(np.eye(2), (10, 1))
    predicted = np.where(distribution == 1, 0.75, 0.25)
    expected = 1 - np.log(4 / 3) / np.log(2)
    found = fidelity(distribution, predicted, np.array([0.5, 0.5]), "symbols")
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", ["symbols", "values"])
def test_network_that_always_emits_the_same_has_no_fidelity(kind: str) -> None:
    distribution = np.tile([0.25, 0.75], (10, 1))
    assert np.isnan(fidelity(distribution, distribution, distribution[0], kind))


def test_distribution_of_logits_is_the_softmax_even_of_large_ones() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 5, 3))
    logits[0, 0] = [1e4, 0, -1e4]
    found = output_distribution(logits, "symbols")
    np.testing.assert_allclose(found, softmax(logits, axis=-1), atol=1e-12)
    np.testing.assert_array_equal(output_distribution(logits, "values"), logits)


def test_distribution_of_a_network_in_single_precision_adds_up_to_one() -> None:
    logits = (10 * np.random.default_rng(0).normal(size=(2, 500, 9))).astype(np.float32)
    found = output_distribution(logits, "symbols")
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-12)
    np.testing.assert_allclose(found, softmax(logits.astype(np.float64), axis=-1), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_state_outputs_equal_a_slow_weighted_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    posteriors, distribution = rng.dirichlet(np.ones(3), (4, 6)), rng.normal(size=(4, 6, 2))
    slow = np.zeros((3, 2))
    for state in range(3):
        weights = posteriors[..., state].ravel()
        slow[state] = np.average(distribution.reshape(-1, 2), axis=0, weights=weights)
    np.testing.assert_allclose(state_outputs(posteriors, distribution), slow, atol=1e-12)


def test_state_never_visited_has_the_average_output() -> None:
    posteriors = np.array([[[1.0, 0], [1, 0], [0, 0]]])
    distribution = np.array([[[1.0], [3], [np.nan]]])
    # The last step lies past the end: it counts for no state, nor for the average.
    assert state_outputs(posteriors, distribution).tolist() == [[2], [2]]
