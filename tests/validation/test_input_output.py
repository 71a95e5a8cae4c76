"""Classes of inputs: symbols, few levels, many levels."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.errors import DataError
from hmmlens.validation.input_output import (
    MOST_DISTINCT,
    N_CLUSTERS,
    combinations,
    input_classes,
)


def test_symbols_are_classes_and_padding_is_class_0() -> None:
    symbols = np.array([[2, 0, 1], [1, 1, -7]])
    classes, n = input_classes(symbols, np.array([True, True]), np.array([3, 2]))
    assert classes.tolist() == [[2, 0, 1], [1, 1, 0]] and n == 3
    with pytest.raises(DataError, match="below 0"):
        input_classes(symbols, np.array([True, True]))


def test_pulses_are_their_own_classes_even_where_train_lacks_one() -> None:
    pulses = np.array([[[0.0, 0], [1, 0], [0, 1]], [[0, 0], [1, 1], [0.9, 0]]])
    classes, n = input_classes(pulses, np.array([True, False]))
    assert n == 3
    assert classes[0].tolist() == [0, 2, 1]
    assert classes[1, 0] == 0 and classes[1, 2] == 2


def test_many_levels_are_clustered_by_nearness() -> None:
    values = np.random.default_rng(6).normal(size=(4, 100, 1))
    classes, n = input_classes(values, np.array([True, True, False, False]))
    assert n == N_CLUSTERS < MOST_DISTINCT
    order = np.argsort(values[..., 0].ravel())
    # Clusters of a line are intervals.
    assert (np.diff(classes.ravel()[order]) != 0).sum() == n - 1


@pytest.mark.parametrize("n_inputs", [2, 4])
def test_combinations_of_pulses_point_to_their_single_pulses(n_inputs: int) -> None:
    rng = np.random.default_rng(7)
    pulses = rng.choice([-1.0, 0.0, 1.0], size=(200, 50, n_inputs), p=[0.1, 0.8, 0.1])
    classes, n = input_classes(pulses, np.arange(200) < 100)
    parts = combinations(pulses, classes, n)
    # As many as combinations occur, also where these are more than MOST_DISTINCT.
    assert n == len(parts) == len(np.unique(pulses.reshape(-1, n_inputs), axis=0))
    assert (n > MOST_DISTINCT) == (n_inputs == 4)
    example = {int(k): pulses[classes == k][0] for k in range(n)}
    assert all((pulses[classes == k] == example[k]).all() for k in range(n))
    for k, own in enumerate(parts):
        assert len(own) == (np.abs(example[k]).sum() if np.abs(example[k]).sum() > 1 else 0)
        if own:
            np.testing.assert_array_equal(sum(example[one] for one in own), example[k])


def test_symbols_and_continuous_inputs_have_no_combinations() -> None:
    rng = np.random.default_rng(8)
    symbols, values = rng.integers(0, 3, size=(4, 50)), rng.normal(size=(4, 50, 2))
    train = np.ones(4, dtype=bool)
    for inputs in (symbols, values):
        classes, n = input_classes(inputs, train)
        assert combinations(inputs, classes, n) == ((),) * n
