"""The entropy is that of SciPy."""

from __future__ import annotations

import numpy as np
from scipy.stats import entropy as scipy_entropy

from hmmlens.stats.entropy import entropy


def test_entropy_is_that_of_scipy_also_where_a_probability_is_0() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), size=(3, 4))
    p[0, 0] = [0.5, 0.5, 0, 0, 0]
    np.testing.assert_allclose(entropy(p), scipy_entropy(p, axis=-1))
