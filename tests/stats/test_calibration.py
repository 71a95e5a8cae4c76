"""Calibrated probabilities, and some that are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve

from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.stats.calibration import calibration_error, coverage, reliability, truth_distribution


def exact(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors of the exact filter on chain3, whose states are much alike, and the truth."""
    hmm = preset_hmm("chain3")
    symbols, states = sample_hmm(hmm, n, 50, np.random.default_rng(seed))
    return CategoricalHMM.from_parameters(*hmm).filter(symbols).posteriors, states


def sharpened(posteriors: np.ndarray, power: float) -> np.ndarray:
    raised = posteriors**power
    return raised / raised.sum(axis=2, keepdims=True)


def test_exact_filter_is_calibrated_and_sharpened_or_flattened_ones_are_not() -> None:
    posteriors, truth = exact(0)
    rng = np.random.default_rng(0)
    assert calibration_error(posteriors, truth, 100, rng).value < 0.015
    for power in (4, 0.3):
        off = calibration_error(sharpened(posteriors, power), truth, 100, rng)
        assert off.low > 0.1
    # And overconfidence is seen where it is: more confident than right.
    table = reliability(sharpened(posteriors, 4), truth)
    assert (table["confidence"] > table["accuracy"] + 0.05).mean() > 0.7


def test_reliability_of_two_states_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, size=(10, 100))
    truth = (rng.random((10, 100)) < p**2).astype(int)
    table = reliability(np.stack([1 - p, p], axis=2), truth)
    accuracy, confidence = calibration_curve(truth.ravel(), p.ravel(), n_bins=10)
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)
    assert table["n"].sum() == 1000
    error = (table["n"] * abs(table["accuracy"] - table["confidence"])).sum() / 1000
    found = calibration_error(np.stack([1 - p, p], axis=2), truth, 20, rng)
    assert found.value == pytest.approx(error)


def test_certainty_falls_in_the_last_bin_and_unknown_steps_in_none() -> None:
    distributions = np.array([[[1.0, 0], [0, 1], [0.5, 0.5]]])
    table = reliability(distributions, np.array([[0, 0, -1]]))
    assert table.to_dict("list") == {
        "low": [0.9], "high": [1.0], "n": [2], "confidence": [1.0], "accuracy": [0.5]
    }  # fmt: skip
    with pytest.raises(DataError, match="no step has a known truth"):
        reliability(distributions, np.full((1, 3), -1))


def test_states_become_truths_by_counting_on_train() -> None:
    posteriors, truth = exact(0, 400)
    # States of other names, one of them split into two.
    found = np.concatenate([posteriors[..., [2, 0]], posteriors[..., [1]] / 2,
                            posteriors[..., [1]] / 2], axis=2)  # fmt: skip
    distribution = truth_distribution(found[:200], truth[:200], 3)
    assert distribution.shape == (4, 3)
    np.testing.assert_allclose(distribution.sum(axis=1), 1)
    assert distribution[0].argmax() == 2
    assert distribution[1].argmax() == 0
    np.testing.assert_allclose(distribution[2], distribution[3])
    # Hard labels of the exact filter: the counted distribution is right on test.
    hard = np.eye(3)[posteriors.argmax(axis=2)]
    predicted = hard[200:] @ truth_distribution(hard[:200], truth[:200], 3)
    rng = np.random.default_rng(0)
    assert calibration_error(predicted, truth[200:], 50, rng).value < 0.02


def test_abstention_pays_only_where_confidence_is_calibrated() -> None:
    posteriors, truth = exact(0)
    table = coverage(posteriors, truth, [1.0, 0.5, 0.1])
    every = (posteriors.argmax(axis=2) == truth).mean()
    assert table["accuracy"][0] == pytest.approx(every)
    assert table["accuracy"].is_monotonic_increasing
    assert table["entropy"].is_monotonic_decreasing
    # The exact filter is right as often as its confidence, on the 1000 steps that it picks too.
    entropy = stats.entropy(posteriors, axis=2).ravel()
    predicted = posteriors.max(axis=2).ravel()[np.argsort(entropy)[:1000]].mean()
    assert table["accuracy"][2] == pytest.approx(predicted, abs=5 * np.sqrt(0.25 / 1000))
    assert predicted > every + 0.05
    rng = np.random.default_rng(0)
    noise = rng.dirichlet(np.ones(3), size=truth.shape)
    table = coverage(noise, truth, [1.0, 0.1])
    assert abs(table["accuracy"][1] - table["accuracy"][0]) < 0.06
