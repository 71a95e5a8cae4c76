"""What the states of one model are: transitions, and inputs, outputs and truth in each state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hmmlens import user_text
from hmmlens.interpretation import dwells
from hmmlens.interpretation.input_events import NOTHING
from hmmlens.naming import MIN_ARROW, state_names
from hmmlens.report import distinctive, style
from hmmlens.report.explain import start_up_words
from hmmlens.report.explain.figures import state_graph
from hmmlens.report.explain.figures.registries import LAYER
from hmmlens.report.explain.figures.transition_arrows import (
    MIN_EVENT,
    Arrow,
    event_arrows,
    plain_arrows,
)
from hmmlens.report.explain.transition_tables import driven, neutral_condition
from hmmlens.typing import Floats

#: Inches of the graph that stands above its heat maps, at most and at least; of its title and
#: notes; and of a row of many states.
GRAPH, LOWEST, NOTES, ROW = 2.9, 1.5, 0.6, 0.15
#: More columns in all, or states, than these are drawn below the graph, not to its right; of a
#: graph with input events on its arrows, the states.
MAX_SIDE_COLUMNS, MAX_SIDE_STATES, MAX_SIDE_DRIVEN = 20, 12, 3
#: Longest names of inputs, outputs and labels, in characters.
NAME_WIDTH = 16


class Block(NamedTuple):
    """A heat map: what each state (row) has in some columns.

    label : what it shows
    values : (state, column)
    names : of the columns, for a figure
    n_all : how many columns there are in all
    diverging : whether values lie on both sides of 0
    """

    label: str
    values: Floats
    names: list[str]
    n_all: int
    diverging: bool

    @property
    def title(self) -> str:
        """Title above the heat map.

        Returns
        -------
        str
            The label, and how many columns are left out.
        """
        more = distinctive.and_more(self.n_all, len(self.names))
        return f"{self.label}\n{more}" if more else self.label


def blocks(
    reading: xr.Dataset, axes_names: Mapping[str, Sequence[str]], symbols: tuple[bool, bool]
) -> list[Block]:
    """Return the heat maps of a model: input, output and, where it is known, truth.

    Measured values are deviations from their mean over all states, in standard deviations; symbols
    and labels are shares. Of many columns those are shown by which states differ most.

    Parameters
    ----------
    reading : Dataset
        See :func:`states`.
    axes_names : mapping of str to sequence of str
        See :func:`states`.
    symbols : tuple of bool
        See :func:`states`.

    Returns
    -------
    list[Block]
        One heat map for each kind of signal.
    """
    occupancy = reading["occupancy"].to_numpy()
    found = []
    for kind, is_symbol in zip(("input", "output"), symbols, strict=True):
        mean, sd = reading[f"{kind}_mean"].to_numpy(), reading[f"{kind}_sd"].to_numpy()
        shown = distinctive.most_distinctive(distinctive.separation(mean, sd, occupancy))
        values, label = mean[:, shown], kind
        if not is_symbol:
            centre, scale = distinctive.overall(mean[:, shown], sd[:, shown], occupancy)
            values = (values - centre) / np.where(scale > 0, scale, 1.0)
            label = f"{kind} (SD from mean)" if len(shown) > 3 else f"{kind}\n(SD from mean)"
        found.append(_block(label, values, axes_names[kind], shown, not is_symbol))
    share = reading["truth_share"].to_numpy()
    if np.isfinite(share).any():
        score = distinctive.separation(share, distinctive.share_sd(share), occupancy)
        shown = distinctive.most_distinctive(score)
        found.append(_block("truth", share[:, shown], axes_names["truth"], shown, False))
    return found


def _block(
    label: str, values: Floats, names: Sequence[str], shown: NDArray[np.intp], diverging: bool
) -> Block:
    # Named among all, so that a name is the same in all figures.
    drawn = user_text.figure_names(names, NAME_WIDTH)
    return Block(label, values, [drawn[i] for i in shown], len(names), diverging)


def graph(
    ax: Axes,
    reading: xr.Dataset,
    n: int,
    colours: Sequence[str],
    title: str,
    with_notes: bool = True,
) -> None:
    """Draw the transitions of the first states of a model, by input event where there are any.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    reading : Dataset
        See :func:`states`.
    n : int
        Number of states that are drawn.
    colours : sequence of str
        Colour of each state.
    title : str
        Title.
    with_notes : bool, optional
        Whether the condition of dwell times and start-up states stand below the graph; a small
        graph has no room for them.
    """
    part = reading.isel(state=slice(0, n), next_state=slice(0, n))
    names = [user_text.readable(str(name)) for name in reading.attrs.get("events", ())]
    note, dwell = "", "dwell"
    arrows, n_left_out = _arrows(part)
    if n_left_out:
        note = f"and {n_left_out} weaker arrows"
    if driven(reading) and "neutral_dwell" in part:
        dwell = "neutral_dwell"
    lasting = [
        dwells.short(*pair)
        for pair in zip(part[dwell].to_numpy(), part[f"{dwell}_low"].to_numpy(), strict=True)
    ]
    full = user_text.figure_names(names, NAME_WIDTH)
    neutral = int(reading.attrs.get("neutral_event", -1))
    short = without_prefix(full, neutral)
    changed = next((pair for pair in zip(short, full, strict=True) if pair[0] != pair[1]), None)
    note = f"{changed[0]} stands for {changed[1]}" if changed else note
    if with_notes and dwell == "neutral_dwell":
        condition = f"number at a state: mean dwell while {neutral_condition(part)}"
        note = "\n".join([condition, note]) if note else condition
    if with_notes:
        note = "\n".join(line for line in (note, start_up_words.note(part)) if line)
    occupancy = part["occupancy"].to_numpy()
    state_graph.draw(ax, arrows, short, occupancy, lasting, colours, title, note)


def _arrows(reading: xr.Dataset) -> tuple[list[Arrow], int]:
    """Return the arrows of a graph, and how many weaker ones are left out."""
    if not driven(reading):
        return plain_arrows(reading["transmat"].to_numpy())
    counts = reading["event_counts"].to_numpy()
    return event_arrows(counts, sorted(single_events(reading))), 0


def without_prefix(names: Sequence[str], neutral: int = -1) -> list[str]:
    """Return names without a word with which all of them begin.

    Parameters
    ----------
    names : sequence of str
        Names of events; that of no event has no such word.
    neutral : int, default=-1
        The neutral event, whose name may be a condition on several inputs and stays; -1 for none.

    Returns
    -------
    list of str
        Names.

    Examples
    --------
    >>> without_prefix(["no event", "input 1=0", "input 2=0"])
    ['no event', '1=0', '2=0']
    """
    kept = {NOTHING, *([names[neutral]] if 0 <= neutral < len(names) else [])}
    own = [name for name in names if name not in kept]
    words = {name.partition(" ")[0] for name in own}
    if len(own) < 2 or len(words) != 1 or not all(" " in name for name in own):
        return list(names)
    word = words.pop()
    return [name if name in kept else name.replace(f"{word} ", "") for name in names]


def single_events(reading: xr.Dataset) -> list[int]:
    """Return the input events that are no combination of others, the most frequent first.

    Parameters
    ----------
    reading : Dataset
        See :func:`states`.

    Returns
    -------
    list of int
        Those that occur.
    """
    total = np.nan_to_num(reading["event_counts"].to_numpy()).sum(axis=(1, 2))
    parts = reading.attrs["event_parts"]
    order = np.argsort(-total, kind="stable")
    return [int(k) for k in order if total[k] and not len(parts[k])]


@LAYER.figure(
    "states",
    section="above the table of states",
    order=4,
    inputs=["reading", "axes_names", "symbols", "colours", "title"],
    caption="States of a chosen model. Graph: transitions. Where inputs are events (symbols, or "
    "values of which there are few), an arrow has the inputs that take it: an input without a "
    "number does so in 95 % of the steps or more, another with the probability that follows it (in "
    f"colours: a dashed line), and below {MIN_EVENT:g} it is left out; an input that is on no "
    "arrow out of a state leaves the state as it is. Several inputs at the same step are left out. "
    f"Other graphs average over inputs; their arrows of a probability below {MIN_ARROW:g} are left "
    "out. The area of a circle grows with how often the state occurs; the number in it or next to "
    "it is its mean dwell time in steps (> where the data are too short to show more than that); "
    "where a line below the graph names a condition, it is the dwell time while that holds. "
    "Start-up: visited at the beginning of sequences only. Heat maps: input, output of the "
    "network and, where it is known, truth in each state. "
    "Measured values are means in the state as deviations from the mean of all states, in "
    "standard deviations (SD); symbols and true states are shares of steps. Of many inputs, "
    "outputs and labels, those are shown in which states differ most.",
)
def states(
    reading: xr.Dataset,
    axes_names: Mapping[str, Sequence[str]],
    symbols: tuple[bool, bool],
    colours: Sequence[str],
    title: str,
) -> tuple[Figure, pd.DataFrame]:
    """Draw what the states of one model are: transitions, inputs, outputs, truth.

    Parameters
    ----------
    reading : Dataset
        See :func:`hmmlens.interpretation.states.read_states`.
    axes_names : mapping of str to sequence of str
        ``input``, ``output``, ``truth`` -> names along these dimensions.
    symbols : tuple of bool
        Whether inputs, and outputs, are symbols rather than values.
    colours : sequence of str
        Colour of each state.
    title : str
        Title.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure of the most frequent states and most distinctive columns, in which the rest is
        counted; and the numbers of all states and columns, measured values as they are.
    """
    n_states = int(reading["n_states"])
    reading = reading.isel(state=slice(0, n_states), next_state=slice(0, n_states))
    n = min(n_states, distinctive.MAX_STATES)
    part = reading.isel(state=slice(0, n), next_state=slice(0, n))
    found = blocks(part, axes_names, symbols)
    widths = [max(1.2, 0.42 * len(block.names)) for block in found]
    n_columns = sum(len(block.names) for block in found)
    side = MAX_SIDE_DRIVEN if driven(reading) else MAX_SIDE_STATES
    if n_columns <= MAX_SIDE_COLUMNS and n <= side:
        size = (style.WIDTH, max(2.4, 0.24 * n + 1.0))
        ratios = {"width_ratios": [2.6, *widths]}
        figure, (axis, *axes) = plt.subplots(1, 1 + len(found), figsize=size, gridspec_kw=ratios)
    else:
        below = max(1.0, (ROW if n > MAX_SIDE_STATES else 0.24) * n) + 1.3
        shape = state_graph.proportion(_arrows(part)[0], part["occupancy"].to_numpy())
        above = float(np.clip(style.WIDTH * shape + NOTES, LOWEST, GRAPH))
        figure = plt.figure(figsize=(style.WIDTH, above + below))
        upper, lower = figure.subfigures(2, 1, height_ratios=[above, below], squeeze=False).ravel()
        axis = upper.subplots()
        axes = lower.subplots(1, len(found), squeeze=False, width_ratios=widths)[0]
    more = distinctive.and_more(n_states, n)
    graph(axis, reading, n, colours, f"{title}, {more}" if more else title)
    for ax, block in zip(axes, found, strict=True):
        rows = state_names(n)
        style.heatmap(ax, block.values, rows, block.names, block.title, block.diverging)
    style.fit_numbers(figure, axes)
    return figure, _state_table(reading, state_names(n_states), axes_names)


def _state_table(
    reading: xr.Dataset,
    names: Sequence[str],
    axes_names: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Return one row per state with everything that :func:`states` draws."""
    table: dict[str, Any] = {"state": list(names)}
    for column in ("occupancy", "dwell", "dwell_low", "dwell_high", "mean_dwell", "model_dwell"):
        table[column] = reading[column].to_numpy()
    blocks = (
        ("to", "transmat", names),
        ("input", "input_mean", axes_names["input"]),
        ("output", "output_mean", axes_names["output"]),
        ("truth", "truth_share", axes_names["truth"]),
    )
    for prefix, variable, columns in blocks:
        values = reading[variable].to_numpy()
        for index, column in enumerate(columns):
            table[style.unused(f"{prefix} {column}", table)] = values[:, index]
    return pd.DataFrame(table)
