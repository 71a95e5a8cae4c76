"""Transitions between states as arrows, and the input events that are written on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hmmlens.interpretation.input_transitions import CERTAIN, probabilities
from hmmlens.naming import MIN_ARROW
from hmmlens.typing import Floats

#: Most arrows of a graph without inputs: all of 12 states.
MAX_ARROWS = 132
#: An event of a smaller probability does not stand on an arrow.
MIN_EVENT = 0.05
#: Names on one arrow up to so many characters stand in one line; most names of one arrow.
LINE, MOST_ON_ARROW = 16, 4


class Arrow(NamedTuple):
    """Transitions from one state to another.

    Attributes
    ----------
    start, end : int
        The states.
    strength : float
        Largest probability.
    events : tuple of tuple of int and float
        Events that take it with their probabilities.
    any_event : bool
        Whether two events or more occur in the state, and all of them take this arrow for certain.
    """

    start: int
    end: int
    strength: float
    events: tuple[tuple[int, float], ...] = ()
    any_event: bool = False


def plain_arrows(transmat: Floats) -> tuple[list[Arrow], int]:
    """Return the transitions that are drawn as arrows, and how many weaker ones are left out.

    Those below :data:`hmmlens.naming.MIN_ARROW` are neither drawn nor counted.

    Parameters
    ----------
    transmat : ndarray of float, shape (state, state)
        Transition probabilities.

    Returns
    -------
    tuple of (list of Arrow, int)
        The arrows, and the number that is left out.
    """
    p = np.where(np.eye(len(transmat), dtype=bool), 0.0, transmat)
    order = np.argsort(-p, axis=None, kind="stable")
    n = int((p >= MIN_ARROW).sum())
    pairs = [divmod(int(k), len(p)) for k in np.sort(order[: min(n, MAX_ARROWS)])]
    return [Arrow(i, j, float(p[i, j])) for i, j in pairs], n - len(pairs)


def event_arrows(counts: Floats, drawn: Sequence[int]) -> list[Arrow]:
    """Return the transitions that input events take, those back to the same state included.

    Parameters
    ----------
    counts : ndarray of shape (event, state, next_state)
        Numbers of transitions.
    drawn : sequence of int
        The events that are drawn.

    Returns
    -------
    list of Arrow
        One for each pair of states that an event of a probability of :data:`MIN_EVENT` or more
        joins.

    Examples
    --------
    >>> counts = np.array([[[9, 0], [0, 9]], [[0, 9], [9, 0]]])
    >>> [(a.start, a.end, a.events) for a in event_arrows(counts, [0, 1])]
    [(0, 0, ((0, 1.0),)), (0, 1, ((1, 1.0),)), (1, 0, ((1, 1.0),)), (1, 1, ((0, 1.0),))]
    """
    share = np.nan_to_num(probabilities(counts))
    found = []
    for i in range(counts.shape[1]):
        met = int((counts[list(drawn), i].sum(axis=1) > 0).sum())
        for j in range(counts.shape[1]):
            events = tuple((k, float(share[k, i, j])) for k in drawn if share[k, i, j] >= MIN_EVENT)
            if events:
                certain = all(p >= CERTAIN for _, p in events)
                always = certain and len(events) == met > 1
                found.append(Arrow(i, j, max(p for _, p in events), events, always))
    return found


def arrow_text(arrow: Arrow, names: Sequence[str]) -> str:
    """Return the events of an arrow, with probabilities where they are not certain.

    Parameters
    ----------
    arrow : Arrow
        The arrow.
    names : sequence of str
        Names of the events.

    Returns
    -------
    str
        In one line where it is short; empty without events.
    """
    if arrow.any_event:
        return "any input"
    shown = [
        names[k] if p >= CERTAIN else f"{names[k]} {p:.2f}".replace(" 0.", " .")
        for k, p in arrow.events
    ]
    line = ", ".join(shown)
    if len(line) <= LINE:
        return line
    if len(shown) > MOST_ON_ARROW:
        more = len(shown) - MOST_ON_ARROW + 1
        shown = [*shown[: MOST_ON_ARROW - 1], f"{more} more"]
    return "\n".join(shown)
