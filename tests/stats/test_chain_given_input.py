"""Chains given the input: paths follow the tables, and the tables are found again."""

from __future__ import annotations

import numpy as np

from hmmlens.stats import chain_given_input


def test_tables_and_paths_are_those_of_the_input() -> None:
    rng = np.random.default_rng(0)
    tables = rng.dirichlet(np.ones(3), size=(2, 3))
    x = rng.integers(0, 2, (100, 200))
    start = np.zeros_like(x)
    start[5, 50:] = -1
    path = chain_given_input.simulated(start, x, tables, 3, rng)
    assert path.shape == (3, 100, 200) and (path[:, :, 0] == 0).all()
    assert (path[:, 5, 50:] == -1).all() and (path[:, 5, :50] >= 0).all()
    found = chain_given_input.transition_tables(path[0], x, 3, 2)
    np.testing.assert_allclose(found, tables, atol=0.06)
