"""What is picked to be drawn."""

from __future__ import annotations

import numpy as np

from hmmlens.figures.layer import liveliest
from hmmlens.figures.network import apart


def test_liveliest_sequence_counts_real_changes_only() -> None:
    truth = np.array([[0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0], [0, 1, 0, 0, -1, -1]])
    length = np.array([6, 6, 4])
    shown = np.arange(6) < length[:, None]
    assert liveliest(truth, shown) == 0
    # Without the first, both have two changes; the end of the shorter one is none.
    shown[0] = False
    assert liveliest(truth, shown) == 1
    # Where nothing changes, a sequence that counts is still taken.
    assert liveliest(np.zeros((3, 6), int), shown) == 1


def test_names_that_lie_on_each_other_are_pushed_apart() -> None:
    places = np.array([[0.0, 0.0], [0.0, 0.0], [0.1, 0.05], [5.0, 0.0], [0.0, 3.0]])
    moved = apart(places, np.array([1.0, 0.5]))
    np.testing.assert_array_equal(moved[:, 0], places[:, 0])
    np.testing.assert_array_equal(moved[3:], places[3:])
    assert np.diff(np.sort(moved[:3, 1])).min() >= 0.5 - 1e-6
    # As far as need be and no farther.
    assert np.ptp(moved[:3, 1]) < 1.5
    assert apart(places[:1], np.array([1.0, 0.5])).tolist() == [[0.0, 0.0]]
