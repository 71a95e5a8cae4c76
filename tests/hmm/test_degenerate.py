"""Data without width somewhere: a fit that works, or a sentence that names what is degenerate."""

from __future__ import annotations

from typing import Any

import hmmlearn.hmm
import numpy as np
import pytest

import hmmlens
from hmmlens import GaussianHMM, HMMSweep
from hmmlens.errors import DataError
from hmmlens.hmm.engine.covariances import dependent

N = np.random.default_rng(0).normal(size=(60, 2))
KINDS = ("spherical", "diag", "full", "tied")
DATA = {
    "constant column": np.c_[N[:, 0], np.ones(60)],
    "constant and large": np.c_[N[:, 0], np.full(60, 1e9)],
    "equal columns": np.c_[N, N[:, 0]],
    "equal columns, large": 1e6 * np.c_[N, N[:, 0]],
    "all constant": np.ones((60, 2)),
    "all zero": np.zeros((60, 2)),
    "two points": np.tile([[0.0, 1], [1, 0]], (30, 1)),
    "as few frames as states": N[:3],
    "fewer frames than components": np.random.default_rng(1).normal(size=(5, 9)),
    "one frame": N[:1],
    "1e-200": 1e-200 * N,
    "1e-155": 1e-155 * N,
    "1e-100": 1e-100 * N,
    "1e99": 1e99 * N / np.abs(N).max(),
    "1e155": 1e155 * N,
    "1e200": 1e200 * N,
    "one column of 1e-100": N * [1e-100, 1],
    "outlier": np.r_[N[:-1], [[1e20, 0]]],
    "fill value": np.r_[N, [[9.97e36, 9.97e36]]],
}


def outcome(fit: Any, X: np.ndarray) -> Any:
    """Return a model whose every number is finite, or the sentence that says why there is none."""
    try:
        model = fit(X)
        score, posteriors = model.score(X), model.predict_proba(X)
    except DataError as error:
        sentence = str(error)
        assert sentence and "\n" not in sentence
        return sentence
    assert np.isfinite(score)
    np.testing.assert_allclose(posteriors.sum(axis=-1), 1, rtol=1e-9)
    assert all(np.isfinite(part).all() for part in (model.means_, model.covars_, model.transmat_))
    return model


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("mode", ["hmmlearn", "floor"])
@pytest.mark.parametrize("name", DATA)
def test_degenerate_data_are_fitted_or_named(name: str, mode: str) -> None:
    for kind in KINDS:
        n_states = min(3, len(DATA[name]))
        model = GaussianHMM(n_states, kind, random_state=0, n_iter=5, prior_mode=mode)
        outcome(model.fit, DATA[name])


@pytest.mark.parametrize(
    "engine", ["numpy", "torch", pytest.param("hmmlearn", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", DATA)
def test_sweeps_of_degenerate_data_are_fitted_or_named(name: str, engine: str) -> None:
    X = DATA[name]
    counts = [1, 2] if len(X) > 1 else [1]
    sweep = HMMSweep(counts, KINDS, n_restarts=2, engine=engine, max_iter=4)
    try:
        sweep.fit(X[None])
    except DataError as error:
        assert "X does not vary" in str(error) or "rescale" in str(error)
        return
    assert len(sweep.results_) == (3 * 4 if len(counts) == 2 else 4)
    for model in sweep.models_.values():
        assert isinstance(outcome(lambda _, model=model: model, X), GaussianHMM)


@pytest.mark.parametrize("kind", ["full", "tied"])
@pytest.mark.parametrize("name", ["equal columns", "equal columns, large"])
def test_components_that_follow_from_others_are_named(kind: str, name: str) -> None:
    sentence = outcome(GaussianHMM(3, kind, random_state=0).fit, DATA[name])
    assert isinstance(sentence, str)
    assert "positive definite in state" in sentence or "EM broke down in step" in sentence
    assert 'prior_mode="floor"' in sentence and "others" in sentence and ": 2" in sentence
    floored = GaussianHMM(3, kind, random_state=0, prior_mode="floor")
    assert isinstance(outcome(floored.fit, DATA[name]), GaussianHMM)


def test_a_component_that_never_moves_is_named_with_its_state() -> None:
    X = DATA["constant column"]
    model = GaussianHMM(2, "full", random_state=0, covars_prior=0).fit(X)
    for ask in (model.score, model.predict, model.filter, model.smooth):
        with pytest.raises(
            DataError,
            match=r"covars_ is not positive definite in state 0 \(components that are constant or "
            r'follow from others: 1\); fit with prior_mode="floor"',
        ):
            ask(X)
    model.set_params(prior_mode="floor").fit(X)
    floor = 1e-3 * X.var(axis=0).mean()
    assert (model.covars_[:, 1, 1] > 0.99 * floor / 2).all()


@pytest.mark.parametrize("name", ["constant column", "equal columns", "two points", "1e-200"])
@pytest.mark.parametrize("kind", ["spherical", "diag"])
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_variances_alone_are_those_of_hmmlearn(kind: str, name: str) -> None:
    X = DATA[name]
    ours, theirs = (
        module.GaussianHMM(3, kind, random_state=0, n_iter=10).fit(X)
        for module in (hmmlens, hmmlearn.hmm)
    )
    assert ours.score(X) == pytest.approx(theirs.score(X), rel=1e-7)


@pytest.mark.parametrize("name", ["all constant", "all zero", "1e-200", "1e-155"])
def test_data_that_do_not_vary_are_refused_where_variances_are_relative(name: str) -> None:
    for kind in KINDS:
        with pytest.raises(DataError, match="X does not vary: no component has a variance above"):
            GaussianHMM(2, kind, prior_mode="floor").fit(DATA[name])
    with pytest.raises(DataError, match="X does not vary"):
        HMMSweep([1, 2]).fit(DATA[name][None])


@pytest.mark.parametrize("scale", [1e-100, 1e-50, 1.0, 1e40])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_with_a_floor_does_not_depend_on_the_unit(kind: str, scale: float) -> None:
    X = N + 5 * (np.arange(60) // 10 % 2)[:, None]
    fit = {"prior_mode": "floor", "init_params": "c", "n_iter": 8}
    scores = []
    for unit in (1.0, scale):
        model = GaussianHMM(2, kind, **fit)
        model.startprob_, model.transmat_ = np.full(2, 0.5), np.full((2, 2), 0.5)
        model.means_ = unit * X[[0, 10]]
        # The variance that is added to the start has no unit.
        model.set_params(init_params="")
        model.covars_ = {
            "spherical": np.full(2, unit**2), "diag": np.full((2, 2), unit**2),
            "full": unit**2 * np.tile(np.eye(2), (2, 1, 1)), "tied": unit**2 * np.eye(2),
        }[kind]  # fmt: skip
        scores.append(model.fit(unit * X).score(unit * X) + X.size * np.log(unit))
    assert scores[1] == pytest.approx(scores[0], rel=1e-8)


def test_dependent_components_are_found() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    X = np.c_[X, X @ [1, 2, 3], np.full(200, 7.0), 1e-6 * rng.normal(size=200), 2 * X[:, 1]]
    assert dependent(np.cov(X.T)) == [3, 4, 6]
    assert dependent(np.eye(3)) == []
    assert dependent(np.zeros((2, 2))) == [0, 1]
