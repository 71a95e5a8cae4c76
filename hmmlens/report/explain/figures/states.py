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
from matplotlib.patches import Circle, FancyArrowPatch
from numpy.typing import NDArray

from hmmlens import user_text
from hmmlens.interpretation import dwells
from hmmlens.naming import MIN_ARROW, state_names
from hmmlens.report import distinctive, style
from hmmlens.report.explain.figures.registries import LAYER
from hmmlens.typing import Floats

#: Inches of the graph that stands above its heat maps, and of a row of many states.
GRAPH, ROW = 3.4, 0.15
#: More columns in all, or states, than these are drawn below the graph, not to its right.
MAX_SIDE_COLUMNS, MAX_SIDE_STATES = 20, 12
#: Most arrows of a graph: all of 12 states.
MAX_ARROWS = 132
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


def strongest(transmat: Floats) -> tuple[list[tuple[int, int]], int]:
    """Return the transitions that are drawn as arrows, and how many weaker ones are left out.

    Those below :data:`hmmlens.naming.MIN_ARROW` are neither drawn nor counted.

    Parameters
    ----------
    transmat : ndarray of float, shape (state, state)
        Transition probabilities.

    Returns
    -------
    tuple of (list of tuple of int, int)
        Pairs of (from, to), and the number that is left out.
    """
    p = np.where(np.eye(len(transmat), dtype=bool), 0.0, transmat)
    order = np.argsort(-p, axis=None, kind="stable")
    n = int((p >= MIN_ARROW).sum())
    kept = np.sort(order[: min(n, MAX_ARROWS)])
    return [divmod(int(k), len(p)) for k in kept], n - len(kept)


def transition_graph(
    ax: Axes,
    transmat: Floats,
    occupancy: Floats,
    lasting: Sequence[str],
    colours: Sequence[str],
    title: str,
    size: float = 2.4,
) -> None:
    """Draw states on a circle: area by occupancy, arrows by probability, dwell at each node.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    transmat : ndarray of float, shape (state, state)
        Transition probabilities.
    occupancy : ndarray of float, shape (state,)
        Share of steps in each state.
    lasting : sequence of str
        Mean dwell time of each state in steps, as it is written next to its node.
    colours : sequence of str
        Colour of each state.
    title : str
        Title.
    size : float
        Height of the axes in inches, by which arrows end at the circles.
    """
    n = len(transmat)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / max(n, 1)
    place = np.c_[np.cos(angle), np.sin(angle)] if n > 1 else np.zeros((1, 2))
    radius = 0.12 + 0.22 * np.sqrt(occupancy / max(occupancy.max(), 1e-9)) * (
        1.0 if n <= 5 else 5 / n
    )
    # Neighbours on the circle do not touch.
    radius = radius * min(1.0, 0.9 * np.sin(np.pi / max(n, 2)) / radius.max())
    points = 42 * size / 2.4
    names = state_names(n)
    arrows, n_left_out = strongest(transmat)
    for i, j in arrows:
        p = transmat[i, j]
        ax.add_patch(
            FancyArrowPatch(
                place[i], place[j], connectionstyle="arc3,rad=0.18", arrowstyle="-|>",
                shrinkA=radius[i] * points, shrinkB=radius[j] * points, mutation_scale=7,
                lw=0.4 + 3.5 * np.sqrt(p), color="0.35", alpha=0.25 + 0.7 * min(1, 2 * p),
            )
        )  # fmt: skip
        if n <= 4:
            # Next to the bent arrow near its tail, where those of other arrows are not.
            way = 0.25 if n == 4 and (i - j) % 2 == 0 else 0.4
            across = place[j] - place[i]
            bend = (0.36 * way * (1 - way) + 0.034) * np.array([across[1], -across[0]])
            x, y = place[i] + way * across + bend
            ax.text(
                x, y, f"{p:.2f}", fontsize=6, ha="center", va="center",
                bbox={"fc": "white", "ec": "none", "pad": 0.4, "alpha": 0.8},
            )  # fmt: skip
    for i in range(n):
        ax.add_patch(Circle(place[i], radius[i], fc=colours[i], ec="white", lw=0.8, zorder=3))
        ax.text(
            place[i, 0], place[i, 1], names[i], ha="center", va="center", zorder=4,
            fontsize=7 if n <= MAX_SIDE_STATES else 5, weight="bold",
            color=style.text_on(colours[i]),
        )  # fmt: skip
        outward = place[i] * (1 + (radius[i] + 0.17) if n > 1 else 0) + (
            [0, 0] if n > 1 else [0, -0.6]
        )
        ax.text(
            outward[0], outward[1], lasting[i], ha="center", va="center", fontsize=6, color="0.3"
        )
    if n_left_out:
        ax.text(1.6, -1.6, f"and {n_left_out} weaker arrows", ha="right", va="top", fontsize=6)
    ax.set_xlim(-1.6, 1.6)
    ax.set_ylim(-1.6, 1.6)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(title)


@LAYER.figure(
    "states",
    section="above the table of states",
    order=4,
    inputs=["reading", "axes_names", "symbols", "colours", "title"],
    caption="States of a chosen model. Left: transitions. The area of a circle grows with how "
    "often the state occurs; the number next to it is its mean dwell time in steps (> "
    "where sequences are too short to show more than that); arrows of a probability "
    f"below {MIN_ARROW:g} are left out. Right: input, output of the network and, where "
    "it is known, truth in each state. Measured values are means in the state as "
    "deviations from the mean of all states, in standard deviations (SD); symbols and "
    "true states are shares of steps. Of many inputs, outputs and labels, those are "
    "shown in which states differ most.",
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
    if n_columns <= MAX_SIDE_COLUMNS and n <= MAX_SIDE_STATES:
        size = (style.WIDTH, max(2.4, 0.24 * n + 1.0))
        ratios = {"width_ratios": [2.6, *widths]}
        figure, (graph, *axes) = plt.subplots(1, 1 + len(found), figsize=size, gridspec_kw=ratios)
        height = 2.4
    else:
        below = max(1.0, ROW * n) + 1.3
        figure = plt.figure(figsize=(style.WIDTH, GRAPH + below))
        upper, lower = figure.subfigures(2, 1, height_ratios=[GRAPH, below], squeeze=False).ravel()
        graph, height = upper.subplots(), GRAPH - 0.3
        axes = lower.subplots(1, len(found), squeeze=False, width_ratios=widths)[0]
    more = distinctive.and_more(n_states, n)
    transition_graph(
        graph,
        part["transmat"].to_numpy(),
        part["occupancy"].to_numpy(),
        [
            dwells.short(*pair)
            for pair in zip(part["dwell"].to_numpy(), part["dwell_low"].to_numpy(), strict=True)
        ],
        colours,
        f"{title}, {more}" if more else title,
        height,
    )
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
