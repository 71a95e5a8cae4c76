"""The certainty of a number of states: its distribution, its edge, its neighbours.

The verdict applies it to codebooks, whose numbers are those of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.ties import first_best, slack
from hmmlens.typing import Floats, Ints

#: Share of resamples at the largest number offered from which no number is supported.
EDGE_SHARE = 0.5
#: How a table's columns of shares begin, before the number of states.
SHARE = "count_share_"


class CountDistribution(NamedTuple):
    """How often each number of states is chosen.

    Attributes
    ----------
    counts : ndarray of shape (count,)
        Numbers of states, rising.
    share : ndarray of shape (count,)
        Share of resamples that choose each number.
    mode : int
        The number that is chosen most often.
    low, high : int
        Central 95 %.
    at_edge : float
        Share of choices that are the largest number offered.
    sentence : str
        The above in words.
    """

    counts: NDArray[np.int64]
    share: Floats
    mode: int
    low: int
    high: int
    at_edge: float
    sentence: str


def one_standard_error(counts: Ints, scores: Floats) -> int:
    """Return the smallest number of states whose mean score is within one error of the best's.

    The error is the standard error of the best model's mean over sequences (Breiman et al. 1984;
    Hastie et al. 2009, section 7.10).

    Parameters
    ----------
    counts : ndarray of shape (count,)
        Numbers of states.
    scores : ndarray of shape (sequence, count)
        Held-out scores; higher is better.

    Returns
    -------
    int
        A number of states.

    Raises
    ------
    DataError
        When there are fewer than two sequences, or shapes do not fit.

    Examples
    --------
    >>> one_standard_error(np.array([1, 2, 3]), np.array([[0.1, 0.80, 0.81], [0.2, 0.90, 0.90]]))
    2
    """
    check(counts, scores)
    means = scores.mean(axis=0)
    best = first_best(means)
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return int(np.asarray(counts)[means >= means[best] - error - slack(means[best])].min())


def check(counts: Ints, scores: Floats) -> None:
    """Check the scores of several numbers of states.

    Parameters
    ----------
    counts : ndarray of shape (count,)
        Numbers of states.
    scores : ndarray of shape (sequence, count)
        Held-out scores.

    Raises
    ------
    DataError
        Unless scores are finite and (sequence, count), with 2 rows or more.
    """
    if scores.ndim != 2 or scores.shape[1] != len(counts):
        raise DataError(f"scores have shape {scores.shape}; (sequence, {len(counts)}) is needed")
    if len(scores) < 2:
        raise DataError("one sequence has no standard error; hold out at least two")
    if not np.isfinite(scores).all():
        raise DataError("a score is not finite; leave out models that broke down")


def distribution(
    counts: Ints, scores: Sequence[Floats], n_bootstrap: int, rng: np.random.Generator
) -> CountDistribution:
    """Return how often :func:`one_standard_error` chooses each number of states.

    Sequences are resampled within each seed of the network, and seeds have equal weight. When half
    of the choices or more are the largest number offered, no finite number is supported.

    Parameters
    ----------
    counts : ndarray of shape (count,)
        Numbers of states.
    scores : sequence of ndarray of shape (sequence, count)
        Held-out scores of each seed.
    n_bootstrap : int
        Resamples of each seed's sequences.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    CountDistribution
        Over the resamples of all seeds.
    """
    numbers = np.asarray(counts, dtype=np.int64)
    chosen = []
    for table in scores:
        check(numbers, table)
        for _ in range(n_bootstrap):
            rows = rng.integers(len(table), size=len(table))
            chosen.append(one_standard_error(numbers, table[rows]))
    return from_shares(numbers, (np.array(chosen)[:, None] == numbers).mean(axis=0))


def from_shares(counts: Ints, share: Floats) -> CountDistribution:
    """Return the distribution in which each number of states is chosen that often.

    The mean of the shares of several trainings gives the distribution over all of them.

    Parameters
    ----------
    counts : ndarray of shape (count,)
        Numbers of states.
    share : ndarray of shape (count,)
        Share of each number.

    Returns
    -------
    CountDistribution
        With these shares.
    """
    numbers = np.asarray(counts, dtype=np.int64)
    upto = np.cumsum(share)
    low, high = (int(numbers[np.searchsorted(upto, q - 1e-9)]) for q in (0.025, 0.975))
    mode, largest = int(numbers[first_best(share)]), int(numbers[-1])
    at_edge = float(share[-1])
    words = f"{100 * share.max():.0f} % of resamples choose {mode} states (95 %: {low} to {high})"
    if at_edge >= EDGE_SHARE:
        words = (
            f"No finite number of states is supported: {100 * at_edge:.0f} % of resamples choose "
            f"{largest}, the most that were offered"
        )
    return CountDistribution(numbers, share, mode, low, high, at_edge, words + ".")


def over_trainings(rows: pd.DataFrame) -> CountDistribution | None:
    """Return the distribution over trainings, which have equal weight, from their shares.

    Parameters
    ----------
    rows : DataFrame
        One row for each training, with columns ``count_share_N``.

    Returns
    -------
    CountDistribution or None
        None where no training has any share.
    """
    columns = [name for name in rows if name.startswith(SHARE)]
    shares = rows[columns].dropna()
    if shares.empty:
        return None
    counts = np.array([int(name.removeprefix(SHARE)) for name in columns])
    return from_shares(counts, shares.mean().to_numpy(dtype=np.float64))


def repeated(fidelity: dict[int, float], n_states: int, wanted: float) -> str:
    """State whether "so many states are faithful" holds with one state less and one more.

    Parameters
    ----------
    fidelity : dict of int to float
        Fidelity by number of states, for ``n_states`` and those neighbours that exist.
    n_states : int
        The number of states.
    wanted : float
        Smallest fidelity.

    Returns
    -------
    str
        A sentence.
    """
    parts = [
        f"{n} ({fidelity[n]:.2f}: {'yes' if fidelity[n] >= wanted else 'no'})"
        for n in (n_states - 1, n_states, n_states + 1)
        if n in fidelity
    ]
    return f"Faithful ({wanted:g} wanted) with {', '.join(parts)} states."
