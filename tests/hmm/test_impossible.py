"""Sequences that a model can hardly emit, or not at all: exact in log space, or minus infinity."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from decimal import Decimal, getcontext
from typing import Any, NamedTuple

import hmmlearn.hmm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmlens
from hmmlens import CategoricalHMM, GaussianHMM
from hmmlens.errors import DataError
from hmmlens.hmm import inference
from hmmlens.hmm.engine.passes import input_driven_pass, logspace

getcontext().prec = 160

#: A fill value of netCDF, and what sensors give: beside their densities log 2 is lost.
FAR = (1e8, 1e16, 1e20, 9.96921e36)


class Exact(NamedTuple):
    """Sums over all paths in 160 digits.

    log_likelihood : (sequence)
    filtered, predicted, smoothed : (time, state)
    trans : (state, next_state)
    paths : log probability of each path
    """

    log_likelihood: Decimal
    filtered: np.ndarray
    predicted: np.ndarray
    smoothed: np.ndarray
    trans: np.ndarray
    paths: dict[tuple[int, ...], Decimal]


def weights(logs: list[Decimal]) -> tuple[list[Decimal], Decimal]:
    """Return probabilities in proportion to exponentials, and the log of their sum."""
    top = max(logs)
    each = [(one - top).exp() for one in logs]
    return [one / sum(each) for one in each], top + sum(each).ln()


@functools.cache
def log_of(p: float) -> Decimal:
    return Decimal(p).ln()


def exact(startprob: np.ndarray, transmat: np.ndarray, density: np.ndarray) -> Exact | None:
    """Return sums over all paths of one sequence (time, state); None if none is possible."""
    n_steps, n_states = density.shape

    def paths_to(end: int, emitted: int) -> dict[tuple[int, ...], Decimal]:
        found = {}
        for path in itertools.product(range(n_states), repeat=end):
            factors = [startprob[path[0]], *(transmat[a, b] for a, b in itertools.pairwise(path))]
            if all(factors):
                logs = [log_of(float(p)) for p in factors]
                logs += [Decimal(float(density[t, path[t]])) for t in range(emitted)]
                found[path] = sum(logs)
        return found

    def marginal(paths: dict[tuple[int, ...], Decimal], step: int) -> np.ndarray:
        each, _ = weights(list(paths.values()))
        out = [Decimal(0)] * n_states
        for path, weight in zip(paths, each, strict=True):
            out[path[step]] += weight
        return np.array(out, dtype=float)

    whole = paths_to(n_steps, n_steps)
    if not whole:
        return None
    each, total = weights(list(whole.values()))
    trans = np.zeros((n_states, n_states))
    for path, weight in zip(whole, each, strict=True):
        for a, b in itertools.pairwise(path):
            trans[a, b] += float(weight)
    steps = range(n_steps)
    return Exact(
        total,
        np.array([marginal(paths_to(t + 1, t + 1), t) for t in steps]),
        np.array([marginal(paths_to(t + 1, t), t) for t in steps]),
        np.array([marginal(whole, t) for t in steps]),
        trans,
        whole,
    )


@st.composite
def chains(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a chain and log densities, of which some frames or states are absurdly small."""
    k, steps = draw(st.integers(2, 3)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    startprob, transmat = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), k)
    if draw(st.booleans()):
        # Left to right, so that the best state of a frame may be out of reach.
        transmat = np.triu(transmat)
        transmat /= transmat.sum(axis=1, keepdims=True)
        startprob = np.eye(k)[0]
    size = st.sampled_from([0.0, -1e5, -5e16, -5e40])
    frames = draw(st.lists(size, min_size=steps, max_size=steps))
    states = draw(st.lists(st.sampled_from([0.0, 0.0, -2e3, -1e16]), min_size=k, max_size=k))
    density = rng.normal(size=(steps, k)) + np.array(frames)[:, None] + states
    return startprob, transmat, density


@settings(max_examples=40, deadline=None)
@given(chains())
def test_passes_are_exact_with_absurd_densities(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    startprob, transmat, density = drawn
    truth = exact(startprob, transmat, density)
    assert truth is not None
    inside = np.ones((1, len(density)), dtype=bool)
    distribution = startprob, transmat, density[None]
    near = {"rtol": 1e-8, "atol": 1e-9}

    passed = inference.forward(*distribution, inside)
    quick = inference.filter_states(*distribution, inside)
    for found in (passed._replace(posteriors=np.exp(passed.posteriors),
                                  predicted=np.exp(passed.predicted)), quick):  # fmt: skip
        np.testing.assert_allclose(found.posteriors[0], truth.filtered, **near)
        np.testing.assert_allclose(found.predicted[0], truth.predicted, **near)
        assert found.log_likelihood[0] == pytest.approx(float(truth.log_likelihood), rel=1e-12)
    np.testing.assert_allclose(inference.smooth(passed, transmat, inside)[0][0], truth.smoothed,
                               **near)  # fmt: skip

    path, score = inference.viterbi(*distribution, inside)
    best = max(truth.paths.values())
    assert abs(truth.paths[tuple(path[0].tolist())] - best) < Decimal("1e-8")
    assert score[0] == pytest.approx(float(best), rel=1e-12)

    step = logspace.expect(startprob[None], transmat[None], density[None], np.array([len(density)]))
    np.testing.assert_allclose(step.posteriors[0], truth.smoothed, **near)
    np.testing.assert_allclose(step.trans[0], truth.trans, **near)
    assert step.log_likelihood[0] == pytest.approx(float(truth.log_likelihood), rel=1e-12)

    classes = np.zeros(inside.shape, dtype=int)
    driven = input_driven_pass.expect(startprob, transmat[None], density[None], classes, inside)
    np.testing.assert_allclose(driven.filtered[0], truth.filtered, **near)
    np.testing.assert_allclose(driven.predicted[0], truth.predicted, **near)
    np.testing.assert_allclose(driven.smoothed[0], truth.smoothed, **near)
    np.testing.assert_allclose(driven.trans[0], truth.trans, **near)
    assert driven.log_likelihood[0] == pytest.approx(float(truth.log_likelihood), rel=1e-12)


def two_places(module: Any = hmmlens) -> Any:
    model = module.GaussianHMM(2, "diag")
    model.n_features = 1
    model.startprob_, model.transmat_ = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]])
    model.means_, model.covars_ = np.array([[0.0], [1.0]]), np.array([[0.1], [0.1]])
    return model


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_posteriors_near_an_absurd_frame(far: float, place: int) -> None:
    X = np.r_[np.zeros(3), np.ones(3)][:, None]
    X[place] = far
    model = two_places()
    smoothed, filtered = model.predict_proba(X), model.filter(X).posteriors
    np.testing.assert_allclose(smoothed.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(filtered.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(model.smooth(X)[0], smoothed)
    truth = exact(model.startprob_, model.transmat_, model.log_density(X))
    assert truth is not None
    np.testing.assert_allclose(smoothed, truth.smoothed, atol=1e-9)
    np.testing.assert_allclose(filtered, truth.filtered, atol=1e-9)
    if far >= 1e20:
        # From so far, both states are the same place, and the frame says nothing.
        unseen = np.arange(6) != place
        np.testing.assert_allclose(smoothed, model.predict_proba(X, mask=unseen), atol=1e-12)
        np.testing.assert_array_equal(model.predict(X), model.predict(X, mask=unseen))


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("far", FAR)
def test_a_step_of_em_counts_each_frame_once(engine: str, far: float) -> None:
    X = np.r_[np.zeros(4), np.ones(4), np.zeros(4)][:, None]
    X[-1] = far
    model = two_places()
    model.set_params(engine=engine, init_params="", params="st", prior_mode="floor")
    model.partial_fit(X)
    # Statistics are means over the 12 frames of one sequence.
    assert 12 * model._running.start.sum() == pytest.approx(1)
    assert 12 * model._running.trans.sum() == pytest.approx(11)


def without_symbol(module: Any = hmmlens) -> Any:
    """Return a model that never emits the symbol 2."""
    model = module.CategoricalHMM(2, init_params="", n_iter=3)
    model.n_features = 3
    model.startprob_, model.transmat_ = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]])
    model.emissionprob_ = np.array([[1.0, 0, 0], [0, 1, 0]])
    return model


IMPOSSIBLE = np.array([[0], [0], [2], [1]])


def test_models_that_cannot_emit_a_sequence_can_be_compared() -> None:
    ours, theirs = without_symbol(), without_symbol(hmmlearn.hmm)
    assert ours.score(IMPOSSIBLE) == theirs.score(IMPOSSIBLE) == -np.inf
    assert ours.aic(IMPOSSIBLE) == theirs.aic(IMPOSSIBLE) == np.inf
    assert ours.bic(IMPOSSIBLE) == theirs.bic(IMPOSSIBLE) == np.inf
    assert ours.icl(IMPOSSIBLE) == np.inf
    # One impossible sequence among others, padded, and one that is cut into chunks.
    assert ours.score(np.array([[0, 0, 1], [0, 2, 1], [1, 1, 1]]), [3, 2, 1]) == -np.inf
    assert ours.score(np.r_[np.zeros(2000, int), 2][None]) == -np.inf
    even = CategoricalHMM.from_parameters([1.0], [[1.0]], [[0.25, 0.25, 0.5]])
    bank = [ours, even]
    assert max(bank, key=lambda model: model.score(IMPOSSIBLE)) is even
    assert min(bank, key=lambda model: model.bic(IMPOSSIBLE)) is even
    # A later sequence does not undo an impossible one, nor is a possible one touched.
    assert even.score(IMPOSSIBLE) == pytest.approx(3 * np.log(0.25) + np.log(0.5))


def test_values_without_density_score_minus_infinity() -> None:
    far = np.zeros((5, 1))
    far[2] = 1e99
    model = two_places()
    model.covars_ = np.full((2, 1), 1e-200)
    assert model.score(far) == -np.inf


@pytest.mark.parametrize("ask", ["filter", "smooth", "predict", "predict_proba", "score_samples"])
def test_there_are_no_posteriors_and_paths_of_the_impossible(ask: str) -> None:
    with pytest.raises(DataError, match="sequence 0, step 2: the model gives this observation no"):
        getattr(without_symbol(), ask)(IMPOSSIBLE)


def names_in(message: str) -> set[str]:
    """Return which settings of either class a message names."""
    known = {
        *inspect.signature(GaussianHMM).parameters,
        *inspect.signature(CategoricalHMM).parameters,
    }
    return known & set(re.findall(r"\w+", message))


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_impossible_data_are_named_before_em(engine: str) -> None:
    model = without_symbol().set_params(engine=engine)
    with pytest.raises(DataError, match=r"EM cannot start: sequence 0, step 2: .* no") as raised:
        model.fit(IMPOSSIBLE)
    assert names_in(str(raised.value)) <= set(inspect.signature(CategoricalHMM).parameters)
    assert model.score(IMPOSSIBLE[:2]) == pytest.approx(np.log(0.5) + np.log(0.9))


def test_advice_names_settings_that_the_class_has() -> None:
    far = np.zeros((60, 1))
    far[-1] = 1e20
    for model, X in (
        (GaussianHMM(3, "full", random_state=0), far),
        (GaussianHMM(3, "tied", prior_mode="floor", min_covar=0, random_state=0), np.c_[far, far]),
    ):
        with pytest.raises(DataError, match=r"EM broke down|not positive definite") as raised:
            model.fit(X)
        assert names_in(str(raised.value)) <= set(inspect.signature(GaussianHMM).parameters)
        assert names_in(str(raised.value))
    assert "prior_mode" not in CategoricalHMM(2)._remedy(None)


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
def test_no_steps_of_em_leave_the_start(kind: str) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    ours, theirs = (
        module.GaussianHMM(3, kind, n_iter=0, random_state=3).fit(X)
        for module in (hmmlens, hmmlearn.hmm)
    )
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-12)
    np.testing.assert_allclose(ours.startprob_, theirs.startprob_, rtol=1e-12)
    assert ours.score(X) == pytest.approx(theirs.score(X), rel=1e-10)
    assert list(ours.monitor_.history) == list(theirs.monitor_.history) == []
    symbols = (X[:, :1] > 0).astype(int)
    ours, theirs = (
        module.CategoricalHMM(2, n_iter=0, random_state=3).fit(symbols)
        for module in (hmmlens, hmmlearn.hmm)
    )
    assert ours.score(symbols) == pytest.approx(theirs.score(symbols), rel=1e-10)
