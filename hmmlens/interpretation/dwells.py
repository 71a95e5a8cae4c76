"""Mean dwell times of states, from sequences that end within a visit.

A visit that is cut off by the end of a sequence lasted at least so long. By the geometric
distribution, which a Markov chain has, a state is left at each step with one probability; its
estimate is the number of exits over the number of steps at which an exit could be seen, and what
the end of a sequence hides counts on neither side. No dwell time is claimed that is longer than the
longest sequence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Bools, Floats, Ints

#: One minus the coverage of intervals.
ALPHA = 0.05


class Dwells(NamedTuple):
    """Mean dwell times in steps.

    Attributes
    ----------
    estimate : ndarray of shape (state,)
        NaN where the data only give a lower bound: no exit was seen, or the estimate is longer than
        the longest sequence.
    low, high : ndarray of shape (state,)
        95 % interval; ``low`` is the bound where there is no estimate, and ``high`` is infinite
        where it lies beyond the longest sequence. NaN for a state in which no exit could have been
        seen.
    exits : ndarray of shape (state,)
        Exits that were seen.
    at_risk : ndarray of shape (state,)
        Steps at which an exit could have been seen.
    """

    estimate: Floats
    low: Floats
    high: Floats
    exits: NDArray[np.int64]
    at_risk: NDArray[np.int64]


def dwells(path: Ints, n_states: int, counted: Bools | None = None) -> Dwells:
    """Estimate the mean dwell time of each state, with exact limits (Clopper & Pearson 1934).

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, below 0 where unknown or past the end.
    n_states : int
        Number of states.
    counted : ndarray of bool of shape (sequence, time), optional
        The dwell times are those that a state would have if all steps were like these. Only exits
        at these steps count, and the longest uninterrupted row of them takes the place of the
        longest sequence.

    Returns
    -------
    Dwells
        Of each state.

    Examples
    --------
    >>> path = np.array([[0, 0, 1, 1, 0, 0]])
    >>> dwells(path, 2).estimate.tolist()
    [3.0, 2.0]

    A pulse at step 2 takes state 0 to state 1, which decays:

    >>> dwells(path, 2, counted=np.array([[True, True, False, True, True, True]])).low.round(1)
    array([1.2, 1. ])
    """
    from scipy.special import betaincinv

    now, then = path[:, :-1], path[:, 1:]
    known = (now >= 0) & (then >= 0)
    longest = int((path >= 0).sum(axis=1).max(initial=0))
    if counted is not None:
        known &= counted[:, 1:]
        longest = 1 + _longest_run(known)
    at_risk = np.bincount(now[known], minlength=n_states)
    exits = np.bincount(now[known & (now != then)], minlength=n_states)
    seen = at_risk > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        # The largest and the smallest probability of leaving that fit the exits.
        most = np.where(
            exits < at_risk, betaincinv(exits + 1, np.maximum(at_risk - exits, 1), 1 - ALPHA / 2), 1
        )
        least = np.where(
            exits > 0, betaincinv(np.maximum(exits, 1), at_risk - exits + 1, ALPHA / 2), 0
        )
        estimate, low, high = at_risk / exits, 1 / most, 1 / least
    low = np.where(seen, np.minimum(low, max(longest, 1)), np.nan)
    high = np.where(seen, np.where(high > longest, np.inf, high), np.nan)
    estimate = np.where((exits > 0) & (estimate <= longest), estimate, np.nan)
    return Dwells(estimate, low, high, exits, at_risk)


def _longest_run(counted: Bools) -> int:
    """Return the largest number of steps in a row that count."""
    edges = np.diff(np.pad(counted.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    # Starts and ends of runs come in the same order.
    return int((np.nonzero(edges < 0)[1] - np.nonzero(edges > 0)[1]).max(initial=0))


def words(estimate: float, low: float, high: float) -> str:
    """Return a dwell time with its interval, such as ``8.2 steps (6.1 to 11)``, or its lower bound.

    Parameters
    ----------
    estimate, low, high : float
        Of one state, see :class:`Dwells`.

    Returns
    -------
    str
        A phrase.
    """
    if np.isnan(low):
        return "not known"
    if np.isnan(estimate):
        bound = _number(low, down=True)
        return f"longer than {bound} step{'' if bound == '1' else 's'}"
    upto = f"{_number(low)} or more" if np.isinf(high) else f"{_number(low)} to {_number(high)}"
    return f"{_number(estimate)} steps ({upto})"


def short(estimate: float, low: float) -> str:
    """Return a dwell time as it stands in a figure: ``8.2``, or ``>13`` for a lower bound.

    Parameters
    ----------
    estimate, low : float
        Of one state, see :class:`Dwells`.

    Returns
    -------
    str
        Empty where nothing is known.
    """
    if np.isnan(low):
        return ""
    return f">{_number(low, down=True)}" if np.isnan(estimate) else _number(estimate)


def _number(steps: float, down: bool = False) -> str:
    """Return steps with one decimal below 10; ``down`` rounds to no more than there are."""
    unit = 0.1 if steps < 10 else 1.0
    # What rounding leaves below a whole number is that number.
    shown = unit * np.floor(steps / unit + 1e-9) if down else steps
    return (f"{shown:.1f}" if unit < 1 else f"{shown:.0f}").removesuffix(".0")
