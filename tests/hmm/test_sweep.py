"""A sweep finds planted states, scores by the formulas, and depends on its seed alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hmmlearn import hmm as reference
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

import hmmlens
from hmmlens.errors import DataError
from hmmlens.hmm import HMMSweep, input_driven, selection
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM
from hmmlens.hmm.sweeping import hmmlearn_engine
from hmmlens.hmm.sweeping.hmmlearn_engine import Fit

COVARIANCE_TYPES = ("spherical", "diag", "full", "tied")
TRANSMAT = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])


def planted(
    means: np.ndarray, sd: np.ndarray, n_sequences: int = 15, n_steps: int = 40, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Sample (sequence, time, component) and states of a three-state chain, white noise added."""
    rng = np.random.default_rng(seed)
    states = np.zeros((n_sequences, n_steps), dtype=int)
    states[:, 0] = rng.integers(3, size=n_sequences)
    for t in range(1, n_steps):
        for i in range(n_sequences):
            states[i, t] = rng.choice(3, p=TRANSMAT[states[i, t - 1]])
    noise = rng.normal(size=(n_sequences, n_steps, means.shape[1]))
    return means[states] + sd[states][..., None] * noise, states


PLACES = np.array([[0.0, 0], [4, 0], [0, 4]])
EVEN = np.ones(3)


def without_time(results: pd.DataFrame) -> pd.DataFrame:
    return results.drop(columns="seconds")


def theirs_of(model: GaussianHMM | CategoricalHMM, X: np.ndarray) -> Any:
    """Return hmmlearn's model with the same parameters."""
    k = model.n_components
    if isinstance(model, CategoricalHMM):
        theirs = reference.CategoricalHMM(
            k, init_params="", n_features=model.emissionprob_.shape[1]
        )
        theirs.emissionprob_ = model.emissionprob_
    else:
        theirs = reference.GaussianHMM(k, model.covariance_type, init_params="")
        theirs.n_features, theirs.means_ = X.shape[2], model.means_
        theirs.covars_ = {
            "spherical": model.covars_[:, 0, 0],
            "diag": np.diagonal(model.covars_, axis1=1, axis2=2),
            "full": model.covars_,
            "tied": model.covars_[0],
        }[model.covariance_type]
    theirs.startprob_, theirs.transmat_ = model.startprob_, model.transmat_
    return theirs


def test_planted_states_are_found_and_chosen_by_bic() -> None:
    X, truth = planted(PLACES, EVEN)
    sweep = HMMSweep(range(1, 6), n_restarts=2, max_iter=100).fit(X)
    best = sweep.results_.loc[sweep.results_["bic"].idxmin()]
    assert best["n_states"] == 3
    model = sweep.models_["tied", 3]
    assert isinstance(model, GaussianHMM)
    # A mean of about 150 frames or more has a standard error below .1.
    order = [int(((model.means_ - place) ** 2).sum(axis=1).argmin()) for place in PLACES]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(model.means_[order], PLACES, atol=0.4)
    np.testing.assert_allclose(model.covars_[0], np.eye(2), atol=0.25)
    np.testing.assert_allclose(model.transmat_[np.ix_(order, order)], TRANSMAT, atol=0.15)
    assert adjusted_rand_score(truth.ravel(), model.predict(X).ravel()) > 0.9


def test_states_that_differ_in_spread_alone_are_found() -> None:
    sd = np.array([1.0, 6, 36])
    X, truth = planted(np.zeros((3, 2)), sd, seed=3)
    sweep = HMMSweep([1, 2, 3, 4], ["full"], n_restarts=4, max_iter=100).fit(X)
    assert sweep.results_.loc[sweep.results_["bic"].idxmin(), "n_states"] == 3
    covars = sd[:, None, None] ** 2 * np.eye(2)
    exact = GaussianHMM.from_parameters(EVEN / 3, TRANSMAT, np.zeros((3, 2)), covars, "full")
    # As good as with the model that made the data.
    found, ceiling = (
        adjusted_rand_score(truth.ravel(), model.predict(X).ravel())
        for model in (sweep.models_["full", 3], exact)
    )
    assert ceiling > 0.8
    assert found > ceiling - 0.03


def test_planted_symbol_states_are_found() -> None:
    rng = np.random.default_rng(0)
    _, truth = planted(PLACES, EVEN, n_sequences=30, n_steps=60)
    distribution = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]])
    symbols = (distribution.cumsum(axis=1)[truth] < rng.random(truth.shape)[..., None]).sum(axis=2)
    sweep = HMMSweep([1, 2, 3, 4], emission="categorical", max_iter=100).fit(symbols)
    assert set(sweep.results_["covariance_type"]) == {"none"}
    assert sweep.results_.loc[sweep.results_["bic"].idxmin(), "n_states"] == 3
    model = sweep.models_["none", 3]
    assert isinstance(model, CategoricalHMM)
    order = model.emissionprob_.argmax(axis=0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(model.emissionprob_[order], distribution, atol=0.1)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_one_state_has_the_likelihood_of_one_gaussian(kind: str) -> None:
    X, _ = planted(PLACES, EVEN)
    frames = X.reshape(-1, 2)
    mean, covariance = frames.mean(axis=0), np.cov(frames.T, bias=True)
    if kind in ("spherical", "diag"):
        covariance = np.diag(np.diag(covariance))
    if kind == "spherical":
        covariance = np.eye(2) * np.trace(covariance) / 2
    floor = 0.02 * frames.var(axis=0).mean()
    distribution = multivariate_normal(mean, covariance + floor * np.eye(2))
    sweep = HMMSweep([1], [kind], n_restarts=3, min_covar=0.02).fit(X)
    # Every start would give the same, so there is one.
    (row,) = sweep.results_.itertuples()
    assert row.log_likelihood == pytest.approx(distribution.logpdf(frames).sum(), rel=1e-10)
    assert row.converged


def test_one_state_has_the_likelihood_of_symbol_counts() -> None:
    symbols = np.random.default_rng(0).integers(0, 3, size=(5, 20))
    counts = np.bincount(symbols.ravel())
    sweep = HMMSweep([1], emission="categorical", smoothing=0.5).fit(symbols)
    expected = (counts * np.log((counts + 0.5) / (counts + 0.5).sum())).sum()
    assert sweep.results_["log_likelihood"][0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("kind", [*COVARIANCE_TYPES, "none"])
def test_scores_follow_hmmlearn_and_the_formulas(kind: str) -> None:
    X, states = planted(PLACES, EVEN)
    emission = "categorical" if kind == "none" else "gaussian"
    data = states if kind == "none" else X
    lengths, held_lengths = np.array([40] * 5 + [11] * 5), np.array([40, 7, 1, 40, 40])
    sweep = HMMSweep([1, 2, 3], [kind], n_restarts=2, emission=emission, max_iter=8)
    sweep.fit(data[:10], lengths, data[10:], held_lengths)
    flat = np.concatenate([row[:n] for row, n in zip(data[:10], lengths, strict=True)])
    held = np.concatenate([row[:n] for row, n in zip(data[10:], held_lengths, strict=True)])
    if kind == "none":
        flat, held = flat[:, None], held[:, None]
    assert sweep.n_frames_ == len(flat) == 255
    for n_states in (1, 2, 3):
        model = sweep.models_[kind, n_states]
        theirs = theirs_of(model, X)
        rows = sweep.results_[sweep.results_["n_states"] == n_states]
        best = rows.loc[rows["log_likelihood"].idxmax()]
        assert len(rows) == (1 if n_states == 1 else 2)
        assert best["log_likelihood"] == pytest.approx(theirs.score(flat, lengths), rel=1e-9)
        assert best["bic"] == pytest.approx(theirs.bic(flat, lengths), rel=1e-9)
        assert best["aic"] == pytest.approx(theirs.aic(flat, lengths), rel=1e-9)
        per_frame = theirs.score(held, held_lengths) / 128
        assert best["held_out"] == pytest.approx(per_frame, rel=1e-9)
        entropy = model.smooth(data[:10], lengths)[1].sum()
        assert best["icl"] == pytest.approx(best["bic"] + 2 * entropy, rel=1e-9)
        assert best["icl"] >= best["bic"] - 1e-9


def test_same_random_state_gives_the_same_and_another_does_not() -> None:
    X, _ = planted(PLACES, EVEN, n_sequences=6)
    fits = [HMMSweep([1, 2, 4], random_state=s, max_iter=5).fit(X).results_ for s in (7, 7, 8)]
    pd.testing.assert_frame_equal(without_time(fits[0]), without_time(fits[1]))
    several = fits[0]["n_states"] == 4
    assert not np.allclose(fits[0]["log_likelihood"][several], fits[2]["log_likelihood"][several])


def test_rows_do_not_depend_on_what_else_is_fitted() -> None:
    X, _ = planted(PLACES, EVEN, n_sequences=6)
    options = {"n_restarts": 2, "max_iter": 5, "random_state": 3}
    many = HMMSweep([1, 2, 3, 4], ["diag", "tied"], **options).fit(X)
    alone = HMMSweep([3], ["tied"], **options).fit(X)
    more = HMMSweep([3], ["tied"], **(options | {"n_restarts": 3})).fit(X)
    chosen = many.results_.query("covariance_type == 'tied' and n_states == 3")
    chosen = without_time(chosen.reset_index(drop=True))
    pd.testing.assert_frame_equal(chosen, without_time(alone.results_))
    pd.testing.assert_frame_equal(chosen, without_time(more.results_[:2]))
    np.testing.assert_array_equal(many.models_["tied", 3].means_, alone.models_["tied", 3].means_)


def test_what_fills_ragged_sequences_does_not_matter() -> None:
    X, _ = planted(PLACES, EVEN, n_sequences=6)
    X[..., 1] = 2 * X[..., 0]  # A direction without width, to be counted as floored.
    lengths = np.array([40, 30, 20, 40, 10, 5])
    tables = []
    for garbage in (0.0, 1e3):
        padded = np.where((np.arange(40) < lengths[:, None])[..., None], X, garbage)
        sweep = HMMSweep([1, 2], ["full"], n_restarts=2, max_iter=5)
        tables.append(without_time(sweep.fit(padded, lengths, padded, lengths).results_))
    pd.testing.assert_frame_equal(*tables)
    # The covariance of the only state, or of each of two.
    assert tables[0]["n_floored"].tolist() == [1, 2, 2]


def test_floored_directions_are_counted_once_when_tied() -> None:
    X, _ = planted(PLACES, EVEN, n_sequences=6)
    flat = np.concatenate([X, X[..., :1]], axis=2)
    for data, expected in ((X, 0), (flat, 1)):
        sweep = HMMSweep([1, 3], ["tied"], n_restarts=1, max_iter=5).fit(data)
        assert sweep.results_["n_floored"].tolist() == [expected] * 2


def test_models_are_the_best_restarts() -> None:
    X, _ = planted(PLACES, EVEN, n_sequences=6)
    sweep = HMMSweep([4], n_restarts=4, max_iter=3).fit(X)
    scores = sweep.results_["log_likelihood"]
    assert scores.nunique() > 1
    assert sweep.models_["tied", 4].score(X) == pytest.approx(scores.max(), rel=1e-12)


def test_fits_that_break_down_are_rows_without_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hmmlearn_engine.fit_gaussian

    def sometimes(frames: Any, lengths: Any, kind: Any, start: Any, *rest: Any) -> Fit:
        if len(start["means"]) == 2:
            return Fit(None, [], False, True)
        return whole(frames, lengths, kind, start, *rest)

    monkeypatch.setattr(hmmlearn_engine, "fit_gaussian", sometimes)
    X, _ = planted(PLACES, EVEN, n_sequences=4)
    sweep = HMMSweep([1, 2, 3], n_restarts=2, max_iter=3, engine="hmmlearn").fit(X, None, X)
    broken = sweep.results_["n_states"] == 2
    scores = sweep.results_[["log_likelihood", "bic", "aic", "icl", "held_out"]]
    assert scores[broken].isna().all(axis=None)
    assert scores[~broken].notna().all(axis=None)
    assert set(sweep.models_) == {("tied", 1), ("tied", 3)}
    assert sweep.results_["n_rescued"].tolist() == [0, 1, 1, 0, 0]


HOLED = np.zeros((2, 5, 2))
HOLED[1, 3, 0] = np.nan
ENDLESS = np.zeros((2, 5, 2))
ENDLESS[0, 2, 1] = np.inf


@pytest.mark.parametrize(
    ("X", "options", "sentence"),
    [
        (HOLED, {}, r"X holds a value that is not finite at \(1, 3, 0\); remove or fill it"),
        (ENDLESS, {}, r"not finite at \(0, 2, 1\)"),
        (np.zeros((5, 2)), {}, r"X has shape \(5, 2\); \(sequence, time, component\) is needed"),
        (np.zeros((2, 3, 2)), {"n_states": [1, 7]}, "X has 6 frames, fewer than n_states=7"),
        (np.zeros((2, 3)), {"emission": "categorical"}, "X must hold whole numbers"),
        (np.zeros((2, 3, 1), dtype=int), {"emission": "categorical"}, "X must hold whole numbers"),
    ],
)
def test_data_that_do_not_fit_are_reported(
    X: np.ndarray, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        HMMSweep(**({"n_states": [1]} | options)).fit(X)


def test_held_out_data_that_do_not_fit_are_reported() -> None:
    with pytest.raises(DataError, match="not finite"):
        HMMSweep([1]).fit(np.ones((2, 5, 2)), held_out=HOLED)
    with pytest.raises(DataError, match=r"^lengths\[0\] is 9; each must lie between 1 and 5"):
        HMMSweep([1]).fit(np.ones((2, 5, 2)), [9, 5])
    with pytest.raises(DataError, match=r"^held_out_lengths\[1\] is 0; each must lie between"):
        HMMSweep([1]).fit(np.ones((2, 5, 2)), None, np.ones((2, 5, 2)), [5, 0])
    with pytest.raises(DataError, match=r"held_out has shape \(2, 5, 1\); \(sequence, time, 2\)"):
        HMMSweep([1]).fit(np.ones((2, 5, 2)), None, np.ones((2, 5, 1)))


def test_without_wide_starts_every_start_is_a_place() -> None:
    # One place with two spreads is likelier than two places, for a model that may share places.
    rng = np.random.default_rng(0)
    spread = np.repeat(rng.choice([0.2, 2.0], size=(20, 20)), 5, axis=1)
    X = spread[..., None] * rng.normal(size=(20, 100, 1))
    both, places = (
        HMMSweep([2], ("diag",), n_restarts=6, max_iter=1, wide_initialisation=wide).fit(X)
        for wide in (True, False)
    )
    log_likelihood = [np.sort(part.results_["log_likelihood"]) for part in (both, places)]
    assert not np.allclose(*log_likelihood)
    # After one step of EM all starts that are places are still alike.
    assert np.ptp(log_likelihood[1]) < 0.2 * np.ptp(log_likelihood[0])


def test_a_sweep_is_an_estimator() -> None:
    X, truth = planted(PLACES, EVEN)
    sweep = HMMSweep([1, 2, 3, 4], n_restarts=2, random_state=3, criterion="bic")
    again = clone(sweep)
    assert again is not sweep and again.get_params() == sweep.get_params()
    assert repr(clone(HMMSweep(3, max_iter=7))) == "HMMSweep(n_states=3, max_iter=7)"
    with pytest.raises(NotFittedError, match="HMMSweep has no models yet; call fit first"):
        sweep.predict(X)
    assert not hasattr(sweep, "best_model_")
    sweep.fit(X)
    assert sweep.best_model_ is sweep.models_["tied", 3]
    np.testing.assert_array_equal(sweep.predict(X), sweep.models_["tied", 3].predict(X))
    assert adjusted_rand_score(truth.ravel(), sweep.predict(X).ravel()) > 0.9
    assert sweep.score(X) == sweep.models_["tied", 3].score(X)
    assert sweep.set_params(criterion="held_out") is sweep
    with pytest.raises(DataError, match="no fit of the sweep has a held_out score"):
        sweep.score(X)
    sweep.set_params(n_states=2, criterion="aic").fit(X)
    assert set(sweep.models_) == {("tied", 2)} and sweep.best_model_.n_components == 2
    with pytest.raises(ValueError, match="'states' is no parameter of HMMSweep"):
        sweep.set_params(states=3)
    with pytest.raises(DataError, match="criterion must be one of bic, aic, icl, held_out"):
        HMMSweep(criterion="BIC").fit(X)


def test_state_counts_of_an_iterator_serve_every_fit() -> None:
    X, _ = planted(PLACES, EVEN, n_sequences=3)
    sweep = HMMSweep(iter([1, 2]), n_restarts=1, max_iter=2)
    assert set(sweep.fit(X).models_) == set(sweep.fit(X).models_) == {("tied", 1), ("tied", 2)}


def test_old_names_warn_and_work() -> None:
    with pytest.warns(DeprecationWarning, match="'wide_starts' is deprecated"):
        assert HMMSweep(wide_starts=False).wide_initialisation is False
    with pytest.warns(DeprecationWarning, match="DrivenHMM is deprecated; use InputDrivenHMM"):
        assert input_driven.DrivenHMM is hmmlens.InputDrivenHMM
    assert hmmlens.choose is selection.choose
