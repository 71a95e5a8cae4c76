"""Classes of inputs: symbols, few levels, many levels."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.errors import DataError
from hmmlens.validation.input_output import MOST_DISTINCT, N_CLUSTERS, input_classes


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
