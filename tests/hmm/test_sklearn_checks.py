"""scikit-learn's own checks of estimators, run on the estimators of this package."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils import estimator_checks

from hmmlens import CategoricalHMM, GaussianHMM, HMMSweep
from hmmlens.hmm import ARHMM

SENTENCE = "the message is a sentence of ours, which names the place and the remedy instead"
#: Checks that do not hold, and why.
EXEMPT = {
    "check_complex_data": SENTENCE,
    "check_dtype_object": SENTENCE,
    "check_estimators_empty_data_messages": SENTENCE,
    "check_estimators_nan_inf": SENTENCE,
    "check_estimator_sparse_array": SENTENCE,
    "check_estimator_sparse_matrix": SENTENCE,
    "check_fit2d_predict1d": SENTENCE,
    "check_n_features_in_after_fitting": SENTENCE,
}
EXEMPT_SWEEP = EXEMPT | {"check_fit2d_1sample": SENTENCE}
EXEMPT_MODEL = EXEMPT | {
    "check_estimator_sparse_tag": SENTENCE,
    "check_no_attributes_set_in_init": "monitor_ is set by the constructor, as hmmlearn sets it",
    "check_methods_sample_order_invariance": "the order of frames is what the model is about",
    "check_methods_subset_invariance": "a frame's posterior depends on the frames around it",
}


class GaussianOfOneSequence(GaussianHMM):
    """X (frame, component) is one sequence; the labels that scikit-learn passes are not used."""

    def fit(self, X: Any, y: Any = None) -> Any:
        return super().fit(X)

    def partial_fit(self, X: Any, y: Any = None) -> Any:
        return super().partial_fit(X)

    def score(self, X: Any, y: Any = None) -> float:
        return super().score(X)


class SweepOfOneSequence(HMMSweep):
    """The same for a sweep, which wants lengths where the data have no axis of sequences."""

    def fit(self, X: Any, y: Any = None) -> Any:
        return super().fit(X, [len(X)] if getattr(X, "ndim", 0) == 2 and len(X) else None)

    def score(self, X: Any, y: Any = None) -> float:
        return super().score(X)


def exempt(estimator: Any) -> dict[str, str]:
    return EXEMPT_SWEEP if isinstance(estimator, HMMSweep) else EXEMPT_MODEL


@estimator_checks.parametrize_with_checks(
    [
        GaussianOfOneSequence(n_components=2, random_state=0),
        SweepOfOneSequence(n_states=(1, 2), n_restarts=1),
    ],
    expected_failed_checks=exempt,
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


#: What needs no data: the data of the checks are real values, and not in sequences.
WITHOUT_DATA = (
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
)


@pytest.mark.parametrize("estimator", [CategoricalHMM(), ARHMM(2)], ids=["categorical", "ar"])
@pytest.mark.parametrize("check", WITHOUT_DATA, ids=lambda check: check.__name__)
def test_checks_without_data(estimator: Any, check: Any) -> None:
    check(type(estimator).__name__, estimator)
