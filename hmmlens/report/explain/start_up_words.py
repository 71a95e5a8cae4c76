"""Start-up states in words: states that are visited at the beginning of sequences only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.naming import state_name
from hmmlens.report.wording import count, listed


def steps_of(state: xr.Dataset) -> float:
    """Return within how many first steps of sequences a state lies.

    Parameters
    ----------
    state : Dataset
        One state of the ``explanation`` store.

    Returns
    -------
    float
        NaN where it is no start-up state, and in stores of former versions.
    """
    return float(state["start_up"]) if "start_up" in state else float("nan")


def title(kind: str, name: str, steps: float) -> str:
    """Return the title of a state, such as ``Start-up region C (only in the first 3 steps)``.

    Parameters
    ----------
    kind : str
        ``State`` or ``Region``.
    name : str
        Its letter.
    steps : float
        See :func:`steps_of`.

    Returns
    -------
    str
        A phrase.

    Examples
    --------
    >>> title("Region", "C", 3.0), title("Region", "A", float("nan"))
    ('Start-up region C (only in the first 3 steps of sequences)', 'Region A')
    """
    if np.isnan(steps):
        return f"{kind} {name}"
    return f"Start-up {kind.lower()} {name} (only in {_first(steps)} of sequences)"


def note(reading: xr.Dataset) -> str:
    """Return which states of a figure are start-up states.

    Parameters
    ----------
    reading : Dataset
        The states of one pick of the ``explanation`` store.

    Returns
    -------
    str
        Such as ``start-up: C, D``; empty without any.
    """
    names = [
        state_name(k)
        for k in range(reading.sizes["state"])
        if not np.isnan(steps_of(reading.isel(state=k)))
    ]
    return f"start-up: {', '.join(names)}" if names else ""


def sentence(states: pd.DataFrame, kind: str) -> str:
    """Return which states are visited at the beginning of sequences only.

    Parameters
    ----------
    states : DataFrame
        ``state, start_up`` of the table of states, of one model.
    kind : str
        ``state`` or ``region``.

    Returns
    -------
    str
        One sentence; empty without any.
    """
    if "start_up" not in states:
        return ""
    early = states[states["start_up"].notna()]
    if early.empty:
        return ""
    is_one = len(early) == 1
    verb, noun = ("is", f"a start-up {kind}") if is_one else ("are", f"start-up {kind}s")
    return (
        f"{listed(early['state'])} {verb} {noun}, visited only in "
        f"{_first(float(early['start_up'].max()))} of sequences, "
        "on the way from the initial state; the verdict compares no states there."
    )


def _first(steps: float) -> str:
    return "the first step" if steps == 1 else f"the first {count(int(steps), 'step')}"
