"""Inference equals hmmlearn's, and the sum over all paths of tiny models."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hmmlearn import hmm as reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from hmmlens.errors import DataError
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM
from hmmlens.ragged import steps_inside

COVARIANCE_TYPES = ("spherical", "diag", "full", "tied")
SEEDS = st.integers(0, 2**32 - 1)


class Enumerated(NamedTuple):
    """What the sum over all paths of one sequence says."""

    log_likelihood: float
    filtered: np.ndarray
    predicted: np.ndarray
    smoothed: np.ndarray
    best: float
    entropy: float


def joint(model: Any, emission: np.ndarray, path: Sequence[int] | np.ndarray) -> float:
    """Return log P(path, data), by the definition."""
    with np.errstate(divide="ignore"):
        total = np.log(model.startprob_[path[0]]) + emission[0, path[0]]
        for t in range(1, len(path)):
            total += np.log(model.transmat_[path[t - 1], path[t]]) + emission[t, path[t]]
    return float(total)


def best_path(model: Any, emission: np.ndarray) -> float:
    """Return the highest log P(path, data)."""
    n_steps, n_states = emission.shape
    return max(
        joint(model, emission, p) for p in itertools.product(range(n_states), repeat=n_steps)
    )


def marginals(paths: np.ndarray, weights: np.ndarray, t: int, n_states: int) -> np.ndarray:
    """Return P(state at t) from log weights of whole paths."""
    share = np.exp(weights - logsumexp(weights))
    return np.array([share[paths[:, t] == k].sum() for k in range(n_states)])


def enumerate_paths(model: Any, emission: np.ndarray) -> Enumerated:
    """Sum over every path; ``emission`` (time, state) holds log P(observation | state)."""
    n_steps, n_states = emission.shape
    filtered, predicted = np.empty((2, n_steps, n_states))
    for t in range(n_steps):
        paths = np.array(list(itertools.product(range(n_states), repeat=t + 1)))
        weights = np.array([joint(model, emission, path) for path in paths])
        blind = emission[: t + 1].copy()
        blind[t] = 0
        before = np.array([joint(model, blind, path) for path in paths])
        filtered[t] = marginals(paths, weights, t, n_states)
        predicted[t] = marginals(paths, before, t, n_states)
    share = np.exp(weights - logsumexp(weights))
    smoothed = [marginals(paths, weights, t, n_states) for t in range(n_steps)]
    entropy = -sum(p * np.log(p) for p in share if p > 0)
    total = float(logsumexp(weights))
    return Enumerated(total, filtered, predicted, np.array(smoothed), weights.max(), entropy)


def distributions(n_rows: int, n_columns: int) -> st.SearchStrategy[np.ndarray]:
    """Draw rows of probabilities, with exact zeros and with very small ones."""
    weights = st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.0, 5.0, 1e-150])
    row = st.lists(weights, min_size=n_columns, max_size=n_columns).filter(lambda r: sum(r) > 0)
    rows = st.lists(row, min_size=n_rows, max_size=n_rows)
    return rows.map(lambda r: np.array(r) / np.sum(r, axis=1, keepdims=True))


@st.composite
def tiny_categorical(draw: st.DrawFn) -> tuple[CategoricalHMM, np.ndarray, np.ndarray]:
    k, v = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    model = CategoricalHMM.from_parameters(
        draw(distributions(1, k))[0], draw(distributions(k, k)), draw(distributions(k, v))
    )
    n, steps = draw(st.integers(1, 2)), draw(st.integers(1, 5))
    symbols = draw(st.lists(st.integers(0, v - 1), min_size=n * steps, max_size=n * steps))
    lengths = draw(st.lists(st.integers(1, steps), min_size=n, max_size=n))
    return model, np.array(symbols).reshape(n, steps), np.array(lengths)


@st.composite
def tiny_gaussian(draw: st.DrawFn) -> tuple[GaussianHMM, np.ndarray, np.ndarray]:
    k, d = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    # 100 and 400 stand off by hundreds of standard deviations.
    number = st.sampled_from([-3.0, -1.5, 0.0, 1.0, 2.5, 100.0, 400.0])
    means = np.array(draw(st.lists(number, min_size=k * d, max_size=k * d))).reshape(k, d)
    factor = np.random.default_rng(draw(SEEDS)).normal(size=(k, d, d))
    covars = factor @ factor.swapaxes(1, 2) + 0.1 * np.eye(d)
    model = GaussianHMM.from_parameters(
        draw(distributions(1, k))[0], draw(distributions(k, k)), means, covars, "full"
    )
    n, steps = draw(st.integers(1, 2)), draw(st.integers(1, 5))
    size = n * steps * d
    values = np.array(draw(st.lists(number, min_size=size, max_size=size)))
    lengths = draw(st.lists(st.integers(1, steps), min_size=n, max_size=n))
    return model, values.reshape(n, steps, d), np.array(lengths)


def agrees_with_enumeration(
    model: Any, X: np.ndarray, lengths: np.ndarray, emission: list[np.ndarray]
) -> None:
    cut = [part[:end] for part, end in zip(emission, lengths, strict=True)]
    if not all(np.isfinite(best_path(model, part)) for part in cut):
        for ask in (model.filter, model.smooth, model.predict):
            with pytest.raises(DataError, match=r"sequence \d, step \d: .* no probability"):
                ask(X, lengths)
        return
    found = [enumerate_paths(model, part) for part in cut]
    forward = model.filter(X, lengths)
    gamma, entropy = model.smooth(X, lengths)
    paths = model.predict(X, lengths)
    for i, (truth, end) in enumerate(zip(found, lengths, strict=True)):
        assert forward.log_likelihood[i] == pytest.approx(truth.log_likelihood, rel=1e-10)
        np.testing.assert_allclose(forward.posteriors[i, :end], truth.filtered, atol=1e-9)
        np.testing.assert_allclose(forward.predicted[i, :end], truth.predicted, atol=1e-9)
        np.testing.assert_allclose(gamma[i, :end], truth.smoothed, atol=1e-9)
        assert entropy[i] == pytest.approx(truth.entropy, abs=1e-8)
        # Several paths may be best, so their probability is compared.
        best = joint(model, emission[i], paths[i, :end])
        assert best == pytest.approx(truth.best, rel=1e-10)
        assert not forward.posteriors[i, end:].any()
        assert not gamma[i, end:].any()
        assert (paths[i, end:] == -1).all()


@settings(max_examples=100, deadline=None)
@given(tiny_categorical())
def test_categorical_equals_sum_over_all_paths(
    drawn: tuple[CategoricalHMM, np.ndarray, np.ndarray],
) -> None:
    model, symbols, lengths = drawn
    with np.errstate(divide="ignore"):
        emission = [np.log(model.emissionprob_[:, row].T) for row in symbols]
    agrees_with_enumeration(model, symbols, lengths, emission)


@settings(max_examples=100, deadline=None)
@given(tiny_gaussian())
def test_gaussian_equals_sum_over_all_paths(
    drawn: tuple[GaussianHMM, np.ndarray, np.ndarray],
) -> None:
    model, values, lengths = drawn
    states = zip(model.means_, model.covars_, strict=True)
    densities = [multivariate_normal(mean, covariance) for mean, covariance in states]
    emission = [
        np.stack(
            [np.atleast_1d(distribution.logpdf(row)) for distribution in densities],
            axis=1,
        )
        for row in values
    ]
    agrees_with_enumeration(model, values, lengths, emission)


def hmmlearn_gaussian(kind: str, seed: int, implementation: str = "log") -> Any:
    """Return hmmlearn's model with random parameters: 4 states, 3 components."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(4, 3, 3))
    full = factor @ factor.swapaxes(1, 2) + 0.2 * np.eye(3)
    model = reference.GaussianHMM(4, kind, init_params="", implementation=implementation)
    model.startprob_, model.transmat_ = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4), 4)
    model.n_features, model.means_ = 3, 2 * rng.normal(size=(4, 3))
    model.covars_ = {
        "spherical": rng.uniform(0.3, 2, 4),
        "diag": rng.uniform(0.3, 2, (4, 3)),
        "full": full,
        "tied": full[0],
    }[kind]
    return model


def ours(model: Any) -> GaussianHMM:
    """Return our model with the parameters of hmmlearn's; its covars_ is always full for us."""
    full = np.broadcast_to(model.covars_, (model.n_components, *model.covars_.shape[-2:]))
    kind = model.covariance_type
    return GaussianHMM.from_parameters(model.startprob_, model.transmat_, model.means_, full, kind)


def ragged(data: np.ndarray, lengths: np.ndarray, garbage: float) -> np.ndarray:
    """Return a padded copy (sequence, time, ...) of sequences one after another."""
    padded = np.full((len(lengths), lengths.max(), *data.shape[1:]), garbage, dtype=data.dtype)
    for i, part in enumerate(np.split(data, np.cumsum(lengths)[:-1])):
        padded[i, : len(part)] = part
    return padded


def agrees_with_hmmlearn(
    mine: Any, theirs: Any, padded: np.ndarray, flat: np.ndarray, lengths: np.ndarray
) -> None:
    inside = steps_inside(lengths, *padded.shape[:2])
    assert mine.score(padded, lengths) == pytest.approx(theirs.score(flat, lengths), rel=1e-10)
    proba = theirs.predict_proba(flat, lengths)
    np.testing.assert_allclose(mine.predict_proba(padded, lengths)[inside], proba, atol=1e-9)
    starts = np.cumsum(lengths) - lengths
    emission = np.split(theirs._compute_log_likelihood(flat), starts[1:])
    paths = zip(emission, mine.predict(padded, lengths), lengths, strict=True)
    # Two paths may be equally likely, so their probabilities are compared.
    best = sum(joint(mine, part, path[:end]) for part, path, end in paths)
    assert best == pytest.approx(theirs.decode(flat, lengths)[0], rel=1e-10)
    filtered = mine.filter(padded, lengths)
    for i, start in enumerate(starts):
        for t in range(0, lengths[i], 5):
            so_far = theirs.predict_proba(flat[start : start + t + 1])[-1]
            np.testing.assert_allclose(filtered.posteriors[i, t], so_far, atol=1e-9)
    each = [theirs.score(flat[s : s + n]) for s, n in zip(starts, lengths, strict=True)]
    np.testing.assert_allclose(filtered.log_likelihood, each, rtol=1e-10)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_gaussian_equals_hmmlearn(kind: str, seed: int) -> None:
    theirs = hmmlearn_gaussian(kind, seed)
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 40, size=4)
    flat, _ = theirs.sample(lengths.sum(), random_state=seed % 1000)
    agrees_with_hmmlearn(ours(theirs), theirs, ragged(flat, lengths, np.nan), flat, lengths)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_categorical_equals_hmmlearn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    theirs = reference.CategoricalHMM(4, init_params="", n_features=5, implementation="log")
    theirs.startprob_, theirs.transmat_ = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4), 4)
    theirs.emissionprob_ = rng.dirichlet(np.ones(5), 4)
    mine = CategoricalHMM.from_parameters(theirs.startprob_, theirs.transmat_, theirs.emissionprob_)
    lengths = rng.integers(1, 40, size=4)
    flat = rng.integers(0, 5, size=lengths.sum())
    agrees_with_hmmlearn(mine, theirs, ragged(flat, lengths, -1), flat[:, None], lengths)


def test_far_outlier_equals_hmmlearn_in_log_space() -> None:
    theirs = hmmlearn_gaussian("full", 3)
    flat, _ = theirs.sample(50, random_state=3)
    flat[20] += 200 * np.sqrt(theirs.covars_.max())
    lengths = np.array([50])
    agrees_with_hmmlearn(ours(theirs), theirs, flat[None], flat, lengths)


def test_best_state_out_of_reach_equals_hmmlearn_in_log_space() -> None:
    # From left to right: step 3 looks like state 0, which has been left for good.
    theirs = reference.GaussianHMM(3, "diag", init_params="", implementation="log")
    theirs.startprob_ = np.array([1.0, 0, 0])
    theirs.transmat_ = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]])
    theirs.n_features, theirs.means_ = 1, np.array([[0.0], [50], [100]])
    theirs.covars_ = np.ones((3, 1))
    flat = np.array([[0.0], [50], [100], [0], [100]])
    agrees_with_hmmlearn(ours(theirs), theirs, flat[None], flat, np.array([5]))


def test_path_that_looked_hopeless_is_not_forgotten() -> None:
    # Two states that never change. At step 0 state 1 is exp(-1250) times less likely, below the
    # smallest float; step 1 then speaks for state 1 by exp(5000).
    model = GaussianHMM.from_parameters(
        np.array([0.5, 0.5]), np.eye(2), np.array([[0.0], [50]]), np.ones((2, 1, 1)), "full"
    )
    X = np.array([[[0.0], [150]]])
    # Closed form: log .5 N(0; m) N(150; m) for m = 0 and m = 50.
    each = np.log(0.5) - np.log(2 * np.pi) - 0.5 * np.array([0 + 150**2, 50**2 + 100**2])
    assert model.score(X) == pytest.approx(logsumexp(each), rel=1e-12)
    gamma, entropy = model.smooth(X)
    np.testing.assert_allclose(gamma[0], [[0, 1], [0, 1]], atol=1e-12)
    assert entropy[0] == pytest.approx(0, abs=1e-12)
    assert model.predict(X).tolist() == [[1, 1]]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, 18))
def test_future_does_not_change_filtered_posteriors(seed: int, t: int) -> None:
    model = ours(hmmlearn_gaussian("full", seed % 1000))
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3, 20, 3))
    other = X.copy()
    other[:, t + 1 :] = 5 * rng.normal(size=other[:, t + 1 :].shape)
    first, second = model.filter(X), model.filter(other)
    np.testing.assert_array_equal(first.posteriors[:, : t + 1], second.posteriors[:, : t + 1])
    np.testing.assert_array_equal(first.predicted[:, : t + 2], second.predicted[:, : t + 2])
    # The smoother does look ahead: the same check can fail.
    assume(t < 18)
    assert np.abs(model.predict_proba(X) - model.predict_proba(other))[:, t].max() > 0


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_gaussian_parameters_are_counted_as_by_hmmlearn(kind: str) -> None:
    theirs = hmmlearn_gaussian(kind, 0)
    assert ours(theirs).n_parameters == sum(theirs._get_n_fit_scalars_per_param().values())


def test_categorical_parameters_are_counted_as_by_hmmlearn() -> None:
    theirs = reference.CategoricalHMM(4, n_features=5)
    mine = CategoricalHMM.from_parameters(
        np.full(4, 0.25), np.full((4, 4), 0.25), np.full((4, 5), 0.2)
    )
    assert mine.n_parameters == sum(theirs._get_n_fit_scalars_per_param().values())
    assert mine.n_components == 4


SMALL = GaussianHMM.from_parameters(
    np.array([0.5, 0.5]), np.full((2, 2), 0.5), np.array([[0.0], [1]]), np.ones((2, 1, 1)), "full"
)
COINS = CategoricalHMM.from_parameters(np.array([0.5, 0.5]), np.full((2, 2), 0.5), np.eye(2))


@pytest.mark.parametrize(
    ("lengths", "sentence"),
    [
        ([1, 0], r"lengths\[1\] is 0; each must lie between 1 and 3"),
        ([4, 1], r"lengths\[0\] is 4; each must lie between 1 and 3"),
        ([3], r"lengths has shape \(1,\); \(2,\) is needed"),
    ],
)
def test_lengths_that_do_not_fit_are_reported(lengths: list[int], sentence: str) -> None:
    for ask in (SMALL.filter, SMALL.smooth, SMALL.predict, SMALL.score, SMALL.predict_proba):
        with pytest.raises(DataError, match=sentence):
            ask(np.zeros((2, 3, 1)), lengths)


@pytest.mark.parametrize(
    ("model", "X", "sentence"),
    [
        (SMALL, np.zeros((2, 3)), r"X has shape \(2, 3\); \(sequence, time, 1\) is needed"),
        (SMALL, np.zeros((2, 3, 2)), r"X has shape \(2, 3, 2\)"),
        (SMALL, np.zeros(3), r"X has shape \(3,\)"),
        (COINS, np.zeros((2, 3)), "X must hold whole numbers"),
        (COINS, np.zeros(3, dtype=int), "X must hold whole numbers"),
        (COINS, np.array([[0, 2]]), "X holds a symbol outside 0 to 1"),
        (COINS, np.array([[-1, 0]]), "X holds a symbol outside 0 to 1"),
    ],
)
def test_data_that_do_not_fit_are_reported(model: Any, X: np.ndarray, sentence: str) -> None:
    for ask in (model.filter, model.smooth, model.predict):
        with pytest.raises(DataError, match=sentence):
            ask(X)


def test_value_that_is_not_a_number_is_reported_with_its_place() -> None:
    X = np.zeros((2, 3, 1))
    X[1, 2] = np.nan
    for ask in (SMALL.filter, SMALL.smooth, SMALL.predict):
        with pytest.raises(DataError, match="sequence 1, step 2"):
            ask(X)
    assert np.isfinite(SMALL.score(X, [3, 2]))
