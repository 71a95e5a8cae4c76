"""The picture of a network on the first page of a report."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hmmlens.report.explain import start_up_words
from hmmlens.report.explain.figures.network import MAX_POINTS, draw_map
from hmmlens.report.explain.figures.registries import LAYER
from hmmlens.report.explain.figures.state_colours import Band
from hmmlens.report.explain.figures.states import graph
from hmmlens.report.explain.transition_tables import driven, transition_rows
from hmmlens.typing import Floats

#: Width and height in inches.
SIZE = (2.6, 1.9)
#: Most states of a graph of this size.
MAX_GRAPH = 3


@LAYER.figure(
    "card",
    section="first page",
    order=1,
    inputs=["map", "explained_band", "inside", "certified", "reading"],
    caption="Where at most three states are certified, their transitions with the inputs that take "
    "them; otherwise recorded steps in the first two components of the reduced activations, "
    "coloured by the states of the explained model.",
)
def card(
    reduced: Floats,
    band: Band,
    inside: NDArray[np.bool_],
    certified: bool,
    reading: xr.Dataset,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the graph of few certified states, or else the recorded steps coloured by states.

    Parameters
    ----------
    reduced : ndarray of shape (sequence, time, component)
        Coordinates, of which the first two are drawn.
    band : Band
        The states.
    inside : ndarray of bool, shape (sequence, time)
        True before each sequence's end.
    certified : bool
        Whether the states are certified.
    reading : Dataset
        The explained model, see :func:`hmmlens.report.explain.figures.states.states`.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    figure, ax = plt.subplots(figsize=SIZE)
    n = len(band.colours)
    title = f"{n} certified states" if certified else "no certified states"
    title = "; ".join(text for text in (title, start_up_words.note(reading)) if text)
    if certified and n <= MAX_GRAPH and driven(reading):
        graph(ax, reading, n, band.colours, title, with_notes=False)
        return figure, transition_rows(reading)
    flat = reduced[inside]
    if flat.shape[1] == 1:
        flat = np.c_[flat, np.zeros(len(flat))]
    shown = np.linspace(0, len(flat) - 1, min(MAX_POINTS, len(flat))).round().astype(int)
    states = band.states[inside]
    draw_map(ax, flat, states, band, shown)
    ax.set_title(title, loc="left")
    ax.set_xlabel("component 1")
    ax.set_ylabel("component 2" if reduced.shape[2] > 1 else "")
    source = {"component 1": flat[shown, 0], "component 2": flat[shown, 1], "state": states[shown]}
    return figure, pd.DataFrame(source)
