"""The autoregressive model: planted dynamics, rising likelihood, closed form for one state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hmmlens.datasets.synthetic.generators import check_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.hmm.autoregressive import ARHMM
from hmmlens.stats.agreement import agreement

TURN = np.array([[0.0, -0.97], [0.97, 0.0]])


def switching(seed: int, n: int = 20, steps: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """One state turns left, the other right, around the same point: no place tells them apart."""
    rng = np.random.default_rng(seed)
    hmm = check_hmm([0.5, 0.5], [[0.95, 0.05], [0.05, 0.95]], np.eye(2))
    states = sample_hmm(hmm, n, steps, rng)[1]
    x = np.zeros((n, steps, 2))
    x[:, 0] = rng.normal(size=(n, 2))
    for t in range(1, steps):
        turned = x[:, t - 1] @ TURN.T
        x[:, t] = np.where(states[:, t, None] == 0, turned, -turned)
        x[:, t] += 0.1 * rng.normal(size=(n, 2))
    return x, states


def test_planted_dynamics_come_back() -> None:
    x, _ = switching(0)
    test, truth = switching(1)
    length = np.full(20, 80)
    fits = [ARHMM(2, random_state=seed).fit(x, length) for seed in range(4)]
    model = max(fits, key=lambda fit: fit.log_likelihoods_[-1])
    found = model.filter(test, length).posteriors.argmax(axis=2)
    assert agreement(truth[:, 1:], found[:, 1:])["accuracy"] > 0.95
    order = [0, 1] if model.weights_[0, 1:].T[1, 0] > 0 else [1, 0]
    np.testing.assert_allclose(model.weights_[order[0], 1:].T, TURN, atol=0.03)
    np.testing.assert_allclose(model.weights_[order[1], 1:].T, -TURN, atol=0.03)
    np.testing.assert_allclose(np.diag(model.transmat_), 0.95, atol=0.03)
    np.testing.assert_allclose(model.covariance_, 0.01 * np.eye(2), atol=0.002)


def test_likelihood_never_falls() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 40, 3)).cumsum(axis=1)
    length = rng.integers(5, 41, size=10)
    x[np.arange(40) >= length[:, None]] = np.nan
    model = ARHMM(3, tol=-np.inf, max_iter=40).fit(x, length)
    assert len(model.log_likelihoods_) == 40
    assert np.diff(model.log_likelihoods_).min() > -1e-6
    np.testing.assert_allclose(model.transmat_.sum(axis=1), 1)
    assert np.isfinite(model.filter(x, length).posteriors).all()


def test_one_state_is_least_squares() -> None:
    x, _ = switching(2)
    model = ARHMM(1).fit(x, np.full(20, 80))
    past, now = x[:, :-1].reshape(-1, 2), x[:, 1:].reshape(-1, 2)
    design = np.c_[np.ones(len(past)), past]
    weights, *_ = np.linalg.lstsq(design, now, rcond=None)
    np.testing.assert_allclose(model.weights_[0], weights, atol=1e-4)
    residual = now - design @ weights
    distribution = stats.multivariate_normal(np.zeros(2), residual.T @ residual / len(now))
    assert model.log_likelihoods_[-1] == pytest.approx(
        distribution.logpdf(residual).mean(), abs=1e-3
    )


def test_filter_starts_from_the_initial_distribution_and_never_looks_ahead() -> None:
    x, _ = switching(3)
    model = ARHMM(2).fit(x, np.full(20, 80))
    length = np.full(20, 80)
    before = model.filter(x, length).posteriors
    np.testing.assert_allclose(before[:, 0], np.tile(model.startprob_, (20, 1)))
    x[:, 50:] = 7
    np.testing.assert_array_equal(model.filter(x, length).posteriors[:, :50], before[:, :50])
    assert not model.filter(x, np.full(20, 60)).posteriors[:, 60:].any()


def test_too_few_steps_are_reported() -> None:
    with pytest.raises(DataError, match="8 steps are too few for 3 autoregressive states"):
        ARHMM(3).fit(np.zeros((2, 5, 2)), np.array([5, 5]))


def test_a_sequence_of_one_step_holds_no_pair_and_changes_nothing() -> None:
    values = np.random.default_rng(3).normal(size=(6, 20, 2)).cumsum(axis=1)
    length = np.array([20, 20, 1, 20, 20, 20])
    whole = ARHMM(2, max_iter=4).fit(values, length)
    without = ARHMM(2, max_iter=4).fit(np.delete(values, 2, axis=0), np.delete(length, 2))
    np.testing.assert_allclose(whole.weights_, without.weights_, atol=1e-12)
    np.testing.assert_allclose(whole.log_likelihoods_, without.log_likelihoods_, rtol=1e-12)
