"""k-means from given centres equals SciPy's, and a sweep loads no SciPy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist

from hmmlens.hmm.engine.lloyd import k_means, squared_distances


@pytest.mark.parametrize("n_components", [1, 3, 8])
@pytest.mark.parametrize("n_steps", [1, 5, 200])
def test_k_means_equals_scipy(n_components: int, n_steps: int) -> None:
    rng = np.random.default_rng(n_components)
    frames = 100 + rng.normal(size=(500, n_components)) + 3 * rng.integers(0, 4, size=(500, 1))
    begin = frames[rng.choice(500, 6, replace=False)]
    centres, labels = k_means(frames, begin, n_steps)
    theirs, their_labels = kmeans2(frames, begin, minit="matrix", iter=n_steps)
    np.testing.assert_array_equal(labels, their_labels)
    np.testing.assert_allclose(centres, theirs, rtol=1e-12)


def test_a_centre_without_frames_stays() -> None:
    frames = np.repeat(np.array([[0.0, 0.0], [1.0, 1.0]]), 5, axis=0)
    begin = np.array([[0.0, 0.1], [1.0, 0.9], [7.0, 7.0]])
    centres, labels = k_means(frames, begin, 3)
    np.testing.assert_allclose(centres, [[0, 0], [1, 1], [7, 7]], atol=1e-15)
    assert labels.tolist() == [0] * 5 + [1] * 5


def test_squared_distances_equal_scipy() -> None:
    rng = np.random.default_rng(0)
    points, frames = rng.normal(size=(4, 5)), rng.normal(size=(30, 5))
    found = squared_distances(points, np.ascontiguousarray(frames.T))
    np.testing.assert_allclose(found, cdist(points, frames, "sqeuclidean"), rtol=1e-13)


def test_a_sweep_imports_no_scipy() -> None:
    code = (
        "import sys, numpy as np; from hmmlens import HMMSweep; "
        "HMMSweep([1, 2], ['full'], n_restarts=2, max_iter=3)"
        ".fit(np.random.default_rng(0).normal(size=(6, 40, 2))); "
        "print([name for name in sys.modules if name.split('.')[0] in ('scipy', 'sklearn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
