"""Dwell times against SciPy's Kaplan-Meier curve, geometric draws, and clocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from hmmlens.datasets.synthetic.generators import check_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.stats.dwell import dwell_test, visits


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.int64, (3, 12), elements=st.integers(0, 2)), st.integers(3, 12))
def test_visits_equal_slow_ones(path: np.ndarray, end: int) -> None:
    path[1, end:] = -1
    slow = []
    for row in path.tolist():
        row = [s for s in row if s >= 0]
        t = 0
        while t < len(row):
            stop = t
            while stop < len(row) and row[stop] == row[t]:
                stop += 1
            if t > 0:
                slow.append((row[t], stop - t, stop < len(row), len(row) - t))
            t = stop
    found = visits(path)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == slow


def alternating(a: float, n: int, steps: int, seed: int) -> np.ndarray:
    """Two states that are left with probability ``a``."""
    hmm = check_hmm([0.5, 0.5], [[1 - a, a], [a, 1 - a]], np.eye(2))
    return sample_hmm(hmm, n, steps, np.random.default_rng(seed))[1]


def test_survival_is_that_of_scipy() -> None:
    seen = visits(alternating(0.2, 40, 12, 0))
    found = dwell_test(seen, 1, 20, np.random.default_rng(0))
    mine = seen.state == 1
    length, ended = seen.length[mine], seen.ended[mine]
    # A visit cut off after n steps lasted longer than n - 1.
    censored = stats.CensoredData.right_censored(np.where(ended, length, length - 1), ~ended)
    curve = stats.ecdf(censored).sf
    steps = np.arange(1, len(found.survival) + 1)
    np.testing.assert_allclose(found.survival, curve.evaluate(steps), atol=1e-12)
    np.testing.assert_allclose(found.hazard * found.at_risk, np.round(found.hazard * found.at_risk))


def test_leaving_is_not_overrated_on_short_sequences() -> None:
    # Sequences of 20 steps, dwells of 20: whole visits alone would seem to last 7 steps or so.
    seen = visits(alternating(0.05, 3000, 20, 1))
    found = dwell_test(seen, 0, 20, np.random.default_rng(0))
    error = np.sqrt(0.05 * 0.95 / found.at_risk.sum())
    assert abs(found.leave - 0.05) < 5 * error
    assert seen.length[seen.ended & (seen.state == 0)].mean() < 10


def test_geometric_dwells_are_rarely_refused() -> None:
    p = []
    for seed in range(80):
        seen = visits(alternating(0.2, 15, 60, seed))
        p.append(dwell_test(seen, 0, 99, np.random.default_rng(seed)).p)
    # p is even from .01 to 1: 4 of 80 at .05 on average, more than 12 once in two thousand.
    assert sum(value <= 0.05 for value in p) <= 12
    assert 0.4 < np.mean(p) < 0.6


def test_clock_is_refused_and_its_hazard_rises() -> None:
    # A state of exactly 5 steps, then one of 1 or 9 steps.
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(20):
        row: list[int] = []
        while len(row) < 100:
            row += [0] * 5 + [1] * int(rng.choice([1, 9]))
        rows.append(row[:100])
    seen = visits(np.array(rows))
    clock = dwell_test(seen, 0, 199, rng)
    np.testing.assert_allclose(clock.hazard, [0, 0, 0, 0, 1])
    assert clock.leave == pytest.approx(0.2, abs=0.005)
    assert clock.distance == pytest.approx(1 - (1 - clock.leave) ** 4)
    assert clock.p == 0.005
    assert dwell_test(seen, 1, 199, rng).p == 0.005


def test_state_that_is_never_left_is_refused() -> None:
    seen = visits(np.array([[0, 1, 1, 1], [0, 0, 1, 1]]))
    assert not seen.ended.any()
    with pytest.raises(DataError, match="no visit of state 1 was seen to begin and end"):
        dwell_test(seen, 1, 20, np.random.default_rng(0))
    assert len(visits(np.zeros((2, 5), dtype=int)).state) == 0
