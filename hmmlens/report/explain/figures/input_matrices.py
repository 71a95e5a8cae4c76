"""The transition matrix of each input event, and the matrix that averages over inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from hmmlens import user_text
from hmmlens.interpretation.input_transitions import probabilities
from hmmlens.naming import state_names
from hmmlens.report import distinctive, style
from hmmlens.report.explain.figures.registries import LAYER
from hmmlens.report.explain.figures.states import NAME_WIDTH, single_events
from hmmlens.report.explain.transition_tables import driven, transition_rows

#: Matrices of events that are drawn, and matrices in a row.
MAX_EVENTS, PER_ROW = 7, 4


@LAYER.figure(
    "input_transitions",
    section="above the table of states",
    order=5,
    inputs=["reading"],
    caption="Transitions of the states of the explained model for each input event, most frequent "
    "first: probability of the next state (column) given the present one (row), counted on the "
    "most likely states; n: number of transitions; an empty row: the input never met that "
    "state. Average over inputs: the same without regard to the input.",
)
def input_transitions(reading: xr.Dataset) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the transition matrices of a model given the input.

    Parameters
    ----------
    reading : Dataset
        See :func:`hmmlens.interpretation.states.read_states`.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure, and the numbers of all events; None where there are no input events.
    """
    if not driven(reading):
        return None
    n = min(int(reading["n_states"]), distinctive.MAX_STATES)
    counts = np.nan_to_num(reading["event_counts"].to_numpy())[:, :n, :n]
    names = user_text.figure_names(
        [user_text.readable(str(name)) for name in reading.attrs["events"]], NAME_WIDTH
    )
    events = single_events(reading)
    shown = events[:MAX_EVENTS]
    drawn = [("average over inputs", counts.sum(axis=0))]
    drawn += [(names[k], counts[k]) for k in shown]
    height = max(1.5, min(2.2, 0.13 * n + 0.9))
    figure, axes = style.panels(len(drawn), PER_ROW, height)
    states = state_names(n)
    for ax, (name, table) in zip(axes, drawn, strict=True):
        label = f"{name}\nn = {int(table.sum())}"
        style.heatmap(ax, probabilities(table), states, states, label)
        if n > 12:
            ax.tick_params(labelsize=4)
    style.fit_numbers(figure, axes)
    # With combinations, which stand in the table.
    n_met = int((counts.sum(axis=(1, 2)) > 0).sum())
    more = distinctive.and_more(n_met, len(shown))
    style.footnote(figure, more, "input events" if more else "")
    return figure, transition_rows(reading)
