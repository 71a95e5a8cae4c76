"""Transitions given the input as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens import user_text
from hmmlens.interpretation import dwells
from hmmlens.interpretation.input_transitions import certain_moves, probabilities
from hmmlens.naming import state_name
from hmmlens.report.wording import listed
from hmmlens.typing import Floats

#: Columns of the table of transitions given the input.
COLUMNS = ["event", "state", "next_state", "count", "probability"]
#: Entropies of the next state in bits, with their limits.
ENTROPIES = tuple(
    f"{name}{end}"
    for name in ("entropy", "input_entropy", "entropy_gain")
    for end in ("", "_low", "_high")
)
#: Entropies in bits below which the next state is certain, and nearly certain.
CERTAIN, NEARLY = 0.005, 0.1
#: Most events, and most states of one event, that a sentence names.
MOST_EVENTS, MOST_STATES = 8, 6
#: Next states of a state are named until their probabilities make up this; at most so many.
NEARLY_ALL, MOST_NEXT = 0.9, 4


def driven(reading: xr.Dataset) -> bool:
    """Return whether the inputs of a reading are events, of which two at least precede a step.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.

    Returns
    -------
    bool
        False in stores without events.
    """
    if "event_counts" not in reading:
        return False
    counts = np.nan_to_num(reading["event_counts"].to_numpy())
    return int((counts.sum(axis=(1, 2)) > 0).sum()) > 1


def transition_rows(reading: xr.Dataset) -> pd.DataFrame:
    """Return the transitions that occur, by input event.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, a row for each event, state and next state that occur; no rows
        where a store has no events.
    """
    if "event_counts" not in reading:
        return pd.DataFrame(columns=COLUMNS)
    counts = np.nan_to_num(reading["event_counts"].to_numpy())
    share = probabilities(counts)
    names = _names(reading)
    rows = [
        (names[k], state_name(i), state_name(j), int(counts[k, i, j]), float(share[k, i, j]))
        for k, i, j in np.argwhere(counts > 0).tolist()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def of_picks(explanation: xr.Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the transitions given the input of all picks of one layer, and their entropies.

    Parameters
    ----------
    explanation : Dataset
        The store of one layer.

    Returns
    -------
    tuple of DataFrame
        ``pick`` and :data:`COLUMNS`; and ``pick``, the :data:`ENTROPIES` in bits, ``composed``
        (see :class:`hmmlens.interpretation.input_transitions.InputTransitions`), ``events`` (what
        each input event does) and ``sentence``.
    """
    rows, entropies = [], []
    for index, pick in enumerate(explanation.attrs["picks"]):
        reading = explanation.isel(pick=index)
        rows.append(transition_rows(reading).assign(pick=pick)[["pick", *COLUMNS]])
        known = {
            name: float(reading[name]) if name in reading else np.nan
            for name in (*ENTROPIES, "composed")
        }
        words = {"events": event_words(reading), "sentence": entropy_sentence(reading)}
        entropies.append({"pick": pick, **known, **words})
    return pd.concat(rows, ignore_index=True), pd.DataFrame(entropies)


def moves(reading: xr.Dataset, state: int) -> str:
    """Return what each input event does in one state, such as ``0: stay; 1: to B``.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.
    state : int
        The state.

    Returns
    -------
    str
        Empty where a store has no events.
    """
    if not driven(reading):
        return ""
    counts = np.nan_to_num(reading["event_counts"].to_numpy())[:, state]
    share = np.nan_to_num(probabilities(counts))
    names, parts = _names(reading), reading.attrs["event_parts"]
    found = []
    for k in range(len(names)):
        if len(parts[k]) or not counts[k].sum():
            continue
        order = np.argsort(-share[k], kind="stable")
        certain = int(certain_moves(counts[k]))
        # The most probable next states until they make up nearly all.
        before = np.r_[0.0, share[k, order].cumsum()[:-1]]
        likely = [int(j) for j, sum_ in zip(order, before, strict=True) if sum_ < NEARLY_ALL]
        wanted = [certain] if certain >= 0 else likely[:MOST_NEXT]
        ways = ["stay" if j == state else f"to {state_name(j)}" for j in wanted]
        if certain < 0:
            ways = [f"{way} ({share[k, j]:.2f})" for way, j in zip(ways, wanted, strict=True)]
        if certain < 0 and len(likely) > MOST_NEXT:
            ways.append("others")
        found.append(f"{names[k]}: {' or '.join(ways)}")
    return "; ".join(found)


def event_words(reading: xr.Dataset) -> str:
    """Return what each input event does to the states, such as ``0: stay; 1: swap``.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.

    Returns
    -------
    str
        Of the most frequent events; empty where a store has no events.
    """
    if not driven(reading):
        return ""
    counts = np.nan_to_num(reading["event_counts"].to_numpy())
    names, parts = _names(reading), reading.attrs["event_parts"]
    n_states = int(reading["n_states"])
    table = certain_moves(counts)[:, :n_states]
    met = counts.sum(axis=2)[:, :n_states] > 0
    single = [k for k in range(len(names)) if not len(parts[k]) and met[k].any()]
    total = counts.sum(axis=(1, 2))
    shown = sorted(sorted(single, key=lambda k: -total[k])[:MOST_EVENTS])
    share = np.nan_to_num(probabilities(counts))[:, :n_states, :n_states]
    found = [f"{names[k]}: {_effect(table[k], met[k], share[k])}" for k in shown]
    if len(single) > len(shown):
        found.append(f"and {len(single) - len(shown)} more")
    return "; ".join(found)


def _effect(move: Sequence[int], met: Sequence[bool], share: Floats) -> str:
    """Return what one event does, from where it takes each state, and how often (from, to)."""
    known = {i: int(j) for i, (j, seen) in enumerate(zip(move, met, strict=True)) if seen}
    uncertain = [i for i, j in known.items() if j < 0]
    sure = {i: j for i, j in known.items() if j >= 0}
    if not uncertain and sure:
        if all(i == j for i, j in sure.items()):
            return "stay"
        if len(move) == 2 and sure == {0: 1, 1: 0}:
            return "swap"
        if len(set(sure.values())) == 1 and len(sure) > 1:
            return f"to {state_name(next(iter(sure.values())))}"
    changed = {i: j for i, j in sure.items() if i != j}
    parts = [f"{state_name(i)} to {state_name(j)}" for i, j in changed.items()]
    if len(changed) > MOST_STATES:
        parts = [f"changes {len(changed)} of {len(known)} states"]
    likely = {i: int(np.argmax(share[i])) for i in uncertain if share[i].max() > 0.5}
    mostly = [f"{state_name(i)} mostly to {state_name(j)}" for i, j in likely.items() if i != j]
    parts += mostly if len(mostly) <= MOST_STATES else [f"mostly changes {len(mostly)} states"]
    open_ = len(uncertain) - len(likely)
    if open_:
        parts.append(f"not certain in {open_} state{'' if open_ == 1 else 's'}")
    # States that are not named stay.
    return ", ".join(parts) or ("mostly stay" if likely else "stay")


def entropy_sentence(reading: xr.Dataset) -> str:
    """Return how certain the next state is with and without the input.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.

    Returns
    -------
    str
        One sentence; where inputs are no events, that transitions average over them; empty where
        inputs never vary, or nothing is known.
    """
    averaged = [user_text.readable(str(name)) for name in reading.attrs.get("averaged_inputs", ())]
    if not driven(reading):
        return (
            "The inputs take many values, so the transitions are averages over inputs."
            if averaged
            else ""
        )
    with_input, without = float(reading["input_entropy"]), float(reading["entropy"])
    if np.isnan(with_input):
        return ""
    numbers = f"{with_input:.2f} bits, {without:.2f} without the input"
    if float(reading["entropy_gain_low"]) <= 0:
        text = f"The input does not make the next state more certain: {numbers}"
    elif with_input < CERTAIN:
        text = f"Given its input the next state is certain: {numbers}"
    elif with_input < NEARLY:
        text = f"Given its input the next state is nearly certain: {numbers}"
    else:
        text = f"Given its input the next state has an entropy of {numbers}"
    if averaged:
        text += f" (averages over {', '.join(averaged)})"
    return f"{text}."


def neutral_condition(reading: xr.Dataset) -> str:
    """Return the condition of dwell times at rest, such as ``pulse 1 is 0 (noise varies)``.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.

    Returns
    -------
    str
        Empty where the inputs have no value at rest.
    """
    if not driven(reading) or "neutral_dwell" not in reading:
        return ""
    condition = reading.attrs.get("neutral_condition") or "the inputs have their neutral values"
    averaged = [str(name) for name in reading.attrs.get("averaged_inputs", ())]
    shown = averaged if len(averaged) <= 3 else [*averaged[:2], f"{len(averaged) - 2} more"]
    verb = "varies" if len(averaged) == 1 else "vary"
    return user_text.readable(f"{condition} ({listed(shown)} {verb})" if averaged else condition)


def neutral_dwell(reading: xr.Dataset, state: int) -> str:
    """Return how long a state lasts while :func:`neutral_condition` holds.

    Parameters
    ----------
    reading : Dataset
        One pick of the ``explanation`` store.
    state : int
        The state.

    Returns
    -------
    str
        Empty where the inputs have no value at rest.
    """
    if not neutral_condition(reading):
        return ""
    one = reading.isel(state=state)
    return dwells.words(*(float(one[f"neutral_dwell{end}"]) for end in ("", "_low", "_high")))


def _names(reading: xr.Dataset) -> list[str]:
    return [user_text.readable(str(name)) for name in reading.attrs["events"]]
