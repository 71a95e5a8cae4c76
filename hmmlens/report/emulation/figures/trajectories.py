"""Trajectories in the plane of the first two components: without noise, driven, and rolled out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import errors, from_zero, handle, ordered_colours
from hmmlens.report.emulation.figures.common import FIGURES, examples, name_of, only

#: Most networks that are shown side by side.
MOST = 6
#: Points of a switch from which rollouts go on, and what they are called.
POINTS = {"cluster": "middle of a dwell", "kick": "certain switch"}


def _shown(networks: pd.DataFrame, table: pd.DataFrame) -> list[tuple[pd.Series, pd.DataFrame]]:
    """Return the example of each target, at most :data:`MOST`, with its rows of a table."""
    found = examples(networks[networks["network"].isin(table["network"])]).head(MOST)
    pairs = []
    for _, who in found.iterrows():
        part = only(table, found[found["target"] == who["target"]])
        if len(part):
            pairs.append((who, part))
    return pairs


def _width(n_columns: int) -> float:
    """Return how wide a figure of square panels is, in inches."""
    return min(style.WIDTH, max(3.2, 2.4 * n_columns))


def label_signs(n_labels: int) -> list[Line2D]:
    """Return the entries of a legend for labels, which are counted from 1 in figures.

    Parameters
    ----------
    n_labels : int
        Number of labels.

    Returns
    -------
    list of Line2D
        Entries of a legend.
    """
    colours = style.colours(n_labels)
    return [handle(colours[i], label=f"label {i + 1}") for i in range(n_labels)]


def bare(ax: Axes) -> None:
    """Remove the ticks of components, whose units have no meaning; give both the same scale.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    """
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="datalim")


@FIGURES.figure(
    "trajectories",
    section="Dynamics as a whole",
    order=1,
    inputs=("networks", "pictures/silent", "pictures/driven"),
    caption="Trajectories of one network of each target in the plane of its first two "
    "principal components. Above: without noise, from states that the network visits (dots) to "
    "where they end (crosses); one fixed point attracts all states where all crosses coincide. "
    "Below: driven by noise, coloured by the label, the symbol that the network outputs with "
    "the highest probability.",
)
def trajectories(
    networks: pd.DataFrame, silent: pd.DataFrame, driven: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw trajectories without noise and with it, one column a target.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    silent : DataFrame
        Table ``pictures/silent`` of the study.
    driven : DataFrame
        Table ``pictures/driven`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = _shown(networks, driven)
    if not shown:
        return None
    width = _width(len(shown))
    figure, axes = plt.subplots(2, len(shown), figsize=(width, 1.9 + width / len(shown)),
                                squeeze=False)  # fmt: skip
    n_labels = int(driven["label"].max()) + 1
    colours = style.colours(n_labels)
    for (upper, lower), (who, part) in zip(axes.T, shown, strict=True):
        rest = silent[np.all([silent[name].eq(who[name]) for name in WHO], axis=0)]
        for _, own in rest.groupby("start"):
            own = own.sort_values("time")
            upper.plot(own["pc1"], own["pc2"], color="#56B4E9", lw=0.4, alpha=0.7, zorder=1)
            upper.scatter(own["pc1"].iloc[0], own["pc2"].iloc[0], s=3, lw=0, color="#0072B2")
            upper.scatter(own["pc1"].iloc[-1], own["pc2"].iloc[-1], s=16, marker="x", lw=1,
                          color="black", zorder=3)  # fmt: skip
        part = part.sort_values("time")
        lower.plot(part["pc1"], part["pc2"], color="#BBBBBB", lw=0.4, zorder=1)
        lower.scatter(part["pc1"], part["pc2"], s=4, lw=0, zorder=2,
                      c=[colours[int(label)] for label in part["label"]])  # fmt: skip
        upper.set_title(name_of(who))
        lower.set_xlabel("component 1")
        for ax in (upper, lower):
            bare(ax)
    axes[0, 0].set_ylabel("without noise\ncomponent 2")
    axes[1, 0].set_ylabel("driven by noise\ncomponent 2")
    figure.legend(handles=label_signs(n_labels), loc="outside lower center", ncols=n_labels,
                  frameon=False)  # fmt: skip
    parts = [silent.assign(kind="without noise"), driven.assign(kind="driven")]
    return figure, pd.concat(parts, ignore_index=True)


@FIGURES.figure(
    "contours",
    section="Dynamics as a whole",
    order=2,
    inputs=("networks", "pictures/contours", "reverse_sizes"),
    caption="Size of the orbits for noise of several standard deviations (SD). Above: regions "
    "that hold 95 % of the states, in the plane of the first two principal components at SD 1. "
    "Below: root mean square distance from the mean in that plane with 95 % intervals over "
    "runs, and the line through 0 and the value at SD 1, which ReLU networks without biases "
    "follow by construction.",
)
def contours(
    networks: pd.DataFrame, table: pd.DataFrame, sizes: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw contours and the size of orbits by the noise's standard deviation.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``pictures/contours`` of the study.
    sizes : DataFrame
        Table ``reverse_sizes`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = _shown(networks, table)
    if not shown:
        return None
    width = _width(len(shown))
    figure, axes = plt.subplots(2, len(shown), figsize=(width, 2.1 + width / len(shown)),
                                squeeze=False)  # fmt: skip
    scales = sorted(table["noise_sd"].unique())
    colours = dict(zip(scales, ordered_colours(len(scales)), strict=True))
    rows = []
    for column, (upper, lower), (who, part) in zip(range(len(shown)), axes.T, shown, strict=True):
        for scale, cells in part.groupby("noise_sd"):
            grid = cells.pivot(index="y", columns="x", values="density")
            x, y, density = grid.columns.to_numpy(), grid.index.to_numpy(), grid.to_numpy()
            level = float(cells["level"].iloc[0])
            if density.min() < level < density.max():
                upper.contour(x, y, density, levels=[level], colors=[colours[scale]],
                              linewidths=1.1)  # fmt: skip
        upper.set_title(name_of(who))
        upper.set_xlabel("component 1")
        bare(upper)
        own = sizes[np.all([sizes[name].eq(who[name]) for name in WHO], axis=0)]
        bars = errors(own["radius"], own["low"], own["high"])
        for i, scale in enumerate(own["noise_sd"]):
            lower.errorbar(scale, own["radius"].iloc[i], bars[:, [i]], fmt="o", ms=3.5, lw=0.8,
                           color=colours.get(scale, "black"))  # fmt: skip
        at_1 = own[own["noise_sd"] == 1]["radius"]
        if len(at_1):
            ends = np.array([0.0, own["noise_sd"].max()])
            lower.plot(ends, ends * at_1.iloc[0], color="black", lw=0.7, ls=":")
        lower.set_xlabel("SD of the noise")
        from_zero(lower)
        if column == 0:
            upper.set_ylabel("component 2")
            lower.set_ylabel("radius of orbits")
        rows.append(own)
    signs = [handle(colours[s], "", "-", f"SD {s:g}") for s in scales]
    figure.legend(handles=signs, loc="outside upper center", ncols=min(len(signs), int(width)),
                  frameon=False)  # fmt: skip
    return figure, pd.concat([*rows, table], ignore_index=True)


@FIGURES.figure(
    "rollouts",
    section="Local dynamics",
    order=4,
    inputs=("networks", "pictures/rollouts"),
    caption="Runs that continue with new noise from two points of one switch between labels, "
    "in the first two principal components of one network of each target: from the middle of "
    "the dwell before the switch (above) and from the point at which the switch is certain "
    "(below). Black: the original run.",
)
def rollouts(networks: pd.DataFrame, table: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw rollouts on fresh noise from both points of a switch, one column a target.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``pictures/rollouts`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    # Without any fresh noise every rollout is the run itself.
    itself = table["share"].eq(0) & table["rollout"].eq(0)
    rows = table[table["share"].eq(table["share"].max()) | itself]
    shown = _shown(networks, rows)
    if not shown:
        return None
    width = _width(len(shown))
    figure, axes = plt.subplots(2, len(shown), figsize=(width, 1.7 + width / len(shown)),
                                squeeze=False, sharex="col", sharey="col")  # fmt: skip
    for column, (who, part) in zip(axes.T, shown, strict=True):
        for ax, (point, label) in zip(column, POINTS.items(), strict=True):
            for (share, _), own in part[part["point"] == point].groupby(["share", "rollout"]):
                own = own.sort_values("step")
                itself = share == 0
                ax.plot(own["pc1"], own["pc2"], color="black" if itself else "#D55E00",
                        lw=1.4 if itself else 0.5, alpha=1.0 if itself else 0.6,
                        zorder=3 if itself else 2)  # fmt: skip
                if itself:
                    ax.plot(own["pc1"].iloc[0], own["pc2"].iloc[0], "o", color="black", ms=4)
            ax.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
            if ax is axes[0 if point == "cluster" else 1, 0]:
                ax.set_ylabel(f"{label}\ncomponent 2")
        column[0].set_title(name_of(who))
        column[1].set_xlabel("component 1")
    return figure, rows
