"""Whole visits equal those that grouping finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.interpretation.visits import mean_dwells, visits

PATHS = st.integers(1, 15).flatmap(
    lambda n: st.lists(
        st.tuples(st.lists(st.integers(0, 2), min_size=n, max_size=n), st.integers(1, n)),
        min_size=1,
        max_size=4,
    )
)


@settings(max_examples=120, deadline=None)
@given(PATHS)
def test_visits_equal_grouping(drawn: list[tuple[list[int], int]]) -> None:
    path = np.array([row for row, _ in drawn])
    lengths = np.array([end for _, end in drawn])
    path[np.arange(path.shape[1]) >= lengths[:, None]] = -1
    slow = []
    for row, end in drawn:
        runs = [(state, len(list(group))) for state, group in itertools.groupby(row[:end])]
        # The first may have begun earlier and the last may go on.
        slow += runs[1:-1]
    state, length = visits(path)
    assert list(zip(state.tolist(), length.tolist(), strict=True)) == slow
    means = mean_dwells(path, 4)
    for k in range(4):
        each = [n for found, n in slow if found == k]
        assert means[k] == pytest.approx(np.mean(each) if each else np.nan, nan_ok=True)
