"""Missing values of inputs: what the network reads, and what describes it.

A network that takes NaN reads them as they are. Means, events and models of the inputs need
numbers: there the mean of the train split stands in for a missing value, and a column of its own
states that it is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Bools

#: Columns that the note names; of more the rest is counted.
MOST_NAMED = 4


class Described(NamedTuple):
    """Inputs without missing values.

    Attributes
    ----------
    values : ndarray of shape (sequence, time, column)
        The inputs, and a column for each that has missing values: 1 where it is missing.
    names : list of str
        Names of the columns.
    note : str
        A sentence for reports.
    """

    values: NDArray[np.floating]
    names: list[str]
    note: str


def described(
    values: NDArray[Any], inside: Bools, train: Bools, names: Sequence[str]
) -> Described | None:
    """Return inputs with missing values as numbers that describe them.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, column)
        NaN where a value is missing.
    inside : ndarray of shape (sequence, time)
        False past the end of a sequence.
    train : ndarray of shape (sequence,)
        Whether a sequence is in the train split.
    names : sequence of str
        Name of each column.

    Returns
    -------
    Described or None
        None where no value is missing.

    Examples
    --------
    >>> values = np.array([[[1.0], [np.nan], [3.0]]])
    >>> found = described(values, np.ones((1, 3), bool), np.array([True]), ["rain"])
    >>> found.values[0].tolist(), found.names
    ([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]], ['rain', 'rain is missing'])
    """
    if values.dtype.kind != "f":
        return None
    missing = np.isnan(values) & inside[..., None]
    lacking: list[int] = np.flatnonzero(missing.any(axis=(0, 1))).tolist()
    if not lacking:
        return None
    filled = np.where(inside[..., None], values, 0)
    for column in lacking:
        there = inside & ~missing[..., column]
        known = there & train[:, None] if (there & train[:, None]).any() else there
        mean = filled[..., column][known].mean(dtype=np.float64) if known.any() else 0.0
        filled[..., column][missing[..., column]] = mean
    marks = missing[..., lacking].astype(filled.dtype)
    own = [f"{names[column]} is missing" for column in lacking]
    shares = missing[..., lacking].sum(axis=(0, 1)) / inside.sum()
    parts = [
        f"{names[column]} ({_percent(share)} of steps)"
        for column, share in zip(lacking, shares, strict=True)
    ]
    more = len(parts) - MOST_NAMED
    shown = parts if more < 2 else [*parts[:MOST_NAMED], f"{more} more"]
    listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    note = (
        f"The inputs lack values of {listed}. The network received them as missing (NaN); where "
        "inputs are described, the mean of the training sequences stands in for each, and the "
        f"column{'s' if len(own) > 1 else ''} {', '.join(map(repr, own[:MOST_NAMED]))}"
        f"{' ...' if len(own) > MOST_NAMED else ''} state{'' if len(own) > 1 else 's'} where."
    )
    return Described(np.concatenate([filled, marks], axis=-1), [*names, *own], note)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "less than 0.5 %"
