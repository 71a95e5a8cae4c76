"""Agreement of found states with the truth, with intervals that resample whole sequences."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.entropy import entropy
from hmmlens.typing import Floats, Ints


def contingency(truth: Ints, found: Ints) -> Floats:
    """Count steps by sequence, true state and found state.

    Parameters
    ----------
    truth, found : ndarray of shape (sequence, time)
        Labels. Steps where either is below 0 (unknown, or past the end) are ignored.

    Returns
    -------
    ndarray of shape (sequence, truth, found)
        Numbers of steps.

    Examples
    --------
    >>> contingency(np.array([[0, 0, 1, -1]]), np.array([[1, 1, 0, 0]])).tolist()
    [[[0.0, 2.0], [1.0, 0.0]]]
    """
    n_truth, n_found = max(int(truth.max()) + 1, 1), max(int(found.max()) + 1, 1)
    shape = len(truth), n_truth, n_found
    known = (truth >= 0) & (found >= 0)
    cells = np.ravel_multi_index((np.nonzero(known)[0], truth[known], found[known]), shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape).astype(np.float64)


def adjusted_rand_index(tables: Floats) -> Floats:
    """Return the adjusted Rand index (ARI; Hubert and Arabie 1985, eq. 5).

    Parameters
    ----------
    tables : ndarray of shape (..., truth, found)
        Contingency tables.

    Returns
    -------
    ndarray of shape (...)
        1 where there are not two steps to compare, or one state on both sides.

    Examples
    --------
    >>> float(adjusted_rand_index(np.array([[5.0, 0.0], [0.0, 5.0]])))
    1.0
    """

    def _pairs(counts: Floats) -> Floats:
        n_pairs: Floats = (counts * (counts - 1) / 2).sum(axis=-1)
        return n_pairs

    both, rows, columns = _pairs(_flat(tables)), _pairs(tables.sum(-1)), _pairs(tables.sum(-2))
    total = _pairs(tables.sum(axis=(-2, -1))[..., None])
    expected = rows * columns / np.maximum(total, 1)
    largest = (rows + columns) / 2
    # Without two steps to compare, or with one state on both sides, nothing can disagree.
    trivial = (total == 0) | (largest == expected)
    index: Floats = np.where(
        trivial, 1.0, (both - expected) / np.where(trivial, 1, largest - expected)
    )
    return index


def _flat(tables: Floats) -> Floats:
    return tables.reshape(*tables.shape[:-2], -1)


def _shared(tables: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the entropies of truth and found, and their mutual information, in nats."""
    truth, found, both = (
        entropy(counts / counts.sum(axis=-1, keepdims=True))
        for counts in (tables.sum(axis=-1), tables.sum(axis=-2), _flat(tables))
    )
    return truth, found, np.maximum(0.0, truth + found - both)


def _ratio(part: Floats, whole: Floats, otherwise: float) -> Floats:
    """Return ``part / whole``, and ``otherwise`` where ``whole`` is 0."""
    ratio: Floats = np.where(whole > 0, part / np.where(whole > 0, whole, 1), otherwise)
    return ratio


def normalised_mutual_information(tables: Floats) -> Floats:
    """Return mutual information over the mean of the two entropies.

    Parameters
    ----------
    tables : ndarray of shape (..., truth, found)
        Contingency tables.

    Returns
    -------
    ndarray of shape (...)
        0 where both entropies are 0.
    """
    truth, found, shared = _shared(tables)
    return _ratio(2 * shared, truth + found, 0.0)


def adjusted_mutual_information(tables: Floats) -> Floats:
    """Return the AMI with the mean of the two entropies (Vinh, Epps & Bailey 2010).

    Parameters
    ----------
    tables : ndarray of shape (..., truth, found)
        Contingency tables.

    Returns
    -------
    ndarray of shape (...)
        0 on average for random labels, 1 for equal ones; 0 where both entropies are 0.
    """
    truth, found, shared = _shared(tables)
    chance = np.array(
        [
            _expected_information(table.sum(axis=1), table.sum(axis=0))
            for table in tables.reshape(-1, *tables.shape[-2:])
        ]
    ).reshape(shared.shape)
    return _ratio(shared - chance, (truth + found) / 2 - chance, 0.0)


def _expected_information(truth: Floats, found: Floats) -> float:
    """Return the mean mutual information of labels at random with these counts (ibid., eq. 24)."""
    n = int(truth.sum())
    b = found[found > 0].astype(np.int64)[:, None]
    total = 0.0
    for a in truth[truth > 0].astype(np.int64):
        # The counts are hypergeometric; further from their mean nothing is left of them.
        width = 7 * np.sqrt(a * b / n) + 20
        low = np.maximum(np.maximum(1, a + b - n), np.floor(a * b / n - width).astype(np.int64))
        high = np.minimum(np.minimum(a, b), np.ceil(a * b / n + width).astype(np.int64))
        m = low + np.arange(max(int((high - low).max()) + 1, 0))
        row, column = np.nonzero(m <= high)
        m, whole = m[row, column], b[row, 0]
        fixed = _log_factorial(n, a) + _log_factorial(n, n - a) - _log_factorial(n, n)
        log_p = fixed + _log_factorial(n, b[:, 0])[row] + _log_factorial(n, n - b[:, 0])[row]
        for rest in (m, a - m, whole - m, n - a - whole + m):
            log_p -= _log_factorial(n, rest)
        total += float((np.exp(log_p) * m / n * np.log(m * (n / a) / whole)).sum())
    return total


@functools.lru_cache(maxsize=4)
def _log_factorials(n: int) -> Floats:
    logs: Floats = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return logs


def _log_factorial(n: int, of: Any) -> Any:
    """Return log of ``of`` factorial, for whole numbers up to ``n``."""
    return _log_factorials(n)[of]


def homogeneity(tables: Floats) -> Floats:
    """Return 1 - H(truth | found) / H(truth) (Rosenberg & Hirschberg 2007).

    Parameters
    ----------
    tables : ndarray of shape (..., truth, found)
        Contingency tables.

    Returns
    -------
    ndarray of shape (...)
        1 where no found state mixes true ones, however many found states there are.
    """
    truth, _, shared = _shared(tables)
    return _ratio(shared, truth, 1.0)


def completeness(tables: Floats) -> Floats:
    """Return 1 - H(found | truth) / H(found) (Rosenberg & Hirschberg 2007).

    Parameters
    ----------
    tables : ndarray of shape (..., truth, found)
        Contingency tables.

    Returns
    -------
    ndarray of shape (...)
        1 where no true state is split.
    """
    return homogeneity(np.swapaxes(tables, -2, -1))


def mapped_accuracy(train: Floats, test: Floats) -> float:
    """Return the share of test steps that each found state's commonest truth in train gets right.

    Parameters
    ----------
    train, test : ndarray of shape (truth, found)
        Contingency tables. A state that train never met is assigned the commonest truth of all.

    Returns
    -------
    float
        The share of test steps that each found state's commonest truth in train gets right.
    """
    truth = np.where(train.any(axis=0), train.argmax(axis=0), train.sum(axis=1).argmax())
    return float(test[truth, np.arange(test.shape[1])].sum() / test.sum())


def matched_accuracy(tables: Floats) -> Floats:
    """Return the share of steps on the diagonal after the best one-to-one matching of states.

    Parameters
    ----------
    tables : ndarray of shape (..., truth, found)
        Contingency tables.

    Returns
    -------
    ndarray of shape (...)
        The share of steps on the diagonal after the best one-to-one matching of states.

    Examples
    --------
    >>> float(matched_accuracy(np.array([[0.0, 5.0], [4.0, 1.0]])))
    0.9
    """
    from scipy.optimize import linear_sum_assignment

    flat = tables.reshape(-1, *tables.shape[-2:])
    right = [table[linear_sum_assignment(table, maximize=True)].sum() for table in flat]
    share: Floats = np.array(right).reshape(tables.shape[:-2]) / tables.sum(axis=(-2, -1))
    return share


#: Each takes tables (..., truth, found) and returns a score for each (...).
SCORES: dict[str, Callable[[Floats], Floats]] = {
    "ari": adjusted_rand_index,
    "nmi": normalised_mutual_information,
    "ami": adjusted_mutual_information,
    "accuracy": matched_accuracy,
    "homogeneity": homogeneity,
    "completeness": completeness,
}


def agreement(truth: Ints, found: Ints) -> dict[str, float]:
    """Return all :data:`SCORES` of two labellings.

    Parameters
    ----------
    truth, found : ndarray of shape (sequence, time)
        Labels, below 0 where unknown or past the end.

    Returns
    -------
    dict of str to float
        By the name of the score.

    Examples
    --------
    >>> truth = np.array([[0, 0, 1, 1]])
    >>> agreement(truth, 1 - truth)["accuracy"]
    1.0
    """
    table = contingency(truth, found).sum(axis=0)
    return {name: float(score(table)) for name, score in SCORES.items()}


def rand_index(truth: Ints, found: Ints) -> float:
    """Return the adjusted Rand index of two labellings.

    Parameters
    ----------
    truth, found : ndarray of shape (sequence, time)
        Labels, below 0 where unknown or past the end.

    Returns
    -------
    float
        See :func:`adjusted_rand_index`.

    Examples
    --------
    >>> rand_index(np.array([[0, 0, 1, 1]]), np.array([[2, 2, 0, 0]]))
    1.0
    """
    return float(adjusted_rand_index(contingency(truth, found).sum(axis=0)))


#: Scores whose resamples cost next to nothing; the expected information of AMI costs 1 ms each.
QUICK = tuple(name for name in SCORES if name != "ami")


def bootstrap(
    truth: Ints,
    found: Ints,
    n_bootstrap: int,
    rng: np.random.Generator,
    wanted: Iterable[str] = tuple(SCORES),
    group: Ints | None = None,
) -> dict[str, tuple[float, float]]:
    """Return the central 95 % of each wanted score over resamples of whole sequences.

    Steps of one sequence depend on each other, so sequences are the unit; or groups of them.

    Parameters
    ----------
    truth, found : ndarray of shape (sequence, time)
        Labels, below 0 where unknown or past the end.
    n_bootstrap : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of the resamples.
    wanted : iterable of str, optional
        Names of :data:`SCORES`.
    group : ndarray of shape (sequence,), optional
        To whom or what each sequence belongs, where groups are the unit.

    Returns
    -------
    dict of str to tuple of float
        Limits of each score; (NaN, NaN) with fewer than two units.
    """
    tables = contingency(truth, found)
    if group is not None:
        kinds, place = np.unique(group, return_inverse=True)
        sums = np.zeros((len(kinds), *tables.shape[1:]))
        np.add.at(sums, place, tables)
        tables = sums
    if len(tables) < 2:
        return dict.fromkeys(wanted, (np.nan, np.nan))
    sums = resampled(tables, n_bootstrap, rng)
    return {name: interval(SCORES[name](sums)) for name in wanted}
