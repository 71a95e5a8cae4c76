"""Dwell times of states, and a test of whether they are geometric, as those of a Markov chain are.

A visit that is cut off by the end of its sequence is not discarded, which would make visits look
short: it lasted at least so long (Kaplan & Meier 1958). Visits that are under way when a sequence
starts are left out, because their age is not known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints


class Visits(NamedTuple):
    """Visits whose beginning was seen, one entry each.

    Attributes
    ----------
    state : ndarray of shape (visit,)
        The state.
    length : ndarray of shape (visit,)
        Steps that were seen.
    ended : ndarray of shape (visit,)
        Whether the end was seen.
    room : ndarray of shape (visit,)
        Steps from the beginning to the end of the sequence.
    """

    state: NDArray[np.int64]
    length: NDArray[np.int64]
    ended: NDArray[np.bool_]
    room: NDArray[np.int64]


class Dwell(NamedTuple):
    """The distribution of one state's dwell times, compared with the geometric distribution.

    Attributes
    ----------
    leave : float
        Probability of leaving at each step, of the geometric distribution.
    hazard : ndarray of shape (step,)
        Share of the visits that lasted so long which ended there; constant if geometric.
    at_risk : ndarray of shape (step,)
        Number of visits that lasted so long.
    survival : ndarray of shape (step,)
        Share that lasts longer (Kaplan & Meier).
    distance : float
        Largest difference between ``survival`` and that of the geometric distribution (Kolmogorov).
    p : float
        Share of geometric samples with the same beginnings whose distance is as large.
    """

    leave: float
    hazard: Floats
    at_risk: Ints
    survival: Floats
    distance: float
    p: float


def visits(path: Ints) -> Visits:
    """Return the visits of a path.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, below 0 past a sequence's end.

    Returns
    -------
    Visits
        The visits of a path.

    Examples
    --------
    >>> visits(np.array([[0, 1, 1, 0, 0]])).length.tolist()
    [2, 2]
    """
    states, lengths, ended, rooms = [], [], [], []
    for row in path:
        steps = row[row >= 0]
        starts = np.flatnonzero(np.diff(steps)) + 1
        if not len(starts):
            continue
        stops = np.r_[starts[1:], len(steps)]
        states.append(steps[starts])
        lengths.append(stops - starts)
        ended.append(stops < len(steps))
        rooms.append(len(steps) - starts)
    if not states:
        nothing = np.empty(0, dtype=np.int64)
        return Visits(nothing, nothing, nothing.astype(bool), nothing)
    return Visits(
        np.concatenate(states).astype(np.int64),
        np.concatenate(lengths),
        np.concatenate(ended),
        np.concatenate(rooms),
    )


def dwell_test(seen: Visits, state: int, n_samples: int, rng: np.random.Generator) -> Dwell:
    """Compare the dwell times of one state with the geometric distribution (1 - leave)^(n-1) leave.

    Parametric bootstrap of the Kolmogorov distance: each sample holds geometric dwell times for the
    same beginnings, cut off where their sequences ended, and is fitted anew (Stute, Gonzalez
    Manteiga & Presedo Quindimil 1993).

    Parameters
    ----------
    seen : Visits
        Visits of all states.
    state : int
        The state to test.
    n_samples : int
        Number of bootstrap samples.
    rng : numpy.random.Generator
        Source of the samples.

    Returns
    -------
    Dwell
        The distribution and its test.

    Raises
    ------
    DataError
        When no visit of the state was seen to end.

    Examples
    --------
    Dwell times of a Markov chain that stays with probability .8 are geometric:

    >>> rng = np.random.default_rng(0)
    >>> path = (rng.random((20, 300)) < 0.2).cumsum(axis=1) % 2
    >>> test = dwell_test(visits(path), state=0, n_samples=99, rng=rng)
    >>> round(test.leave, 1), test.p > 0.05
    (0.2, True)
    """
    own = seen.state == state
    length, ended, room = seen.length[own], seen.ended[own], seen.room[own]
    if not ended.any():
        raise DataError(
            f"no visit of state {state} was seen to begin and end; longer sequences are needed"
        )
    leave, hazard, at_risk, survival = _fit(length, ended)
    distance = _distance(survival, leave)
    samples = rng.geometric(leave, size=(n_samples, len(room)))
    null = np.empty(n_samples)
    for i, row in enumerate(samples):
        whole = row < room
        # A sample of which no visit ends is no evidence against the geometric distribution.
        null[i] = 0.0
        if whole.any():
            fitted = _fit(np.minimum(row, room), whole)
            null[i] = _distance(fitted[3], fitted[0])
    p = (1 + int((null >= distance).sum())) / (1 + n_samples)
    return Dwell(leave, hazard, at_risk, survival, distance, p)


def _fit(length: Ints, ended: NDArray[np.bool_]) -> tuple[float, Floats, Ints, Floats]:
    """Return the geometric distribution's ``leave``, and hazard, at_risk and survival by step.

    A visit cut off after n steps was at risk of ending at steps 1 to n - 1 only: whether its n-th
    step was the last one is not known.
    """
    longest = int(length.max())
    ends = np.bincount(length[ended], minlength=longest + 1)[1:]
    cut = np.bincount(length[~ended], minlength=longest + 1)[1:]
    at_risk = (ends + cut)[::-1].cumsum()[::-1] - cut
    last = int(np.flatnonzero(at_risk)[-1]) + 1
    ends, at_risk = ends[:last], at_risk[:last]
    hazard = ends / np.maximum(at_risk, 1.0)
    survival = np.asarray(np.cumprod(1 - hazard), dtype=np.float64)
    return float(ends.sum() / at_risk.sum()), hazard, at_risk, survival


def _distance(survival: Floats, leave: float) -> float:
    geometric = (1 - leave) ** np.arange(1, len(survival) + 1)
    return float(np.abs(survival - geometric).max())
