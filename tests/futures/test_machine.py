"""The machine of the classes, fitted to sequences whose machine is known."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.futures import machine
from hmmlens.futures.machine import Path
from hmmlens.futures.settings import FutureSettings


def parity(small: float) -> Path:
    """Return a bit that symbol 1 toggles, and an unrelated second output of a given size."""
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 2, size=(40, 60))
    classes = symbols.cumsum(axis=1) % 2
    unrelated = 0.5 + small * rng.normal(size=symbols.shape)
    outputs = np.stack([2.0 * classes - 1, unrelated], axis=2)
    return Path(classes, np.eye(2)[symbols], outputs, np.arange(40) >= 25, np.arange(40))


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-4])
def test_an_output_that_hardly_varies_is_not_measured(size: float) -> None:
    found = machine.fit(parity(size), 2)
    assert found.by_output[0] == pytest.approx(1) and np.isnan(found.by_output[1])
    assert found.closed_loop[20] == pytest.approx(1)


def test_an_output_that_varies_little_but_visibly_is_measured() -> None:
    # Its variance is all noise, which no machine of the classes predicts.
    found = machine.fit(parity(0.05), 2)
    assert found.by_output[1] < 0.1
    assert np.isnan(machine.fit(parity(0.05), 2, resolution=0.1).by_output[1])


def test_the_smallest_variation_is_that_of_the_settings() -> None:
    edge = FutureSettings().resolution
    for factor, measured in ((0.8, False), (1.25, True)):
        assert np.isfinite(machine.fit(parity(factor * edge), 2).by_output[1]) == measured


def test_discrete_inputs_are_tabled_as_a_forest_with_leaves_of_one_pair_does() -> None:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    rng = np.random.default_rng(1)
    classes, symbols = rng.integers(0, 3, 2000), rng.integers(0, 4, 2000)
    # Which class follows, and what comes out, is only probable.
    after = (classes + symbols + (rng.random(2000) < 0.2)) % 3
    outputs = rng.normal(size=(2000, 2)) + after[:, None]
    inputs = np.eye(4)[symbols]
    features = np.concatenate([np.eye(3)[classes], inputs], axis=1)
    for kind, values in ((ExtraTreesClassifier, after), (ExtraTreesRegressor, outputs)):
        forest = kind(15, random_state=0, max_features=None).fit(features, values)
        found = machine.Predictor(3, values.ndim == 1).fit(classes, inputs, values)
        np.testing.assert_allclose(found.predict(classes, inputs), forest.predict(features))


@pytest.mark.parametrize("classify", [True, False])
def test_continuous_inputs_are_predicted_by_the_trees_of_the_forest(classify: bool) -> None:
    rng = np.random.default_rng(2)
    classes, inputs = rng.integers(0, 3, 1000), rng.normal(size=(1000, 2))
    after = (classes + (inputs[:, 0] > 0)) % 3
    values = after if classify else inputs.sum(axis=1, keepdims=True) + after[:, None]
    found = machine.Predictor(3, classify).fit(classes, inputs, values)
    whole = found._forest.predict(found._features(classes, inputs))
    np.testing.assert_allclose(found.predict(classes, inputs).ravel(), whole)


def test_a_pair_that_the_table_does_not_hold_is_unknown_and_refused() -> None:
    found = machine.Predictor(2, True).fit(np.array([0, 1]), np.eye(2), np.array([1, 0]))
    pairs = np.array([0, 0]), np.eye(2)
    assert found.known(*pairs).tolist() == [True, False]
    with pytest.raises(KeyError, match="did not occur"):
        found.predict(*pairs)
