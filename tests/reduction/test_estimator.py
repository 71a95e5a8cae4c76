"""The estimator keeps scikit-learn's contract and reduces as the pipeline does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import hmmlens
from hmmlens import GaussianHMM, Reducer
from hmmlens.errors import DataError
from hmmlens.reduction.fitting import checked_settings, fit_transform
from hmmlens.reduction.reducers import REDUCERS
from tests.reduction.test_reducers import KINDS, state_of

INVERTIBLE = [kind for kind, settings in REDUCERS.items() if settings.invertible]
LENGTHS = np.array([30, 20, 30, 5, 30, 30, 30, 12])
INSIDE = np.arange(30) < LENGTHS[:, None]

OWN_WORDS = "refused, in a sentence of hmmlens without the words that the check looks for"
#: Checks of scikit-learn that are expected to fail, with the reason.
EXEMPT = {
    "check_complex_data": OWN_WORDS,
    "check_dtype_object": "an object that is no number raises ValueError and not TypeError",
    "check_estimators_empty_data_messages": OWN_WORDS,
    "check_estimators_nan_inf": OWN_WORDS,
    "check_fit2d_predict1d": OWN_WORDS,
}


SETS_COMPONENTS = "the check sets n_components, which this kind refuses"
#: Of kinds without ``n_components`` as well.
EXEMPT_WITHOUT_COMPONENTS = {
    "check_dont_overwrite_parameters": SETS_COMPONENTS,
    "check_methods_sample_order_invariance": SETS_COMPONENTS,
    "check_methods_subset_invariance": SETS_COMPONENTS,
    "check_fit2d_1sample": SETS_COMPONENTS,
    "check_fit2d_1feature": SETS_COMPONENTS,
}


def exempt(reducer: Reducer) -> dict[str, str]:
    if "n_components" in REDUCERS[reducer.kind].model_fields:
        return EXEMPT
    return EXEMPT | EXEMPT_WITHOUT_COMPONENTS


def reducers(exploratory: bool) -> list[Reducer]:
    return [
        Reducer(kind) for kind, settings in REDUCERS.items() if settings.exploratory == exploratory
    ]


@parametrize_with_checks(reducers(exploratory=False), expected_failed_checks=exempt)
def test_contract_of_scikit_learn(estimator: Reducer, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(reducers(exploratory=True), expected_failed_checks=exempt)
def test_contract_of_scikit_learn_for_maps(estimator: Reducer, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("kind", KINDS)
def test_all_layouts_give_what_the_pipeline_gives(kind: str) -> None:
    state = state_of(dead=(4,))
    reducer = Reducer(kind, random_state=5)
    settings = checked_settings({"kind": kind})
    expected, _ = fit_transform(state, np.ones(8, dtype=bool), settings, 5, LENGTHS)
    padded = reducer.fit_transform(state, lengths=LENGTHS)
    np.testing.assert_array_equal(padded, expected)
    listed = [sequence[:n] for sequence, n in zip(state, LENGTHS, strict=True)]
    np.testing.assert_array_equal(reducer.transform(listed), expected)
    flat = Reducer(kind, random_state=5).fit_transform(state[INSIDE])
    np.testing.assert_array_equal(flat, expected[INSIDE])
    assert reducer.n_components_ == expected.shape[2] == len(reducer.get_feature_names_out())
    assert reducer.varying_units_.tolist() == [True, True, True, True, False, True]


@pytest.mark.parametrize("kind", INVERTIBLE)
def test_inverse_gives_the_states_back_where_no_dimension_is_left_out(kind: str) -> None:
    state = state_of(dead=(1,))
    reducer = Reducer(kind).fit(state)
    back = reducer.inverse_transform(reducer.transform(state))
    np.testing.assert_allclose(back, state, atol=1e-8)
    flat = state.reshape(-1, 6)
    np.testing.assert_allclose(reducer.inverse_transform(reducer.transform(flat)), flat, atol=1e-8)
    back = reducer.inverse_transform(reducer.transform(state, lengths=LENGTHS))
    np.testing.assert_allclose(back[INSIDE], state[INSIDE], atol=1e-8)
    assert np.isnan(back[~INSIDE]).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in INVERTIBLE])
def test_reducers_without_an_inverse_have_no_such_method(kind: str) -> None:
    assert not hasattr(Reducer(kind), "inverse_transform")


def test_every_setting_of_a_reducer_is_a_parameter() -> None:
    params = set(Reducer().get_params())
    for settings in REDUCERS.values():
        assert set(settings.model_fields) <= params


def test_parameters_are_read_and_set_by_name() -> None:
    reducer = Reducer("tsne", perplexity=12.0)
    assert clone(reducer).get_params() == reducer.get_params()
    assert clone(reducer).set_params(perplexity=3.0).perplexity == 3.0
    assert repr(reducer) == "Reducer('tsne', perplexity=12.0)"
    with pytest.raises(ValueError, match="'perplexty' is no parameter of Reducer; use one of kind"):
        reducer.set_params(perplexty=3.0)


def test_pipelines_and_searches_of_scikit_learn_take_it() -> None:
    flat = state_of().reshape(-1, 6)
    pipeline = make_pipeline(StandardScaler(), Reducer("pca"), GaussianHMM(2, random_state=0))
    grid = {"reducer__kind": ["pca", "identity"], "gaussianhmm__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(flat)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_names_of_columns_are_kept_and_compared() -> None:
    table = pd.DataFrame(state_of().reshape(-1, 6), columns=list("abcdef"))
    reducer = Reducer("pca", n_components=2).fit(table)
    assert reducer.feature_names_in_.tolist() == list("abcdef")
    assert reducer.get_feature_names_out().tolist() == ["pca0", "pca1"]
    with pytest.raises(DataError, match="feature names should match"):
        reducer.transform(table[list("fedcba")])


@pytest.mark.parametrize(
    ("X", "options", "sentence"),
    [
        (np.zeros((1, 5)), {}, "one sample"),
        (np.zeros((9, 5)), {}, "no unit of this layer ever changes"),
        (state_of(), {"kind": "pcaa"}, "found 'pcaa'"),
        (state_of(), {"n_components": 0}, "n_components: found 0, wants a whole number of 1"),
        (state_of(), {"kind": "identity", "n_components": 2}, "unknown key 'n_components'"),
    ],
)
def test_bad_input_gives_one_sentence(
    X: np.ndarray, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        Reducer(**options).fit(X)


def test_nothing_is_transformed_before_the_fit() -> None:
    for call in (Reducer().transform, Reducer().inverse_transform):
        with pytest.raises(NotFittedError, match="call fit first"):
            call(state_of())


def test_the_old_name_of_the_seed_still_works() -> None:
    with pytest.warns(DeprecationWarning, match="'seed' is deprecated; use 'random_state'"):
        old = hmmlens.reduce(state_of(), "ica", n_components=2, seed=3)
    new = hmmlens.reduce(state_of(), "ica", n_components=2, random_state=3)
    np.testing.assert_array_equal(old, new)
    with pytest.warns(DeprecationWarning):
        assert Reducer(seed=4).random_state == 4
