"""Exact intervals of shares are those of SciPy's binomial test, and cover as often as they say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from hmmlens.stats.shares import share


@given(st.integers(0, 40), st.integers(0, 40))
def test_intervals_of_shares_are_those_of_scipy(hits: int, more: int) -> None:
    n = hits + more
    found = share(hits, n)
    if n == 0:
        assert np.isnan(found).all()
        return
    oracle = binomtest(hits, n).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose(found, [hits / n, oracle.low, oracle.high], atol=1e-12)


def test_exact_interval_covers_every_share_in_95_percent_or_more() -> None:
    n = 8
    limits = np.array([share(hits, n)[1:] for hits in range(n + 1)])
    for truth in np.linspace(0.01, 0.99, 50):
        inside = (limits[:, 0] <= truth) & (truth <= limits[:, 1])
        assert binom.pmf(np.flatnonzero(inside), n, truth).sum() >= 0.95
