"""How long states last, and whether that is geometric, as a Markov chain has it.

A visit that the end of its sequence cuts off is not thrown away, which would make visits look
short: it says that the visit lasted at least so long (Kaplan & Meier 1958). Visits that are under
way when a sequence starts are left out, because their age is not known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints


class Visits(NamedTuple):
    """Visits whose beginning was seen, one entry each.

    state : the state
    length : steps that were seen
    ended : whether the end was seen
    room : steps from the beginning to the end of the sequence
    """

    state: NDArray[np.int64]
    length: NDArray[np.int64]
    ended: NDArray[np.bool_]
    room: NDArray[np.int64]


class Dwell(NamedTuple):
    """The law of one state's dwells, beside the geometric law.

    leave : probability of leaving at each step, of the geometric law
    hazard : (step), share of the visits that lasted so long which ended there; flat if geometric
    at_risk : (step), visits that lasted so long
    survival : (step), share that lasts longer (Kaplan & Meier)
    distance : largest difference between ``survival`` and the geometric law's (Kolmogorov)
    p : share of geometric samples with the same beginnings whose distance is as large
    """

    leave: float
    hazard: Floats
    at_risk: Ints
    survival: Floats
    distance: float
    p: float


def visits(path: Ints) -> Visits:
    """Return the visits of ``path`` (sequence, time), below 0 past a sequence's end."""
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
    """Compare the dwells of one state with the geometric law (1 - leave)^(n-1) leave.

    Parametric bootstrap of the Kolmogorov distance: each sample draws geometric dwells for the
    same beginnings, cut off where their sequences ended, and is fitted anew (Stute, Gonzalez
    Manteiga & Presedo Quindimil 1993).

    Raises
    ------
    DataError
        When no visit of the state was seen to end.
    """
    mine = seen.state == state
    length, ended, room = seen.length[mine], seen.ended[mine], seen.room[mine]
    if not ended.any():
        raise DataError(
            f"no visit of state {state} was seen to begin and end; longer sequences are needed"
        )
    leave, hazard, at_risk, survival = _fit(length, ended)
    distance = _distance(survival, leave)
    drawn = rng.geometric(leave, size=(n_samples, len(room)))
    null = np.empty(n_samples)
    for i, row in enumerate(drawn):
        whole = row < room
        # A sample of which no visit ends says nothing against the geometric law.
        null[i] = 0.0
        if whole.any():
            fitted = _fit(np.minimum(row, room), whole)
            null[i] = _distance(fitted[3], fitted[0])
    p = (1 + int((null >= distance).sum())) / (1 + n_samples)
    return Dwell(leave, hazard, at_risk, survival, distance, p)


def _fit(length: Ints, ended: NDArray[np.bool_]) -> tuple[float, Floats, Ints, Floats]:
    """Return the geometric law's ``leave``, and hazard, at_risk and survival by step.

    A visit cut off after n steps was at risk of ending at steps 1 to n - 1 only: whether its
    n-th step was the last one is not known.
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
