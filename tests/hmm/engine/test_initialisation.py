"""Centres of greedy k-means++ find planted clusters, as scikit-learn's do."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.cluster import kmeans_plusplus

from hmmlens.hmm.engine.initialisation import greedy_centres
from hmmlens.typing import Floats

CORNERS = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))


def cube(seed: int) -> Floats:
    """Return frames around the eight corners of a cube, as of a flip-flop of three bits."""
    rng = np.random.default_rng(seed)
    return 10 * CORNERS[rng.integers(0, 8, 800)] + rng.normal(size=(800, 3))


def found(centres: Floats) -> bool:
    """Return whether there is one centre in each corner."""
    return len({tuple(row) for row in np.sign(centres)}) == len(CORNERS)


def test_every_planted_cluster_has_a_centre_as_often_as_by_scikit_learn() -> None:
    n = 100
    ours = sum(found(greedy_centres(cube(i), 8, np.random.default_rng(i))) for i in range(n))
    theirs = sum(found(kmeans_plusplus(cube(i), 8, random_state=i)[0]) for i in range(n))
    plain = sum(
        found(kmeans_plusplus(cube(i), 8, random_state=i, n_local_trials=1)[0]) for i in range(n)
    )
    assert ours >= 0.95 * n
    assert abs(ours - theirs) <= 0.05 * n
    assert ours > plain


def test_each_centre_is_a_frame_and_the_best_of_its_candidates() -> None:
    frames = np.array([[0.0], [1.0], [10.0], [11.0]])
    for seed in range(20):
        centres = greedy_centres(frames, 4, np.random.default_rng(seed))
        assert sorted(centres.ravel()) == [0, 1, 10, 11]
        # Both frames of the other pair leave a smaller sum than the neighbour of the first.
        assert abs(centres[0] - centres[1]) >= 9


def test_frames_that_repeat_give_centres_that_repeat() -> None:
    frames = np.repeat([[2.0, 3.0]], 5, axis=0)
    np.testing.assert_array_equal(greedy_centres(frames, 3, np.random.default_rng(0)), frames[:3])
