"""Change of the dynamics during training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import handle
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    PAPER,
    TARGET_MARKERS,
    Published,
    examples,
    in_order,
    name_of,
    only,
    published,
    target_colour,
    target_name,
)

#: Most networks that are shown side by side.
MOST = 6
LOSS, CHANGE = "#000000", "#009E73"


class Row(NamedTuple):
    """One row of panels: measures with their colours, the paper's numbers, and a label."""

    measures: tuple[tuple[str, str, str], ...]
    label: str
    band: bool


ROWS = (
    Row((("paper_rate", "#0072B2", "transition rate when converged"),), "transition\nrate", False),
    Row(
        (
            ("critical", "#CC79A7", "steps with a critical pair, when converged"),
            ("unstable", "#E69F00", "steps with an unstable direction, when converged"),
        ),
        "share of steps",
        True,
    ),
    Row((("rotation", "#D55E00", ""), ("rotation_best", "#56B4E9", "")), "rotation\nconsistency",
        False),
    Row((("second_order", "#009E73", ""),), "second-order\neffect", False),
)  # fmt: skip
NAMES = {
    "paper_rate": "transition rate (all symbols)",
    "critical": "critical pair",
    "unstable": "unstable direction",
    "rotation": "rotation, first two components",
    "rotation_best": "rotation, best plane of five",
    "second_order": "second-order effect of noise",
}


@FIGURES.figure(
    "evolution",
    section="Dynamics during training",
    order=2,
    inputs=("networks", "reverse_evolution", "trained_history"),
    optional=("trained_plateau", "reverse_onset", "paper"),
    caption="Changes during the training of one network of each target, all checkpoints on "
    "the same noise. From above: loss; the paper's transition rate (mean of the inverse number "
    "of steps between changes of the most probable symbol); shares of steps with a critical "
    "pair of eigenvalues and with an unstable direction (bands: 95 % intervals over runs); "
    "consistency of rotation (1: all states rotate in one direction); expected second-order "
    "effect of noise. Dotted: escape from the plateau; dashed: update from which on the share "
    "of critical pairs stays high, where there is one. Bars at the right: the paper's numbers "
    "at the end of training. Gaps: states were not finite.",
)
def evolution(
    networks: pd.DataFrame,
    table: pd.DataFrame,
    history: pd.DataFrame,
    plateau: pd.DataFrame,
    onset: pd.DataFrame,
    paper: pd.DataFrame,
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw measures along the training, one column a target.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``reverse_evolution`` of the study.
    history : DataFrame
        Table ``trained_history`` of the study.
    plateau : DataFrame
        Table ``trained_plateau`` of the study; without rows where there is none.
    onset : DataFrame
        Table ``reverse_onset`` of the study; without rows where there is none.
    paper : DataFrame
        Table ``paper`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = examples(networks[networks["network"].isin(table["network"])]).head(MOST)
    rows = only(table, shown)
    if rows.empty:
        return None
    figure, axes = plt.subplots(
        len(ROWS) + 1, len(shown), figsize=(style.WIDTH, 1.15 * len(ROWS) + 2.0), squeeze=False,
        sharex="col", sharey="row",
    )  # fmt: skip
    for column, (_, who) in zip(axes.T, shown.iterrows(), strict=True):
        one = shown[shown["network"].eq(who["network"]) & shown["seed"].eq(who["seed"])]
        part = only(table, one).sort_values("update")
        loss = only(history, one)
        column[0].plot(loss["update"], loss["loss"], color=LOSS, lw=0.7)
        column[0].set_title(name_of(who))
        for ax, row in zip(column[1:], ROWS, strict=True):
            _measures(ax, part, row)
            for _, colour, what in row.measures:
                if what:
                    _right(ax, published(paper, what, str(who["target"])), colour)
        _lines(column, plateau, onset, one)
        column[-1].set_xlabel("update")
    axes[0, 0].set_ylabel("loss")
    axes[0, 0].set_ylim(bottom=min(0.0, history["loss"].min()), top=_top(only(history, shown)))
    for ax, row in zip(axes[1:, 0], ROWS, strict=True):
        ax.set_ylabel(row.label)
    signs = [
        handle(colour, "", "-", NAMES[measure])
        for row in ROWS
        for measure, colour, _ in row.measures
    ]
    signs += [handle(LOSS, "", ":", "escape"), handle(CHANGE, "", "--", "rise of critical pairs"),
              handle(PAPER, "_", label="paper")]  # fmt: skip
    figure.legend(handles=signs, loc="outside upper center", ncols=3, frameon=False)
    return figure, rows


def _top(loss: pd.DataFrame) -> float:
    """Return where the axis of the loss ends; a burst at the start is cut off."""
    return 1.1 * float(loss["loss"].quantile(0.99))


def _measures(ax: Axes, part: pd.DataFrame, row: Row) -> None:
    for measure, colour, _ in row.measures:
        ax.plot(part["update"], part[measure], color=colour, lw=1.1)
        if row.band:
            ax.fill_between(part["update"], part[f"{measure}_low"], part[f"{measure}_high"],
                            color=colour, alpha=0.25, lw=0)  # fmt: skip
    if any(part[measure].min() < 0 for measure, *_ in row.measures):
        ax.axhline(0, color="black", lw=0.5)


def _right(ax: Axes, found: Published | None, colour: str) -> None:
    """Mark the paper's range at the right edge of the panel."""
    if found is not None:
        ax.plot([1.02, 1.02], found[:2], transform=ax.get_yaxis_transform(), color=colour, lw=3,
                clip_on=False, solid_capstyle="butt")  # fmt: skip
        ax.plot([1.02], [np.mean(found[:2])], transform=ax.get_yaxis_transform(), marker="_", ms=5,
                color=PAPER, clip_on=False)  # fmt: skip


def _lines(
    axes: Sequence[Axes], plateau: pd.DataFrame, onset: pd.DataFrame, one: pd.DataFrame
) -> None:
    """Mark escape and change in all panels of a network."""
    marks = []
    if len(plateau):
        marks += [(x, LOSS, ":") for x in only(plateau, one)["escape"]]
    if len(onset):
        rise = only(onset, one)
        marks += [(x, CHANGE, "--") for x in rise[rise["measure"] == "critical"]["update"]]
    for x, colour, line in marks:
        if np.isfinite(x):
            for ax in axes:
                ax.axvline(x, color=colour, ls=line, lw=0.9)


@FIGURES.figure(
    "evolution_all",
    section="Dynamics during training",
    order=4,
    inputs=("networks", "trained_plateau", "reverse_onset"),
    caption="Time of the change of dynamics compared with the escape from the plateau, for "
    "every training: update from which on the share of steps with a critical pair of "
    "eigenvalues, or with an unstable direction, stays above its earlier level. On the line "
    "both coincide.",
)
def evolution_all(
    networks: pd.DataFrame, plateau: pd.DataFrame, onset: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw when dynamics change against the escape, over all trainings.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    plateau : DataFrame
        Table ``trained_plateau`` of the study.
    onset : DataFrame
        Table ``reverse_onset`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = networks[WHO].merge(plateau[[*WHO, "escape"]], on=WHO).merge(onset, on=WHO)
    rows = rows[np.isfinite(rows["escape"])]
    measures = [m for m in ("critical", "unstable") if (rows["measure"] == m).any()]
    if not measures:
        return None
    figure, axes = plt.subplots(1, len(measures), figsize=(style.WIDTH * 0.85, 2.9), squeeze=False)
    most = 1.05 * float(np.nanmax(rows[["escape", "update"]]))
    for ax, measure in zip(axes[0], measures, strict=True):
        part = rows[rows["measure"] == measure]
        for target in in_order(part["target"]):
            own = part[part["target"] == target]
            look = {"color": target_colour(target), "marker": TARGET_MARKERS.get(target, "o")}
            ax.scatter(own["escape"], own["update"], s=16, label=target_name(target), **look)
            never = own[own["update"].isna()]
            ax.scatter(never["escape"], np.full(len(never), -0.06 * most), s=16, facecolors="none",
                       edgecolors=look["color"], marker=look["marker"])  # fmt: skip
        ax.plot([0, most], [0, most], color="black", lw=0.6, ls=":")
        ax.text(-0.03, -0.06 * most, "never", ha="right", va="center", fontsize=6.5,
                transform=ax.get_yaxis_transform())  # fmt: skip
        ax.set_ylim(-0.12 * most, most)
        ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= most])
        ax.set_xlabel("escape from the plateau (update)")
        ax.set_ylabel(f"rise of {NAMES[measure]}s (update)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center",
                  frameon=False)  # fmt: skip
    return figure, rows
