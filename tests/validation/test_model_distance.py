"""Distances between models against the closed form for chains whose states are seen."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.stats.transitions import stationary
from hmmlens.validation.model_distance import juang_rabiner, symbol_model


def seen(transmat: np.ndarray) -> CategoricalHMM:
    n = len(transmat)
    return CategoricalHMM.from_parameters(stationary(transmat), transmat, np.eye(n))


def test_rate_is_the_divergence_of_the_transitions_where_states_are_seen() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(3), (2, 3))
    wanted = (stationary(a)[:, None] * a * np.log(a / b)).sum()
    found = juang_rabiner(seen(a), seen(b), 100, 500, rng)
    half = (found.high - found.low) / 2
    # The first symbol's distribution differs too, and weighs one in 500.
    assert abs(found.value - wanted) < 2.6 * half + 0.01
    assert half < 0.1 * wanted


def test_no_distance_to_itself_or_to_other_names() -> None:
    hmm = preset_hmm("cyclic4")
    order = [3, 1, 0, 2]
    one = CategoricalHMM.from_parameters(*hmm)
    two = CategoricalHMM.from_parameters(
        hmm.startprob[order], hmm.transmat[np.ix_(order, order)], hmm.emissionprob[order]
    )
    found = juang_rabiner(one, two, 5, 50, np.random.default_rng(0))
    assert found == pytest.approx((0, 0, 0), abs=1e-12)


def test_forgetting_the_past_costs_the_information_of_the_past() -> None:
    hmm = CategoricalHMM.from_parameters(*preset_hmm("fully3"))
    flat = CategoricalHMM.from_parameters(np.ones(1), np.ones((1, 1)), np.full((1, 3), 1 / 3))
    found = juang_rabiner(hmm, flat, 200, 200, np.random.default_rng(0))
    # Table of targets: 1.099 for order 0, .330 for the exact filter.
    assert found.value == pytest.approx(1.099 - 0.330, abs=0.03)


def test_excluded_symbols_are_infinitely_far() -> None:
    # The second model never emits symbol 1 twice.
    even = seen(np.full((2, 2), 0.5))
    rare = seen(np.array([[0.5, 0.5], [1.0, 0.0]]))
    with pytest.raises(ValueError, match="no probability"):
        juang_rabiner(even, rare, 3, 50, np.random.default_rng(0))


def test_symbol_distributions_are_counted_with_half_a_count() -> None:
    posteriors = np.array([[[1, 0], [0.25, 0.75], [0, 1], [0, 0]]])
    symbols = np.array([[0, 1, 1, -1]])
    hmm = symbol_model(np.full(2, 0.5), np.full((2, 2), 0.5), posteriors, symbols, 3)
    counts = np.array([[1.5, 0.75, 0.5], [0.5, 2.25, 0.5]])
    np.testing.assert_allclose(hmm.emissionprob_, counts / counts.sum(axis=1, keepdims=True))


def test_true_posteriors_give_the_true_distributions_back() -> None:
    hmm = preset_hmm("fully3")
    symbols, states = sample_hmm(hmm, 200, 100, np.random.default_rng(0))
    found = symbol_model(hmm.startprob, hmm.transmat, np.eye(3)[states], symbols, 3)
    np.testing.assert_allclose(found.emissionprob_, hmm.emissionprob, atol=0.01)
    truth = CategoricalHMM.from_parameters(*hmm)
    assert juang_rabiner(truth, found, 50, 100, np.random.default_rng(1)).value < 1e-3
