"""Parameters, priors and settings that users give: taken as by hmmlearn, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hmmlearn.hmm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

import hmmlens
from hmmlens.errors import DataError, StoreError
from hmmlens.hmm import CategoricalHMM, GaussianHMM, HMMSweep, input_driven, storage
from hmmlens.hmm.autoregressive import ARHMM

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.random.default_rng(1).integers(0, 3, size=(50, 1))
EVEN = [[0.5, 0.5], [0.5, 0.5]]
UNITS = {
    "spherical": np.ones(2),
    "diag": np.ones((2, 3)),
    "full": np.tile(np.eye(3), (2, 1, 1)),
    "tied": np.eye(3),
}


def gaussian(module: Any = hmmlens, kind: str = "diag", **parameters: Any) -> Any:
    """Return a model of two states with parameters set by hand, in lists."""
    model = module.GaussianHMM(2, kind)
    model.n_features = 3
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]]
    model.means_, model.covars_ = [[0, 0, 0], [1, 1, 1]], UNITS[kind].tolist()
    for name, value in parameters.items():
        setattr(model, name, value)
    return model


def categorical(module: Any = hmmlens, **parameters: Any) -> Any:
    model = module.CategoricalHMM(2)
    model.n_features = 3
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]]
    model.emissionprob_ = [[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]
    for name, value in parameters.items():
        setattr(model, name, value)
    return model


@pytest.mark.parametrize("kind", UNITS)
def test_lists_are_taken_as_by_hmmlearn(kind: str) -> None:
    wanted = gaussian(hmmlearn.hmm, kind).score(X)
    assert gaussian(kind=kind).score(X) == pytest.approx(wanted, rel=1e-12)
    assert gaussian(kind=kind).to_hmmlearn().score(X) == pytest.approx(wanted, rel=1e-12)
    assert categorical().score(Y) == pytest.approx(categorical(hmmlearn.hmm).score(Y), rel=1e-12)


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 1, 1), (2, 1, 1, 1)])
def test_spherical_variances_in_hmmlearns_shapes(shape: tuple[int, ...]) -> None:
    given = np.array([4.0, 3.0]).reshape(shape)
    ours, theirs = (gaussian(m, "spherical", covars_=given) for m in (hmmlens, hmmlearn.hmm))
    np.testing.assert_array_equal(ours.covars_, theirs.covars_)
    np.testing.assert_array_equal(ours.covars_[1], 3 * np.eye(3))


@pytest.mark.parametrize("kind", UNITS)
def test_covariances_are_writeable_and_no_view_of_what_was_given(kind: str) -> None:
    given = UNITS[kind].copy()
    models = [gaussian(kind=kind, covars_=given), GaussianHMM(2, kind, random_state=0).fit(X)]
    full = np.tile(np.eye(3), (2, 1, 1))
    models.append(GaussianHMM.from_parameters([0.5, 0.5], EVEN, np.zeros((2, 3)), full, kind))
    given[...] = full[...] = -1
    for model in models:
        assert model.covars_.flags.writeable and model._covars_.flags.writeable
        assert (np.linalg.eigvalsh(model.covars_) > 0).all()


GAUSSIAN = [
    ("diag", {"startprob_": [0.5, 0.4]}, r"^startprob_ adds up to 0.9, not to 1"),
    ("diag", {"startprob_": [1.5, -0.5]}, "startprob_ holds a negative probability, -0.5 at 1"),
    ("diag", {"startprob_": [[0.5, 0.5]]}, r"startprob_ has shape \(1, 2\), \(2,\) is needed"),
    ("diag", {"startprob_": ["a", "b"]}, r"startprob_ must be real numbers, found"),
    ("diag", {"startprob_": [0.5 + 1j, 0.5]}, "startprob_ must be real numbers, found complex"),
    ("diag", {"transmat_": [[0.9, 0.1], [0.3, 0.3]]}, "row 1 of transmat_ adds up to 0.6"),
    ("diag", {"transmat_": [[1.1, -0.1], [0.5, 0.5]]}, r"negative probability, -0.1 at \(0, 1\)"),
    ("diag", {"transmat_": [[np.nan, 1], [0, 1]]}, r"transmat_ holds nan at \(0, 0\)"),
    ("diag", {"transmat_": np.eye(3)}, r"transmat_ has shape \(3, 3\), \(2, 2\) is needed"),
    ("diag", {"means_": np.zeros((3, 3))}, r"means_ has shape \(3, 3\), \(2, 3\) is needed"),
    ("diag", {"means_": np.zeros(3)}, r"means_ has shape \(3,\), \(state, component\) is needed"),
    ("diag", {"means_": [[0, np.inf, 0], [0, 0, 0]]}, r"means_ holds inf at \(0, 1\)"),
    ("diag", {"means_": [[0, 1], [2]]}, "means_ .* is no array"),
    ("diag", {"covars_": np.ones((2, 1))}, r"covars_ has shape \(2, 1\), \(2, 3\) is needed"),
    ("diag", {"covars_": np.ones(2)}, r"shape \(2,\), which does not fit 2 states with diag"),
    ("diag", {"covars_": np.ones((3, 3))}, r"does not fit 2 states .* \(2, component\) is needed"),
    ("diag", {"covars_": [[1, 1, 1], [1, 0, 1]]}, r"a variance that is not above 0: 0 at \(1, 1\)"),
    ("diag", {"covars_": [[1, 1, 1], [1, -2, 1]]}, r"not above 0: -2 at \(1, 1\)"),
    ("diag", {"covars_": np.full((2, 3), np.nan)}, r"covars_ holds nan at \(0, 0\)"),
    ("spherical", {"covars_": [1, -1]}, "not above 0: -1 at 1"),
    ("spherical", {"covars_": [[1, 2], [1, 1]]}, r"does not fit 2 states .* \(2,\) is needed"),
    ("spherical", {"covars_": []}, r"covars_ has shape \(0,\)"),
    ("full", {"covars_": np.tile(np.eye(2), (2, 1, 1))}, r"shape \(2, 2, 2\), \(2, 3, 3\) is need"),
    ("full", {"covars_": [np.eye(3), -np.eye(3)]}, "covars_ is not positive definite in state 1"),
    ("full", {"covars_": [np.eye(3), np.ones((3, 3))]}, r"state 1 \(comp.* others: 1, 2"),
    ("full", {"covars_": [np.tri(3), np.eye(3)]}, "positive definite; that of state 0 is not"),
    ("tied", {"covars_": np.zeros((3, 3))}, "covars_ is not positive definite in state 0"),
    ("tied", {"covars_": np.ones((2, 3))}, r"shape \(2, 3\), .* \(component, component\) is"),
    ("diag", {"n_components": 3}, r"startprob_ has shape \(2,\), \(3,\) is needed"),
    ("diag", {"n_components": 2.0}, "n_components must be a whole number of 1 or more"),
    ("diag", {"covariance_type": "full"}, r"covars_ has shape \(2, 3\), \(2, 3, 3\) is needed"),
    ("diag", {"covariance_type": "round"}, "covariance_type must be one of spherical"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "parameters", "sentence"), GAUSSIAN)
def test_unsound_gaussian_parameters_are_named(
    kind: str, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        gaussian(kind=kind, **parameters).score(X)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"emissionprob_": [[9.0, 1, 0], [2, 8.0, 0]]}, "row 0 of emissionprob_ adds up to 10"),
        ({"emissionprob_": [[1, 0, 0], [2, -1, 0]]}, r"negative probability, -1 at \(1, 1\)"),
        ({"emissionprob_": np.full((3, 3), 1 / 3)}, r"emissionprob_ has shape \(3, 3\), \(2, 3\)"),
        ({"emissionprob_": np.full((2, 4), 1 / 4)}, r"emissionprob_ has shape \(2, 4\), \(2, 3\)"),
        ({"emissionprob_": np.zeros((2, 3))}, "row 0 of emissionprob_ adds up to 0, not to 1"),
        ({"emissionprob_": []}, "emissionprob_ has shape"),
        ({"transmat_": np.full((2, 2), np.inf)}, r"transmat_ holds inf at \(0, 0\)"),
    ],
)  # fmt: skip
def test_unsound_categorical_parameters_are_named(
    parameters: dict[str, Any], sentence: str
) -> None:
    model = categorical(**parameters)
    for ask in (model.score, model.predict, model.filter, model.bic, lambda _: model.sample(2)):
        with pytest.raises(DataError, match=sentence):
            ask(Y)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["startprob_", "transmat_", "emissionprob_"]),
    st.integers(0, 1), st.integers(0, 1), st.floats(-3, 3),
)  # fmt: skip
def test_what_hmmlearn_refuses_is_refused_and_the_rest_scores_the_same(
    name: str, row: int, column: int, value: float
) -> None:
    models = [categorical(hmmlens), categorical(hmmlearn.hmm)]
    for model in models:
        changed = np.array(getattr(model, name), dtype=float)
        changed[(row, column) if changed.ndim == 2 else column] = value
        setattr(model, name, changed)
    ours, theirs = models
    try:
        wanted = theirs.score(Y)
    except ValueError:
        with pytest.raises(DataError, match=name):
            ours.score(Y)
    else:
        assert ours.score(Y) == pytest.approx(wanted, rel=1e-9)


def test_parameters_that_are_missing_are_named() -> None:
    model = gaussian()
    del model._covars_
    with pytest.raises(NotFittedError, match="this GaussianHMM has no covars_ yet; call fit first"):
        model.score(X)
    model = CategoricalHMM(2)
    model.startprob_, model.transmat_ = [0.5, 0.5], EVEN
    with pytest.raises(NotFittedError, match="has no emissionprob_ yet"):
        model.sample(3)


SETTINGS = [
    ({"params": "stmce"}, "params='stmce' holds 'e', which GaussianHMM does not know; use letters"),
    ({"init_params": "x"}, "init_params='x' holds 'x', which GaussianHMM does not know"),
    ({"params": ["s"]}, "params must be a word of the letters"),
    ({"n_components": 0}, "n_components must be a whole number of 1 or more, found 0"),
    ({"n_components": 2.0}, "n_components must be a whole number of 1 or more, found 2.0"),
    ({"n_components": True}, "n_components must be a whole number of 1 or more, found True"),
    ({"n_iter": -1}, "n_iter must be a whole number of 0 or more, found -1"),
    ({"n_iter": 2.5}, "n_iter must be a whole number of 0 or more, found 2.5"),
    ({"tol": np.nan}, "tol must be a number, found nan"),
    ({"tol": "1e-3"}, "tol must be a number, found '1e-3'"),
    ({"min_covar": -1e-3}, "min_covar must be a number of 0 or more, found -0.001"),
    ({"random_state": -1}, "random_state must be a whole number from 0 to .* found -1"),
    ({"random_state": 1.5}, "random_state must be .* found 1.5"),
    ({"random_state": "a"}, "random_state must be .* found 'a'"),
    ({"random_state": 2**32}, "random_state must be a whole number"),
    ({"algorithm": "best"}, "algorithm must be viterbi or map, found 'best'"),
    ({"implementation": "fast"}, "implementation must be log or scaling, found 'fast'"),
    ({"startprob_prior": np.ones(3)}, r"startprob_prior has shape \(3,\); .* broadcasts to \(2,\)"),
    ({"transmat_prior": np.ones((3, 3))}, r"transmat_prior has shape \(3, 3\); a number, or an a"),
    ({"transmat_prior": -1.0}, "transmat_prior must be 0 or more, found -1"),
    ({"means_prior": np.ones((2, 2))}, r"means_prior has shape \(2, 2\); .* to \(2, 3\)"),
    ({"means_prior": np.nan}, "means_prior holds nan"),
    ({"means_weight": [1, 1]}, r"means_weight has shape \(2,\)"),
    ({"covars_prior": np.ones((3, 2))}, r"covars_prior has shape \(3, 2\)"),
    ({"covars_prior": -1}, "covars_prior must be 0 or more, found -1"),
    ({"covariance_type": "full", "covars_prior": np.ones(2)}, r"broadcasts to \(2, 3, 3\)"),
    ({"covars_weight": [1, 2]}, r"covars_weight must be a number of 0 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "sentence"), SETTINGS)
def test_unsound_settings_are_named(options: dict[str, Any], sentence: str) -> None:
    model = GaussianHMM(**({"n_components": 2} | options))
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(DataError, match=sentence):
            fit(X)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"params": "stmc"}, "params='stmc' holds 'm', which CategoricalHMM does not know"),
        ({"n_features": 3.0}, "n_features must be a whole number of 1 or more"),
        ({"emissionprob_prior": np.ones((3, 3))}, r"emissionprob_prior has shape \(3, 3\)"),
        ({"emissionprob_prior": -2}, "emissionprob_prior must be 0 or more"),
        ({"n_iter": -3}, "n_iter must be a whole number of 0 or more"),
    ],
)
def test_unsound_settings_for_symbols_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        CategoricalHMM(2, **options).fit(Y)


def test_samples_are_asked_for_in_whole_numbers_and_from_known_states() -> None:
    model = categorical()
    for options, sentence in (
        ({"n_samples": 0}, "n_samples must be a whole number of 1 or more"),
        ({"currstate": 2}, "currstate must be a state from 0 to 1, found 2"),
        ({"random_state": "x"}, "random_state must be a whole number"),
    ):
        with pytest.raises(DataError, match=sentence):
            model.sample(**options)
    np.testing.assert_array_equal(
        model.sample(30, random_state=3)[0], categorical(hmmlearn.hmm).sample(30, random_state=3)[0]
    )


def test_overwritten_parameters_and_little_data_are_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gaussian(init_params="m").fit(X)
    assert caplog.messages == [
        "Even though the 'means_' attribute is set, it will be overwritten during initialization "
        "because 'init_params' contains 'm'"
    ]
    caplog.clear()
    # 1 + 2 + 6 + 12 parameters, and 12 numbers.
    gaussian(kind="full", init_params="").fit(X[:4])
    assert "Fitting a model with 21 free scalar parameters with only 12 data points" in caplog.text
    caplog.clear()
    categorical(init_params="", params="st").fit(Y)
    assert not caplog.messages


JOBS = {
    "grid": lambda make: GridSearchCV(
        make(random_state=0), {"n_components": [1, 2, 3]}, cv=KFold(3)
    ).fit(X[:, :2] + 4 * (np.arange(60) > 30)[:, None]).cv_results_["mean_test_score"],
    "scores": lambda make: cross_val_score(make(2, random_state=0), X, cv=KFold(3)),
    "pipeline": lambda make: make_pipeline(StandardScaler(), make(2, random_state=0))
    .fit(X).score(X),
    "states": lambda make: make_pipeline(StandardScaler(), make(2, random_state=0))
    .fit(X).predict(X),
}  # fmt: skip


@pytest.mark.parametrize("job", JOBS)
def test_tools_of_scikit_learn_give_what_they_give_with_hmmlearn(job: str) -> None:
    ours, theirs = (JOBS[job](m.GaussianHMM) for m in (hmmlens, hmmlearn.hmm))
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


def test_scikit_learn_sees_whether_a_model_is_fitted() -> None:
    model = GaussianHMM(2, random_state=0)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    check_is_fitted(model.fit(X))


def driven_model() -> input_driven.InputDrivenHMM:
    return input_driven.InputDrivenHMM(
        np.array([0.5, 0.5]), np.full((3, 2, 2), 0.5), np.zeros((2, 1)), np.ones((2, 1, 1)), "full"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"startprob": np.ones(2)}, "startprob adds up to 2, not to 1"),
        ({"transmat": np.full((3, 2, 2), 0.4)}, r"row \(0, 0\) of transmat adds up to 0.8"),
        ({"transmat": np.full((3, 3, 3), 1 / 3)}, r"transmat has shape \(3, 3, 3\), \(3, 2, 2\)"),
        ({"means": np.zeros(2)}, r"means has shape \(2,\), \(state, component\) is needed"),
        ({"covars": -np.ones((2, 1, 1))}, "covars is not positive definite in state 0"),
        ({"covars": np.ones((2, 2, 2))}, r"covars has shape \(2, 2, 2\), \(2, 1, 1\) is needed"),
        ({"covariance_type": "round"}, "covariance_type must be one of"),
    ],
)
def test_unsound_models_with_inputs_are_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        replace(driven_model(), **change)


def test_unsound_settings_of_models_with_inputs_are_named() -> None:
    values, classes = X[:, :1].reshape(6, 10, 1), np.zeros((6, 10), dtype=int)
    for options, sentence in (
        ({"update": "xt"}, "update='xt' holds 'x', which InputDrivenHMM does not know"),
        ({"max_iter": 0}, "max_iter must be a whole number of 1 or more"),
        ({"tol": np.nan}, "tol must be a number"),
        ({"min_covar": -1}, "min_covar must be a number of 0 or more"),
    ):
        with pytest.raises(DataError, match=sentence):
            input_driven.fit(values, classes, driven_model(), **options)
    with pytest.raises(DataError, match="values does not vary"):
        input_driven.fit(np.ones_like(values), classes, driven_model())


def test_unsound_autoregressive_models_are_named() -> None:
    values, length = X.reshape(6, 10, 3), np.full(6, 10)
    model = ARHMM(2).fit(values, length)
    for name, value, sentence in (
        ("startprob_", [0.5, 0.6], "startprob_ adds up to 1.1"),
        ("transmat_", np.eye(3), r"transmat_ has shape \(3, 3\)"),
        ("weights_", np.zeros((2, 3, 3)), r"weights_ has shape \(2, 3, 3\), \(2, 4, 3\)"),
        ("covariance_", -np.eye(3), "covariance_ is not positive definite"),
    ):
        sound = getattr(model, name)
        setattr(model, name, value)
        with pytest.raises(DataError, match=sentence):
            model.filter(values, length)
        setattr(model, name, sound)
    with pytest.raises(DataError, match="values does not vary"):
        ARHMM(1).fit(np.ones((6, 10, 3)), length)
    with pytest.raises(DataError, match="n_states must be a whole number"):
        ARHMM(0).fit(values, length)


@pytest.mark.parametrize(
    ("array", "value", "sentence"),
    [
        ("transmat", 0.9, "row 0 of transmat_ adds up to 1.8, not to 1"),
        ("means", np.nan, r"means holds nan at \(0, 0\)"),
        ("covars", -1.0, "covars is not positive definite in state 0"),
    ],
)
def test_damaged_models_in_a_store_are_named(array: str, value: float, sentence: str) -> None:
    stored = storage.to_dataset(HMMSweep([2], n_restarts=1, max_iter=3).fit(X.reshape(6, 10, 3)))
    stored[array] = stored[array] * 0 + value
    with pytest.raises(StoreError, match=f"the tied model with 2 states is damaged: {sentence}"):
        storage.model(stored, "tied", 2)
