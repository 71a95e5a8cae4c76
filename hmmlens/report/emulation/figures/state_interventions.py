"""Interventions on hidden states, compared with the predictions of their hidden Markov models."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.figures.axes import errors, from_zero, spread
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    NULL,
    TARGET_MARKERS,
    examples,
    in_order,
    only,
    target_colour,
    target_name,
)
from hmmlens.report.emulation.figures.states import draw_by_kind, faithful, target_legend

#: Displacements of a hidden state, in the order shown, and their names in figures.
MOVES = {
    "donor": "source",
    "steered": "steered",
    "wrong": "wrong",
    "inside": "inside",
    "random": "random",
}
MOVE_COLOURS = dict(
    zip(MOVES, ("#0072B2", "#D55E00", "#E69F00", "#009E73", "#999999"), strict=True)
)


@FIGURES.figure(
    "state_interventions",
    section="Hidden Markov models of the hidden states",
    order=3,
    inputs=("networks", "states_counts", "states_interchange", "states_steering"),
    optional=("states_silencing",),
    caption="Interventions on hidden states that the hidden Markov model (HMM) was not fitted "
    "to, compared with its predictions. Above, left, interchange interventions: divergence of "
    "the outputs after exchanging the hidden state for another one of the same HMM state, as a "
    "share of the divergence for one of another HMM state (0: the output depends on the HMM "
    "state alone; grey: circularly shifted states). Above, right, displacements: slope of the "
    "observed change of the output on the predicted change over 10 steps (1: as predicted, 0: "
    "no effect); hidden states of another HMM state (source), displaced by the difference of "
    "means (steered), and displacements of the same length towards a third state (wrong), along "
    "differences within a state (inside) and in a random direction (random). Below, left: the "
    "same by number of steps after the displacement, in the first network. Below, right: "
    "predicted and observed reduction of the hazard of leaving a label when units are ablated "
    "(filled: kick units, open: random sets).",
)
def state_interventions(
    networks: pd.DataFrame,
    counts: pd.DataFrame,
    interchange: pd.DataFrame,
    steering: pd.DataFrame,
    silencing: pd.DataFrame,
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw interchange interventions, displacements and ablations compared with predictions.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    counts : DataFrame
        Table ``states_counts`` of the study.
    interchange : DataFrame
        Table ``states_interchange`` of the study.
    steering : DataFrame
        Table ``states_steering`` of the study.
    silencing : DataFrame
        Table ``states_silencing`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    steered = faithful(steering, counts)
    exchanged = faithful(interchange, counts)
    exchanged = exchanged[exchanged["statistic"] == "ratio"]
    if steered.empty or exchanged.empty:
        return None
    figure, axes = plt.subplots(2, 2, figsize=(style.WIDTH, 4.6), width_ratios=(1, 1.5))
    _interchange(axes[0, 0], exchanged)
    moves = [move for move in MOVES if (steered["move"] == move).any()]
    whole = steered[steered["h"] == 0]
    targets = draw_by_kind(axes[0, 1], whole, "move", moves, "slope", "slope_low", "slope_high")
    for level in (0, 1):
        axes[0, 1].axhline(level, color="black", lw=0.6, ls=":")
    axes[0, 1].set_xticks(range(len(moves)), [MOVES[move] for move in moves])
    axes[0, 1].set_ylabel("observed change\nper predicted change")
    target_legend(axes[0, 1], targets, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    first = only(steered, examples(networks[networks["network"].isin(steered["network"])]).head(1))
    for move in moves:
        own = first[(first["move"] == move) & (first["h"] > 0)].sort_values("h")
        axes[1, 0].plot(
            own["h"], own["slope"], "o-", ms=2.5, color=MOVE_COLOURS[move], label=MOVES[move]
        )
        axes[1, 0].fill_between(
            own["h"], own["slope_low"], own["slope_high"], color=MOVE_COLOURS[move], alpha=0.2, lw=0
        )
    axes[1, 0].set_xlabel("steps after the displacement")
    axes[1, 0].set_ylabel("observed change\nper predicted change")
    axes[1, 0].axhline(1, color="black", lw=0.6, ls=":")
    axes[1, 0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    shown = [exchanged, whole]
    if len(silencing):
        shown.append(_ablation(axes[1, 1], faithful(silencing, counts)))
    else:
        axes[1, 1].set_axis_off()
    return figure, pd.concat(shown, ignore_index=True)


def _interchange(ax: Axes, rows: pd.DataFrame) -> None:
    targets = in_order(rows["target"])
    for x, target in enumerate(targets):
        own = rows[rows["target"] == target]
        at = x + spread(own["value"])
        ax.errorbar(at, own["value"], errors(own["value"], own["low"], own["high"]),
                    fmt=TARGET_MARKERS.get(target, "o"), ms=3.2, lw=0.6,
                    color=target_colour(target))  # fmt: skip
        ax.hlines(own["null"].mean(), x - 0.4, x + 0.4, color=NULL, lw=2)
    ax.set_xticks(range(len(targets)), [target_name(t) for t in targets], rotation=35, ha="right")
    ax.set_ylabel("divergence within a state\nover that between states")
    from_zero(ax)


def _ablation(ax: Axes, rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[np.isfinite(rows["foretold"]) & np.isfinite(rows["reduction"])]
    kick = rows["units"] == "kick"
    for target in in_order(rows["target"]):
        own, colour = rows["target"] == target, target_colour(target)
        random, given = rows[own & ~kick], rows[own & kick]
        marker = TARGET_MARKERS.get(target, "o")
        ax.scatter(random["foretold"], random["reduction"], s=9, marker=marker,
                   facecolors="none", edgecolors=colour, lw=0.5, alpha=0.6)  # fmt: skip
        ax.scatter(given["foretold"], given["reduction"], s=22, marker=marker, color=colour,
                   edgecolors="black", lw=0.4, zorder=3)  # fmt: skip
    low = min(-0.5, float(np.nanquantile(rows[["foretold", "reduction"]], 0.01)))
    ax.plot([low, 1], [low, 1], color="black", lw=0.6, ls=":")
    ax.set_xlim(low, 1.03)
    ax.set_ylim(low, 1.03)
    ax.set_xlabel("predicted reduction of the hazard")
    ax.set_ylabel("observed reduction")
    return rows
