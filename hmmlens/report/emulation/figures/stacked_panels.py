"""Trajectories of checkpoints side by side, and the second-order effect of noise by unit."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import panels
from hmmlens.report.emulation.figures.common import FIGURES, examples, name_of, only
from hmmlens.report.emulation.figures.trajectories import bare, label_signs
from hmmlens.typing import Floats

#: Most networks, and most checkpoints of one.
MOST, MOST_CHECKPOINTS = 6, 6
#: Percent of the terms above which colours change no more.
TOP = 99


@FIGURES.figure(
    "stack",
    section="Dynamics during training",
    order=1,
    inputs=("networks", "pictures/stack"),
    optional=("reverse_onset",),
    caption="Trajectories of one network of each target at checkpoints during training, on "
    "the same noise, each in the plane of its own first two principal components, coloured by "
    "label. Numbers: updates. Framed: first checkpoint shown after which the share of critical "
    "pairs of eigenvalues stays high.",
)
def stack(
    networks: pd.DataFrame, table: pd.DataFrame, onset: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw trajectories, a row a target and a column a checkpoint.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``pictures/stack`` of the study.
    onset : DataFrame
        Table ``reverse_onset`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = examples(networks[networks["network"].isin(table["network"])]).head(MOST)
    rows = only(table, shown)
    if rows.empty:
        return None
    whos = list(rows.groupby(WHO, sort=False))
    figure, axes = plt.subplots(
        len(whos), MOST_CHECKPOINTS, figsize=(style.WIDTH, 1.22 * len(whos) + 0.4), squeeze=False
    )
    colours = style.colours(int(rows["label"].max()) + 1)
    for line, (_, part) in zip(axes, whos, strict=True):
        turn = np.nan
        if len(onset):
            rise = only(onset, part[WHO].drop_duplicates())
            turn = rise[rise["measure"] == "critical"]["update"].min()
        updates = sorted(part["update"].unique())[:MOST_CHECKPOINTS]
        framed = next((u for u in updates if u >= turn), None)
        for ax, update in zip(line, updates, strict=False):
            own = part[part["update"] == update].sort_values("time")
            ax.plot(own["pc1"], own["pc2"], color="#BBBBBB", lw=0.3, zorder=1)
            ax.scatter(own["pc1"], own["pc2"], s=2, lw=0, zorder=2, rasterized=True,
                       c=[colours[int(label)] for label in own["label"]])  # fmt: skip
            ax.set_title(f"{int(update)}", fontsize=7, pad=2)
            if update == framed:
                for spine in ax.spines.values():
                    spine.set(visible=True, linewidth=1.6, color="#882255")
        for ax in line:
            bare(ax)
        for ax in line[len(updates) :]:
            ax.set_axis_off()
        line[0].set_ylabel(f"{name_of(part.iloc[0])}\ncomponent 2", fontsize=7)
    for ax in axes[-1]:
        ax.set_xlabel("component 1")
    signs = label_signs(len(colours))
    figure.legend(handles=signs, loc="outside upper center", ncols=len(signs), frameon=False)
    return figure, rows


@FIGURES.figure(
    "second_order",
    section="Dynamics during training",
    order=3,
    inputs=("networks", "reverse_second_order"),
    optional=("trained_plateau", "reverse_onset"),
    caption="Expected second-order effect of noise on every unit during the training of one "
    "network of each target; units are sorted by the mean over the last checkpoints. Dotted: "
    "escape from the plateau; dashed: update from which on the share of critical pairs of "
    "eigenvalues stays high. One colour scale per network, cut off at its 99th percentile.",
)
def second_order(
    networks: pd.DataFrame, terms: pd.DataFrame, plateau: pd.DataFrame, onset: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the second-order effect of noise by unit and update, one panel a target.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    terms : DataFrame
        Table ``reverse_second_order`` of the study.
    plateau : DataFrame
        Table ``trained_plateau`` of the study; without rows where there is none.
    onset : DataFrame
        Table ``reverse_onset`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = examples(networks[networks["network"].isin(terms["network"])]).head(MOST)
    rows = only(terms, shown)
    if rows.empty:
        return None
    whos = list(rows.groupby(WHO, sort=False))
    figure, axes = panels(len(whos), 3, 2.1)
    for ax, (_, part) in zip(axes, whos, strict=True):
        grid = part.pivot(index="unit", columns="update", values="term")
        order = grid.iloc[:, -6:].mean(axis=1).sort_values(ascending=False).index
        values = grid.loc[order].to_numpy()
        top = float(np.nanpercentile(values, TOP))
        # Checkpoints are evenly spaced but for those whose states were not finite.
        edges = _edges(grid.columns.to_numpy(dtype=float))
        image = ax.pcolormesh(edges, np.arange(len(values) + 1), values, cmap="cividis", vmin=0,
                              vmax=top or 1.0, rasterized=True)  # fmt: skip
        bar = figure.colorbar(image, ax=ax, pad=0.02, fraction=0.06)
        bar.outline.set_visible(False)
        one = part[WHO].drop_duplicates()
        if len(plateau):
            for x in only(plateau, one)["escape"].dropna():
                ax.axvline(x, color="white", lw=1.2, ls=":")
        if len(onset):
            rise = only(onset, one)
            for x in rise[rise["measure"] == "critical"]["update"].dropna():
                ax.axvline(x, color="white", lw=1.2, ls="--")
        ax.set_ylim(len(values), 0)
        ax.set_title(name_of(part.iloc[0]))
        ax.set_xlabel("update")
    for ax in axes[::3]:
        ax.set_ylabel("units, sorted")
    return figure, rows


def _edges(centres: Floats) -> Floats:
    """Return the edges of cells around centres."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
