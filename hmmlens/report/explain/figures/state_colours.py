"""Rows of states over time, and colours that match the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from hmmlens.report import style
from hmmlens.stats.agreement import contingency
from hmmlens.typing import Ints


class Band(NamedTuple):
    """One row of states over time: ``states`` (sequence, time), -1 where unknown."""

    label: str
    states: Ints
    names: Sequence[str]
    colours: Sequence[str]


def match_colours(states: Ints, n_states: int, truth: Ints, n_truth: int) -> list[str]:
    """Return a colour for each found state: that of the true state that it meets most often.

    Each true state gives its colour to one found state at most; the others take new colours.
    Without a truth, states take the palette in their order.

    Parameters
    ----------
    states : ndarray of int, shape (sequence, time)
        Found states, -1 where unknown.
    n_states : int
        Number of found states.
    truth : ndarray of int, shape (sequence, time)
        True states, -1 where unknown.
    n_truth : int
        Number of true states.

    Returns
    -------
    list of str
        One colour per state.
    """
    if not (truth >= 0).any():
        return style.colours(n_states)
    table = contingency(truth, states).sum(axis=0)
    counts = np.zeros((n_truth, n_states))
    counts[: table.shape[0], : table.shape[1]] = table
    palette = style.colours(n_truth + n_states)
    spare = iter(palette[n_truth:])
    true, found = linear_sum_assignment(counts, maximize=True)
    partner = dict(zip(found, true, strict=True))
    return [palette[partner[k]] if k in partner else next(spare) for k in range(n_states)]
