"""Kick units in the plane of the first two components: their levels, and states without them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import handle
from hmmlens.report.emulation.figures.common import FIGURES, examples, name_of, only
from hmmlens.report.emulation.figures.trajectories import bare

#: Most networks that are shown side by side.
MOST = 6
#: Factor on the drive -> colour, in the order in which paths are drawn.
FACTOR_COLOURS = {1.0: "#000000", 1.9: "#D55E00", 0.0: "#0072B2"}
#: Levels beyond this quantile of their size have the last colour.
BRIGHTEST = 0.98


@FIGURES.figure(
    "kick_planes",
    section="Kick units",
    order=2,
    inputs=("networks", "kicks_kicks", "kicks_plane"),
    optional=("kicks_paths",),
    caption="Kick units (units whose activity makes the network leave a label) of one exit of "
    "one network of each target, in the plane of its first two principal components. Above: "
    "runs, coloured by the mean pre-activation of the group of units, or by their output in "
    "cells with gates; red is above 0, or high. Below: three paths of 60 steps that start "
    "within the label (dots), with the drive of the group multiplied by a factor and the same "
    "noise for all factors; with factor 0 the paths stay if the group is what ends the label. The "
    "title notes where the group does not meet the criterion for kick units.",
)
def kick_planes(
    networks: pd.DataFrame, kicks: pd.DataFrame, plane: pd.DataFrame, paths: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw levels and paths of each target's example, one column a network.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    kicks : DataFrame
        Table ``kicks_kicks`` of the study.
    plane : DataFrame
        Table ``kicks_plane`` of the study.
    paths : DataFrame
        Table ``kicks_paths`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    some = networks.merge(plane[WHO].drop_duplicates(), on=WHO)
    shown = examples(some).head(MOST)
    if shown.empty:
        return None
    width = min(style.WIDTH, max(3.2, 2.4 * len(shown)))
    figure, axes = plt.subplots(2, len(shown), figsize=(width, 1.9 + width / len(shown)),
                                squeeze=False)  # fmt: skip
    kept = []
    for (upper, lower), (_, who) in zip(axes.T, shown.iterrows(), strict=True):
        one = shown[shown["target"] == who["target"]]
        own = only(plane, one)
        own = own[own["exit"] == own["exit"].min()]
        _levels(upper, own)
        upper.set_title(f"{name_of(who)}{_doubt(only(kicks, one), int(own['exit'].iloc[0]))}")
        lower.scatter(own["pc1"], own["pc2"], s=1, lw=0, color="#CCCCCC", zorder=1)
        kept.append(own.assign(kind="level"))
        if len(paths):
            lines = only(paths, one)
            lines = lines[lines["exit"] == own["exit"].iloc[0]]
            _paths(lower, lines)
            kept.append(lines.assign(kind="path"))
        lower.set_xlabel("component 1")
        for ax in (upper, lower):
            bare(ax)
        # Paths may run away; what is compared is near the runs.
        lower.set_xlim(*_around(own["pc1"]))
        lower.set_ylim(*_around(own["pc2"]))
    axes[0, 0].set_ylabel("pre-activation of kick units\ncomponent 2")
    axes[1, 0].set_ylabel("drive multiplied\ncomponent 2")
    signs = [handle(c, "", "-", f"factor {f:g}") for f, c in FACTOR_COLOURS.items()]
    figure.legend(handles=signs, loc="outside lower center", ncols=3, frameon=False)
    return figure, pd.concat(kept, ignore_index=True)


def _doubt(kicks: pd.DataFrame, exit_: int) -> str:
    row = kicks[kicks["exit"].eq(exit_) & kicks["kind"].eq("group")]
    return "" if len(row) and bool(row["kicks"].iloc[0]) else "\n(no kick units)"


def _levels(ax: Axes, rows: pd.DataFrame) -> None:
    # The highest last, as they are few.
    rows = rows.sort_values("level")
    most = float(rows["level"].abs().quantile(BRIGHTEST)) or 1.0
    ax.scatter(rows["pc1"], rows["pc2"], c=rows["level"], s=3, lw=0, cmap="RdBu_r",
               vmin=-most, vmax=most)  # fmt: skip


def _paths(ax: Axes, rows: pd.DataFrame) -> None:
    for factor, colour in FACTOR_COLOURS.items():
        for _, own in rows[rows["factor"] == factor].groupby("path"):
            own = own.sort_values("time")
            ax.plot(own["pc1"], own["pc2"], color=colour, lw=0.6, alpha=0.8, zorder=2)
            ax.plot(own["pc1"].iloc[0], own["pc2"].iloc[0], "o", color="black", ms=2, zorder=3)


def _around(values: pd.Series) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    room = 0.25 * (high - low)
    return low - room, high + room
