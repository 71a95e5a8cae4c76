"""Labels that alternate, with dwell times of known distribution."""

from __future__ import annotations

import numpy as np


def renewal(
    shape: float, mean: float, n_runs: int = 40, n_steps: int = 2000, seed: int = 0
) -> np.ndarray:
    """Return two labels by turns (run, time) whose dwells are Gamma numbers, rounded up."""
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(n_runs):
        lengths = np.ceil(draw.gamma(shape, mean / shape, size=4 * int(n_steps / mean) + 50))
        path = np.repeat(np.arange(len(lengths)) % 2, lengths.astype(int))
        first = draw.integers(0, int(2 * mean))
        rows.append(path[first : first + n_steps])
    return np.stack(rows)
