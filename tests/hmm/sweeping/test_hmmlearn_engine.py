"""The reference engine takes EM steps from the start it is given, with a floor that holds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hmmlearn import hmm as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from hmmlens.hmm.sweeping.hmmlearn_engine import Fit, fit_categorical, fit_gaussian

COVARIANCE_TYPES = ("spherical", "diag", "full", "tied")


def expected_counts(
    start: dict[str, np.ndarray], emission: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return E-step counts by summing over all paths: first states, moves, posteriors."""
    n_states = len(start["startprob"])
    first, moves, posteriors = np.zeros(n_states), np.zeros((n_states, n_states)), []
    for part in emission:
        paths = list(itertools.product(range(n_states), repeat=len(part)))
        weights = []
        for path in paths:
            p = start["startprob"][path[0]] * part[0, path[0]]
            for t in range(1, len(path)):
                p *= start["transmat"][path[t - 1], path[t]] * part[t, path[t]]
            weights.append(p)
        gamma = np.zeros_like(part)
        for path, weight in zip(paths, np.array(weights) / sum(weights), strict=True):
            first[path[0]] += weight
            gamma[range(len(path)), path] += weight
            for pair in itertools.pairwise(path):
                moves[pair] += weight
        posteriors.append(gamma)
    return first, moves, posteriors


def random_start(rng: np.random.Generator, n_states: int) -> dict[str, np.ndarray]:
    return {
        "startprob": rng.dirichlet(np.ones(n_states)),
        "transmat": rng.dirichlet(np.ones(n_states), n_states),
    }


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_one_categorical_step_equals_the_sum_over_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = random_start(rng, 2) | {"emissionprob": rng.dirichlet(np.ones(3), 2)}
    lengths = np.array([4, 1, 5])
    symbols = rng.integers(0, 3, size=10)
    parts = np.split(symbols, [4, 5])
    emission = [start["emissionprob"].T[part] for part in parts]
    first, moves, posteriors = expected_counts(start, emission)
    counts = np.zeros((2, 3))
    np.add.at(counts.T, symbols, np.concatenate(posteriors))
    fit = fit_categorical(symbols, lengths, start, max_iter=1, tol=0)
    assert fit.model is not None
    np.testing.assert_allclose(fit.model.startprob_, first / 3, atol=1e-10)
    for found, wanted in ((fit.model.transmat_, moves), (fit.model.emissionprob_, counts)):
        np.testing.assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-10)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_one_gaussian_step_equals_the_sum_over_all_paths(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, lengths, floor = rng.normal(size=(10, 2)), np.array([4, 1, 5]), 0.3
    covariance = np.eye(2) * 0.8 if kind == "spherical" else np.diag([0.5, 1.5])
    start = random_start(rng, 2) | {"means": rng.normal(size=(2, 2)), "covariance": covariance}
    distributions = [multivariate_normal(mean, covariance) for mean in start["means"]]
    density = np.stack([distribution.pdf(frames) for distribution in distributions], axis=1)
    first, moves, posteriors = expected_counts(start, np.split(density, [4, 5]))
    weight = np.concatenate(posteriors)
    mass = weight.sum(axis=0)
    means = weight.T @ frames / mass[:, None]
    apart = frames[:, None] - means[None]
    scatter = np.einsum("nk,nki,nkj->kij", weight, apart, apart)
    if kind == "tied":
        covars = np.tile(scatter.sum(axis=0) / 10 + floor * np.eye(2), (2, 1, 1))
    else:
        # The floor counts as much as an average state's frames do.
        covars = (scatter + floor * 10 / 2 * np.eye(2)) / mass[:, None, None]
        if kind != "full":
            covars = covars * np.eye(2)
        if kind == "spherical":
            covars = np.trace(covars, axis1=1, axis2=2)[:, None, None] / 2 * np.eye(2)
    fit = fit_gaussian(frames, lengths, kind, start, floor, max_iter=1, tol=0)
    assert fit.model is not None
    np.testing.assert_allclose(fit.model.startprob_, first / 3, atol=1e-9)
    wanted = moves / moves.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fit.model.transmat_, wanted, atol=1e-9)
    np.testing.assert_allclose(fit.model.means_, means, atol=1e-9)
    np.testing.assert_allclose(fit.model.covars_, covars, atol=1e-9)
    assert fit.model.covariance_type == kind


def clusters(n_frames: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 3 * rng.integers(0, 2, size=(n_frames, 1)) + rng.normal(size=(n_frames, 2))


def two_states(**change: Any) -> dict[str, np.ndarray]:
    return {
        "startprob": np.array([0.5, 0.5]),
        "transmat": np.array([[0.7, 0.3], [0.4, 0.6]]),
        "means": np.array([[0.0, 0], [3, 3]]),
        "covariance": np.eye(2),
    } | change


def gaussian_fit(frames: np.ndarray, kind: str = "full", **options: Any) -> Fit:
    settings_ = {"start": two_states(), "floor": 1e-3, "max_iter": 5, "tol": 0.0} | options
    return fit_gaussian(frames, np.array([len(frames)]), kind, **settings_)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_likelihood_equals_hmmlearn(kind: str) -> None:
    frames = clusters()
    fit, longer = gaussian_fit(frames, kind), gaussian_fit(frames, kind, max_iter=6)
    assert fit.model is not None
    assert len(fit.history) == 5
    assert longer.history[:5] == fit.history
    # hmmlearn's likelihood of the next step is our likelihood of the model now.
    assert fit.model.score(frames[None]) == pytest.approx(longer.history[5], rel=1e-10)
    theirs = reference.GaussianHMM(2, "full", init_params="")
    theirs.startprob_, theirs.transmat_ = fit.model.startprob_, fit.model.transmat_
    theirs.means_, theirs.covars_ = fit.model.means_, fit.model.covars_
    assert fit.model.score(frames[None]) == pytest.approx(theirs.score(frames), rel=1e-10)


def test_convergence_is_reported_from_running_out_of_steps() -> None:
    frames = clusters()
    short = gaussian_fit(frames, max_iter=2, tol=1e-4)
    assert (short.converged, len(short.history)) == (False, 2)
    long = gaussian_fit(frames, max_iter=500, tol=1e-4)
    assert long.converged
    assert len(long.history) < 500
    assert 0 <= long.history[-1] - long.history[-2] < 1e-4
    exact = gaussian_fit(frames, max_iter=len(long.history), tol=1e-4)
    assert exact.converged


def test_underflow_is_rescued_in_log_space() -> None:
    frames = clusters()
    frames[50] = 400
    fit = gaussian_fit(frames)
    assert fit.rescued
    theirs = reference.GaussianHMM(
        2, "full", init_params="", implementation="log", n_iter=5, tol=0,
        covars_prior=1e-3 * 60 * np.eye(2),
    )  # fmt: skip
    start = two_states()
    theirs.startprob_, theirs.transmat_ = start["startprob"], start["transmat"]
    theirs.means_, theirs.covars_ = start["means"], np.tile(np.eye(2), (2, 1, 1))
    theirs.fit(frames)
    assert fit.model is not None
    assert fit.model.score(frames[None]) == pytest.approx(theirs.score(frames), rel=1e-9)
    assert not gaussian_fit(clusters()).rescued


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
@pytest.mark.parametrize("max_iter", [1, 5])
def test_state_without_any_frame_breaks_the_fit_down(kind: str, max_iter: int) -> None:
    # So far away that its posterior is 0 and its new mean is 0 / 0.
    start = two_states(means=np.array([[0.0, 0], [1e6, 1e6]]))
    fit = gaussian_fit(clusters(), kind, start=start, max_iter=max_iter)
    assert fit.model is None
    assert not fit.converged


def test_state_never_visited_still_has_distributions() -> None:
    start = {
        "startprob": np.array([1.0, 0]),
        "transmat": np.array([[1.0, 0], [0, 1]]),
        "emissionprob": np.full((2, 2), 0.5),
    }
    fit = fit_categorical(np.array([0, 1, 1, 0]), np.array([4]), start, max_iter=1, tol=0)
    assert fit.model is not None
    np.testing.assert_allclose(fit.model.emissionprob_, 0.5)
    np.testing.assert_allclose(fit.model.transmat_, [[1, 0], [0.5, 0.5]])
    assert fit.model.score(np.array([[0, 1, 1, 0]])) == pytest.approx(4 * np.log(0.5))


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_covariance_has_a_floor_where_data_have_no_width(kind: str) -> None:
    frames = clusters()
    frames[:, 1] = 2 * frames[:, 0]
    fit = gaussian_fit(frames, kind, floor=0.01, max_iter=30)
    assert fit.model is not None
    # A state with more than its share of frames gets less of the floor, at most K times.
    limit = 0.01 if kind == "tied" else 0.01 / 2
    assert np.linalg.eigvalsh(fit.model.covars_).min() > limit * (1 - 1e-6)


def test_state_that_only_ends_sequences_still_has_a_transition_distribution() -> None:
    # Nothing follows state 1, so EM learns no row for it.
    frames = np.tile([[0.0], [0.1], [-0.1], [50]], (5, 1)) + 0.01 * np.arange(20)[:, None]
    start = {
        "startprob": np.array([0.5, 0.5]),
        "transmat": np.full((2, 2), 0.5),
        "means": np.array([[0.0], [50]]),
        "covariance": np.eye(1),
    }
    fit = fit_gaussian(frames, np.full(5, 4), "full", start, 1e-3, max_iter=10, tol=0)
    assert fit.model is not None
    np.testing.assert_allclose(fit.model.transmat_.sum(axis=1), 1)
    assert fit.model.transmat_[0] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    # New sequences in which something does follow keep a likelihood.
    assert np.isfinite(fit.model.score(np.array([[[0.0], [50], [0]]])))
