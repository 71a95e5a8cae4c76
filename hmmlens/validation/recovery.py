"""Agreement of found states with the truth, with intervals that resample whole sequences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]


def contingency(truth: Ints, found: Ints) -> Floats:
    """Count steps by sequence, true state and found state: (sequence, truth, found).

    Steps where either is below 0 (unknown, or past the end) are left out.
    """
    n_truth, n_found = max(int(truth.max()) + 1, 1), max(int(found.max()) + 1, 1)
    tables = np.zeros((len(truth), n_truth, n_found))
    known = (truth >= 0) & (found >= 0)
    rows = np.nonzero(known)[0]
    np.add.at(tables, (rows, truth[known], found[known]), 1)
    return tables


def adjusted_rand_index(table: Floats) -> float:
    """Return the ARI of a contingency table (Hubert and Arabie 1985, eq. 5)."""

    def pairs(counts: Floats) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    total = pairs(table.sum())
    if total == 0:
        return 1.0
    expected = rows * columns / total
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


def _entropy(counts: Floats) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def normalised_mutual_information(table: Floats) -> float:
    """Return mutual information over the mean of the two entropies; 0 where both are 0."""
    truth, found = _entropy(table.sum(axis=1)), _entropy(table.sum(axis=0))
    if truth + found == 0:
        return 0.0
    shared = truth + found - _entropy(table.ravel())
    return max(0.0, 2 * shared / (truth + found))


def matched_accuracy(table: Floats) -> float:
    """Return the share of steps on the diagonal after the best one-to-one matching of states."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


SCORES: dict[str, Callable[[Floats], float]] = {
    "ari": adjusted_rand_index,
    "nmi": normalised_mutual_information,
    "accuracy": matched_accuracy,
}


def agreement(truth: Ints, found: Ints) -> dict[str, float]:
    """Return ``ari``, ``nmi`` and Hungarian ``accuracy`` of two labellings (sequence, time)."""
    table = contingency(truth, found).sum(axis=0)
    return {name: score(table) for name, score in SCORES.items()}


def bootstrap(
    truth: Ints, found: Ints, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Return the central 95 % of each score over resamples of whole sequences.

    Steps of one sequence depend on each other, so sequences are the unit. With fewer than two
    sequences there is no interval: (NaN, NaN).
    """
    tables = contingency(truth, found)
    if len(tables) < 2:
        return dict.fromkeys(SCORES, (np.nan, np.nan))
    counts = rng.multinomial(len(tables), np.full(len(tables), 1 / len(tables)), size=n_bootstrap)
    resampled = np.tensordot(counts, tables, axes=1)
    out = {}
    for name, score in SCORES.items():
        low, high = np.percentile([score(table) for table in resampled], [2.5, 97.5])
        out[name] = (float(low), float(high))
    return out
