"""What certified states are in the words of the task: its true states, or the network's outputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.report.distinctive import overall
from hmmlens.report.wording import listed
from hmmlens.typing import Floats

#: Share of a state's steps with one true state from which on it is that one, or mostly so.
STANDS_FOR, MOSTLY = 0.9, 0.5
#: States that differ by less in an output, in standard deviations over all steps, do not differ.
LEAST_RANGE = 0.25
#: Most states, and most outputs, that a sentence describes.
MOST_STATES, MOST_OUTPUTS = 12, 4


def levels(mean: Floats, spread: Floats) -> list[list[str]]:
    """Return the level of each output in each state, in a word.

    Parameters
    ----------
    mean : ndarray of shape (state, output)
        Mean output of each state.
    spread : ndarray of shape (output,)
        Standard deviation of each output over all steps.

    Returns
    -------
    list of list of str
        For each state and output: ``high`` or ``low`` in the upper and the lower third of what
        states have, ``positive`` and ``negative`` where the two lie on both sides of 0, ``middle``
        between them; ``the same`` for an output in which states do not differ.

    Examples
    --------
    >>> levels(np.array([[1.0, 5.0], [-1.0, 5.0], [0.9, 5.1]]), np.array([1.0, 2.0]))
    [['positive', 'the same'], ['negative', 'the same'], ['positive', 'the same']]
    """
    words = np.full(mean.shape, "the same", dtype=object)
    for column in range(mean.shape[1]):
        values = mean[:, column]
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if not high - low >= LEAST_RANGE * float(spread[column]) > 0:
            continue
        place = (values - low) / (high - low)
        is_low, is_high = place <= 1 / 3, place >= 2 / 3
        signed = values[is_low].max() < 0 < values[is_high].min()
        upper, lower = ("positive", "negative") if signed else ("high", "low")
        words[:, column] = np.where(is_high, upper, np.where(is_low, lower, "middle"))
    found: list[list[str]] = words.tolist()
    return found


def output_words(reading: xr.Dataset, names: Sequence[str], symbols: bool) -> list[str]:
    """Return what the output is in each state, such as ``bit 1 positive, bit 2 negative``.

    Parameters
    ----------
    reading : Dataset
        The states of one pick of the ``explanation`` store, without empty ones.
    names : sequence of str
        Names of the outputs.
    symbols : bool
        Whether outputs are probabilities of symbols.

    Returns
    -------
    list of str
        One text for each state; of symbols the most probable one with its probability.
    """
    mean = reading["output_mean"].to_numpy()
    if symbols:
        best = np.nan_to_num(mean, nan=-1.0).argmax(axis=1)
        return [f"{names[j]} (probability {mean[k, j]:.2f})" for k, j in enumerate(best)]
    _, spread = overall(mean, reading["output_sd"].to_numpy(), reading["occupancy"].to_numpy())
    shown = range(min(len(names), MOST_OUTPUTS))
    return [
        ", ".join(f"{names[i]} {row[i]}" for i in shown if row[i] != "the same")
        for row in levels(mean, spread)
    ]


def combination_words(mean: Floats, spread: Floats, names: Sequence[str]) -> str:
    """Return which combinations of outputs the states are, where they are all of two levels each.

    Parameters
    ----------
    mean : ndarray of shape (state, output)
        Mean output of each state.
    spread : ndarray of shape (output,)
        Standard deviation of each output over all steps.
    names : sequence of str
        Names of the outputs.

    Returns
    -------
    str
        Such as ``the 4 combinations of the signs of bit 1 and bit 2``; empty where they are not.
    """
    rows = {tuple(row) for row in levels(mean, spread)}
    n_outputs = len(names)
    words = {word for row in rows for word in row}
    if len(rows) != len(mean) or len(mean) != 2**n_outputs or words & {"middle", "the same"}:
        return ""
    if n_outputs == 1:
        return f"the two {'signs' if 'positive' in words else 'levels'} of {names[0]}"
    signed = words == {"positive", "negative"}
    what = "the signs" if signed else "high and low values"
    return f"the {len(mean)} combinations of {what} of {listed(names)}"


def combinations_of(reading: xr.Dataset, names: Sequence[str], symbols: bool) -> str:
    """Return :func:`combination_words` of the states of one model.

    Parameters
    ----------
    reading : Dataset
        The states of one pick of the ``explanation`` store, without empty ones.
    names : sequence of str
        Names of the outputs.
    symbols : bool
        Whether outputs are probabilities of symbols.

    Returns
    -------
    str
        Empty for symbols.
    """
    if symbols:
        return ""
    mean = reading["output_mean"].to_numpy()
    _, spread = overall(mean, reading["output_sd"].to_numpy(), reading["occupancy"].to_numpy())
    return combination_words(mean, spread, names)


def sentence(
    states: pd.DataFrame, about: Mapping[str, Any], certified: bool, agreement: float = np.nan
) -> str:
    """Return what the states of the explained model are in the words of the task.

    Parameters
    ----------
    states : DataFrame
        ``state, top_truth, top_truth_share, output_levels, combinations`` of the table of states,
        of one model.
    about : mapping of str to object
        Attributes of the ``sequences`` store.
    certified : bool
        Whether the verdict certifies the states.
    agreement : float, optional
        Adjusted Rand index of states and truth.

    Returns
    -------
    str
        One sentence; empty where states are not certified, for regions are no findings.
    """
    if not certified or "output_levels" not in states or states.empty:
        return ""
    n = len(states)
    combinations = _text(states["combinations"].iloc[0])
    truth = [_text(value) for value in states["top_truth"]]
    share = np.nan_to_num(states["top_truth_share"].to_numpy(float))
    n_true = len(about.get("state_names", ()))
    if any(truth) and n_true > 1:
        known = f" (agreement {agreement:.2f} ARI)" if np.isfinite(agreement) else ""
        one_each = n == n_true == len(set(truth))
        if one_each and combinations and (share >= STANDS_FOR).all():
            return f"The {n} states are {combinations}, one for each true state{known}."
        pairs = _pairs(states["state"], truth, share)
        which = f": {', '.join(pairs)}" if pairs and n <= MOST_STATES else ""
        if one_each and (share >= MOSTLY).all():
            return f"Each of the {n_true} true states has one state of the network{which}{known}."
        n_kept = len({true for true, part in zip(truth, share, strict=True) if part >= MOSTLY})
        n_mixed = int((share < MOSTLY).sum())
        mixed = f"; {n_mixed} {'has' if n_mixed == 1 else 'have'} no true state in most steps"
        return (
            f"The task has {n_true} true states; the network's {n} states stand for {n_kept} of "
            f"them{which}{mixed if n_mixed else ''}{known}."
        )
    if combinations:
        return f"The {n} states are {combinations}."
    shown = [
        f"{state}: {_text(text)}"
        for state, text in zip(states["state"], states["output_levels"], strict=True)
        if _text(text)
    ]
    if not shown:
        return "The present output does not differ between the states; they differ in what follows."
    more = f"; and {len(shown) - MOST_STATES} more" if len(shown) > MOST_STATES else ""
    return f"The output in each state is {'; '.join(shown[:MOST_STATES])}{more}."


def _pairs(names: Iterable[str], truth: Iterable[str], share: Floats) -> list[str]:
    """Return which true state each state is, where it is one in most of its steps."""
    found = []
    for name, true, part in zip(names, truth, share, strict=True):
        if part >= STANDS_FOR:
            found.append(f"{name} is {true}")
        elif part >= MOSTLY:
            found.append(f"{name} is mostly {true} (in {100 * part:.0f} % of its steps)")
    return found


def _text(value: object) -> str:
    """Return a text of a table, which may have been read from a file; empty for none."""
    if not isinstance(value, str):
        # A file has numbers where all names are numbers.
        number = float(value) if isinstance(value, int | float | np.number) else np.nan
        return "" if np.isnan(number) else f"{number:g}"
    # In files, texts that a spreadsheet would run as a formula have an apostrophe.
    return re.sub(r"^'(?=[=+\-@])", "", value)
