"""The competence of a network at its task: one rule, which verdict, report and tables share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Most of the loss of the best constant answer that a competent network may keep, where the least
#: possible loss is not known; and least share of the way to it, where it is.
LOSS, GAP = 0.9, 0.8


class Competence(NamedTuple):
    """Whether a network is competent, and the reason.

    Attributes
    ----------
    holds : bool or None
        None where the task is not known.
    sentence : str
        The number and its threshold in words.
    """

    holds: bool | None
    sentence: str


def competence(
    loss: float, marginal: float, floor: float = np.nan, most: float = LOSS, gap: float = GAP
) -> Competence:
    """Judge a network by its test loss.

    Parameters
    ----------
    loss : float
        Loss of the network; NaN where its task is not known.
    marginal : float
        Loss of the best constant answer.
    floor : float, optional
        Smallest possible loss; NaN where it is not known.
    most, gap : float, optional
        See :data:`LOSS` and :data:`GAP`.

    Returns
    -------
    Competence
        Whether the network is competent.

    Examples
    --------
    >>> competence(0.2, 1.0).holds, competence(0.2, 1.0, floor=0.1).holds
    (True, True)
    """
    if np.isnan(loss):
        text = "Whether it is competent is not known, for want of a task to score it by."
        return Competence(None, text)
    share = loss / marginal
    text = f"Its test loss is {share:.2f} of that of the best constant answer"
    # Where the least possible loss is near that answer, its share carries no information.
    if np.isnan(floor):
        return Competence(bool(share <= most), f"{text} (at most {most:g} wanted).")
    closed = (marginal - loss) / (marginal - floor)
    # The least possible loss is an expectation, below which a sample may fall.
    reached = "reaches" if closed > 1 else f"closes {100 * closed:.0f} % of the way to"
    return Competence(
        bool(closed >= gap),
        f"{text} and {reached} the least possible (at least {100 * gap:.0f} % of the way wanted).",
    )
