"""What is picked to be drawn."""

from __future__ import annotations

import numpy as np

from hmmlens.figures.layer import liveliest


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
