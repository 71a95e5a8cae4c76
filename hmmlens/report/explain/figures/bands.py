"""One sequence over time: its input, and bands of the states below it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hmmlens import user_text
from hmmlens.report import distinctive, style
from hmmlens.report.explain.figures.registries import LAYER
from hmmlens.report.explain.figures.state_colours import Band
from hmmlens.typing import Floats, Ints

#: Longest names of inputs and of states, in characters.
NAME_WIDTH, STATE_WIDTH = 20, 12
#: Columns of the legend; inches that each of its rows takes, and each row of symbols at least.
LEGEND_COLUMNS, LEGEND_ROW, SYMBOL_ROW = 4, 0.15, 0.12
#: Colour of symbols that share a row.
OTHERS = "0.7"


@LAYER.figure(
    "bands",
    section="below the table of states",
    order=1,
    inputs=[
        "signals",
        "signal_names",
        "all_bands",
        "sequence",
        "n_steps",
        "is_symbols",
        "step_label",
        "score",
    ],
    caption="One test sequence. Above: its input. Below: the truth, where it is known, and "
    "the states that each model infers from the past alone. A letter names a state "
    "within its row only.",
)
def draw_bands(
    signals: Floats | Ints,
    signal_names: Sequence[str],
    rows: Sequence[Band],
    sequence: int,
    n_steps: int,
    symbols: bool,
    step_label: str = "step",
    score: Floats | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """Draw one sequence: its input on top, below it one band of states per row.

    Parameters
    ----------
    signals : ndarray, shape (sequence, time) or (sequence, time, feature)
        Symbols or values of the input.
    signal_names : sequence of str
        Names of the features or symbols.
    rows : sequence of Band
        One row of states each.
    sequence : int
        Index of the sequence.
    n_steps : int
        Number of steps that are drawn.
    symbols : bool
        Whether the input is symbols.
    step_label : str
        Label of the time axis.
    score : ndarray of float, shape (feature,), optional
        How much states differ in each feature or symbol, see
        :func:`hmmlens.report.distinctive.separation`: of many the highest are shown; by default the
        first ones.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    n_steps = min(n_steps, signals.shape[1])
    values = signals[sequence, :n_steps]
    score = np.zeros(len(signal_names)) if score is None else score
    shown = distinctive.most_distinctive(score)
    names = user_text.figure_names(signal_names, NAME_WIDTH)
    more = distinctive.and_more(len(names), len(shown))
    n_entries = len(shown) + bool(more)
    above = max(1.0, SYMBOL_ROW * n_entries) if symbols else 1.0
    extra = 0.0 if symbols else LEGEND_ROW * max(0, -(-n_entries // LEGEND_COLUMNS) - 2)
    figure, axes = plt.subplots(
        2,
        1,
        figsize=(style.WIDTH, 0.2 + above + extra + 0.32 * len(rows)),
        sharex=True,
        gridspec_kw={"height_ratios": [above, 0.36 * len(rows)]},
    )
    source: dict[str, Any] = {"step": np.arange(n_steps)}
    if symbols:
        source["input"] = values
        _symbols(axes[0], values.astype(np.int64), shown, [names[i] for i in shown], more)
    else:
        for index, name in enumerate(signal_names):
            source[style.unused(name, source)] = values[:, index]
        for index, colour in zip(shown, style.colours(len(shown)), strict=True):
            axes[0].plot(values[:, index], lw=0.9, color=colour)
        handles = [*axes[0].lines, *([Line2D([], [], ls="")] if more else [])]
        labels = [*(names[i] for i in shown), *([more] if more else [])]
        place = {"loc": "outside lower right", "ncols": LEGEND_COLUMNS}
        style.legend(figure, handles, labels, **place)
    axes[0].set_ylabel("input")
    for y, band in enumerate(rows):
        states = band.states[sequence, :n_steps]
        source[style.unused(band.label, source)] = states
        _band(axes[1], y, band, states)
    axes[1].set_yticks(range(len(rows)), [band.label for band in rows])
    axes[1].set_ylim(len(rows) - 0.5, -0.5)
    axes[1].set_xlim(-0.5, n_steps - 0.5)
    axes[1].set_xlabel(step_label)
    axes[1].tick_params(axis="y", length=0)
    axes[1].spines["left"].set_visible(False)
    return figure, pd.DataFrame(source)


def _symbols(
    ax: Axes, values: Ints, shown: NDArray[np.intp], names: Sequence[str], more: str
) -> None:
    """Draw symbols as points, a row each; those that are not shown share the uppermost row."""
    place = np.full(int(max(values.max(initial=0), shown.max(initial=0))) + 1, len(shown))
    place[shown] = np.arange(len(shown))
    rows = place[values]
    named = rows < len(shown)
    steps = np.arange(len(values))
    ax.plot(steps[named], rows[named], ".", ms=2.5, color="0.2")
    if more:
        ax.plot(steps[~named], rows[~named], ".", ms=2.5, color=OTHERS)
    labels = [*names, *([more] if more else [])]
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(-0.5, len(labels) - 0.5)


def _band(ax: Axes, y: int, band: Band, states: Ints) -> None:
    """Draw a bar for every visit of a state, with the state's name where there is room."""
    names = user_text.figure_names(band.names, STATE_WIDTH)
    edges = np.r_[0, np.flatnonzero(np.diff(states)) + 1, len(states)]
    for start, stop in pairwise(edges):
        state = int(states[start])
        if state < 0:
            continue
        colour = band.colours[state]
        ax.barh(y, stop - start, left=start - 0.5, height=0.82, color=colour)
        # So that a name does not reach into its neighbours.
        if stop - start >= len(states) * max(1 / 28, 0.01 * len(names[state])):
            ax.text(
                (start + stop - 1) / 2, y, names[state], ha="center", va="center", fontsize=6,
                color=style.text_on(colour),
            )  # fmt: skip
