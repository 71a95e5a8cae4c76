"""Transition matrices: counted, lumped, and compared up to the names of states."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints

#: Largest number of states for which all permutations are tried: 8! is 40 320.
MAX_PERMUTED = 8


class Distance(NamedTuple):
    """The distance of a found chain from the true one.

    Attributes
    ----------
    total_variation : float
        0 to 1, the mean over the true stationary distribution of the distances of rows.
    defect : float
        What lumping the larger chain's states discarded, 0 where none were lumped.
    """

    total_variation: float
    defect: float


def counts(path: Ints, n_states: int, lag: int = 1) -> Floats:
    """Count transitions over ``lag`` steps.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, below 0 where unknown or past the end.
    n_states : int
        Number of states.
    lag : int, optional
        Number of steps.

    Returns
    -------
    ndarray of shape (sequence, state, later_state)
        Numbers of transitions.

    Examples
    --------
    >>> counts(np.array([[0, 0, 1, 0]]), n_states=2).tolist()
    [[[1.0, 1.0], [1.0, 0.0]]]
    """
    now, then = path[:, : max(path.shape[1] - lag, 0)], path[:, lag:]
    known = (now >= 0) & (then >= 0)
    found = np.zeros((len(path), n_states, n_states))
    np.add.at(found, (np.nonzero(known)[0], now[known], then[known]), 1)
    return found


def normalised(moves: Floats) -> Floats:
    """Return rows of counts as distributions.

    Parameters
    ----------
    moves : ndarray of shape (state, next_state)
        Counts of transitions.

    Returns
    -------
    ndarray of shape (state, next_state)
        NaN for a state that was never left.

    Examples
    --------
    >>> normalised(np.array([[1.0, 3.0], [2.0, 2.0]])).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    total = moves.sum(axis=1, keepdims=True)
    distributions: Floats = np.where(total > 0, moves / np.maximum(total, 1e-300), np.nan)
    return distributions


def stationary(transmat: Floats) -> Floats:
    """Return the stationary distribution of a chain.

    Parameters
    ----------
    transmat : ndarray of shape (state, next_state)
        Transition probabilities.

    Returns
    -------
    ndarray of shape (state,)
        The stationary distribution of a chain.

    Examples
    --------
    >>> stationary(np.array([[0.9, 0.1], [0.2, 0.8]])).round(3).tolist()
    [0.667, 0.333]
    """
    n = len(transmat)
    system = np.vstack([transmat.T - np.eye(n), np.ones(n)])
    distribution: Floats = np.linalg.lstsq(system, np.r_[np.zeros(n), 1.0], rcond=None)[0]
    return distribution


def row_distance(distribution: Floats, one: Floats, two: Floats) -> float:
    """Return 1/2 sum_i pi_i sum_j abs(one_ij - two_ij).

    Parameters
    ----------
    distribution : ndarray of shape (state,)
        Weights pi of the rows.
    one, two : ndarray of shape (state, next_state)
        Transition probabilities; a row that is NaN has the largest distance (1).

    Returns
    -------
    float
        1/2 sum_i pi_i sum_j abs(one_ij - two_ij).

    Examples
    --------
    >>> row_distance(np.array([0.5, 0.5]), np.eye(2), np.array([[0.5, 0.5], [0.5, 0.5]]))
    0.5
    """
    rows = 0.5 * np.abs(one - two).sum(axis=1)
    return float(distribution @ np.where(np.isnan(rows), 1.0, rows))


def lump(
    transmat: Floats, distribution: Floats, group: Ints, n_groups: int
) -> tuple[Floats, float]:
    """Merge states.

    Parameters
    ----------
    transmat : ndarray of shape (state, next_state)
        Transition probabilities.
    distribution : ndarray of shape (state,)
        Weights pi of the rows of merged states.
    group : ndarray of shape (state,)
        The group that each state joins.
    n_groups : int
        Number of groups.

    Returns
    -------
    lumped : ndarray of shape (group, next_group)
        diag(M' pi)^-1 M' diag(pi) A M for the membership matrix M; rows of groups without weight
        are NaN.
    defect : float
        0 where the chain can be lumped exactly (Kemeny & Snell 1960, theorem 6.3.2), else the
        :func:`row_distance` between A M and M times the lumped chain.
    """
    member = np.eye(n_groups)[group]
    onto = transmat @ member
    lumped = normalised(member.T @ (distribution[:, None] * onto))
    weighted = distribution > 0
    return lumped, row_distance(distribution[weighted], onto[weighted], lumped[group[weighted]])


def closest(truth: Floats, found: Floats, distribution: Floats) -> tuple[float, Ints]:
    """Return the smallest :func:`row_distance` over all names of the found states, and the names.

    Parameters
    ----------
    truth, found : ndarray of shape (state, next_state)
        Transition probabilities, of the same size.
    distribution : ndarray of shape (state,)
        Stationary distribution of ``truth``.

    Returns
    -------
    distance : float
        The smallest distance.
    match : ndarray of shape (state,)
        The found state that stands for each true one.

    Raises
    ------
    DataError
        With more than ``MAX_PERMUTED`` states; match those by what they label instead.
    """
    n = len(truth)
    if n > MAX_PERMUTED:
        raise DataError(
            f"{n} states have too many permutations; match them by their labels with contingency"
        )
    orders = np.array(list(itertools.permutations(range(n))))
    moved = found[orders[:, :, None], orders[:, None, :]]
    rows = 0.5 * np.abs(truth - moved).sum(axis=2)
    far = np.where(np.isnan(rows), 1.0, rows) @ distribution
    best = int(far.argmin())
    return float(far[best]), orders[best]


def compare(truth: Floats, found: Floats, table: Floats | None = None) -> Distance:
    """Compare a found chain with the true one, whatever their sizes.

    Equal sizes: the best permutation, or beyond ``MAX_PERMUTED`` states the one that labels agree
    on. Else the larger chain's states join the state of the smaller one that they meet most; a true
    state that none joins counts as fully wrong.

    Parameters
    ----------
    truth, found : ndarray of shape (state, next_state)
        Transition probabilities.
    table : ndarray of shape (true_state, found_state), optional
        Counts of steps; needed unless the sizes are equal and small.

    Returns
    -------
    Distance
        Up to the names of states.

    Raises
    ------
    DataError
        When ``table`` is needed and missing, or does not fit.

    Examples
    --------
    The names of states do not matter:

    >>> truth = np.array([[0.9, 0.1], [0.4, 0.6]])
    >>> compare(truth, truth[::-1, ::-1]).total_variation
    0.0
    """
    distribution = stationary(truth)
    n, k = len(truth), len(found)
    if n == k <= MAX_PERMUTED:
        return Distance(closest(truth, found, distribution)[0], 0.0)
    if table is None or table.shape != (n, k):
        raise DataError(
            f"{n} true and {k} found states need a table of steps of shape ({n}, {k}) to be matched"
        )
    if n == k:
        from scipy.optimize import linear_sum_assignment

        match = linear_sum_assignment(table, maximize=True)[1]
        return Distance(row_distance(distribution, truth, found[np.ix_(match, match)]), 0.0)
    if k > n:
        weight = table.sum(axis=0)
        lumped, defect = lump(found, weight / weight.sum(), table.argmax(axis=0), n)
        return Distance(row_distance(distribution, truth, lumped), defect)
    merged, defect = lump(truth, distribution, table.argmax(axis=1), k)
    # What no true state joins stands for nothing and has no weight.
    joint = np.eye(k)[table.argmax(axis=1)].T @ distribution
    return Distance(row_distance(joint, np.nan_to_num(merged), found), defect)
