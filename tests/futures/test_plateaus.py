"""Plateaus and distances against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from hmmlens.futures.classes import find_classes
from hmmlens.futures.distances import combined, dimension, window_distances
from hmmlens.futures.plateaus import Linkage, Plateau, core_distances, widest
from hmmlens.futures.settings import FutureSettings


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 30), st.floats(0.02, 1.5))
def test_labels_are_connected_components(seed: int, n: int, threshold: float) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 2))
    distances = cdist(points, points)
    linkage = Linkage(distances, 3, 2, 0.01)
    core = core_distances(distances, 2)
    reach = np.maximum(distances, np.maximum(core[:, None], core[None]))
    _, component = connected_components(reach <= threshold)
    labels = linkage.labels(threshold)
    for i in range(n):
        members = component == component[i]
        if members.sum() < 3:
            assert labels[i] == -1
        else:
            assert (labels[members] == labels[i]).all() and labels[i] >= 0
            assert (labels[~members] != labels[i]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_plateaus_count_components(seed: int, n_groups: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.repeat(np.arange(n_groups) * 10.0, 8)[:, None] + rng.uniform(
        -1, 1, (8 * n_groups, 1)
    )
    linkage = Linkage(cdist(points, points), 4, 3, 0.01)
    best = widest(linkage.plateaus(0.95), 0.25)
    assert best is not None and best.n_classes == n_groups
    assert best.low < 2 and best.high > 7
    for plateau in linkage.plateaus(0.5):
        if np.isfinite(plateau.high):
            middle = (plateau.low + plateau.high) / 2
            assert linkage.labels(middle).max() + 1 == plateau.n_classes


def test_a_uniform_line_has_no_wide_plateau() -> None:
    points = np.linspace(0, 1, 200)[:, None]
    found = find_classes(cdist(points, points), FutureSettings())
    assert found.n_classes == 1 and found.ratio == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_distances_within_a_sample_are_those_to_a_copy_of_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, legal = rng.normal(size=(9, 3, 4, 2)), rng.integers(0, 5, size=(9, 3))
    for steps in ((), ((legal, legal),)):
        copies = () if not steps else ((legal, legal.copy()),)
        expected = window_distances(one, one.copy(), *copies)
        np.testing.assert_array_equal(window_distances(one, one, *steps), expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_distances_are_largest_differences_along_a_window(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(5, 3, 4, 2)), rng.normal(size=(6, 3, 4, 2))
    legal = rng.integers(0, 5, size=(5, 3)), rng.integers(0, 5, size=(6, 3))
    found = window_distances(one, other, legal)
    for s in range(3):
        for a in range(5):
            for b in range(6):
                steps = min(legal[0][a, s], legal[1][b, s])
                gaps = np.linalg.norm(one[a, s, :steps] - other[b, s, :steps], axis=1)
                if steps:
                    assert found[s, a, b] == pytest.approx(gaps.max(), rel=1e-5)
                else:
                    assert np.isnan(found[s, a, b])
    whole = combined(found)
    with np.errstate(invalid="ignore"):
        expected = np.where(
            np.isnan(found).all(axis=0), np.nan, np.nansum(found, axis=0)
            / np.maximum((~np.isnan(found)).sum(axis=0), 1),
        )  # fmt: skip
    np.testing.assert_allclose(whole, expected, rtol=1e-5)


@pytest.mark.parametrize("n_dimensions", [1, 2])
def test_dimension_is_that_of_the_points(n_dimensions: int) -> None:
    points = np.random.default_rng(0).uniform(size=(600, n_dimensions))
    assert dimension(cdist(points, points)) == pytest.approx(n_dimensions, abs=0.15)


def test_the_widest_plateau_is_taken() -> None:
    plateaus = [Plateau(3, 0.1, 0.3, 1.0), Plateau(2, 0.3, 1.2, 1.0), Plateau(1, 1.2, np.inf, 1.0)]
    assert widest(plateaus, 0.25) == plateaus[1]
    assert widest(plateaus, 2.0) is None
