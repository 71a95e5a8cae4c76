"""Orbits within pairs of labels, for targets that have several."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import errors, spread
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    REGION_COLOURS,
    examples,
    in_order,
    name_of,
    only,
    target_colour,
    target_name,
)
from hmmlens.report.emulation.figures.trajectories import label_signs
from hmmlens.report.emulation.paper_networks import compared, otherwise_trained

#: Most rows of targets, and pairs of one target, that are drawn.
MOST_ROWS, MOST_PAIRS = 4, 6


@FIGURES.figure(
    "pair_orbits",
    section="Fully connected and cyclic targets",
    order=1,
    inputs=("networks", "pictures/longest", "reverse_pairs"),
    caption="Longest stretch in which one network of each target outputs only two labels, for "
    "every pair of labels, in the first and third principal component of the states of that "
    "pair (numbers: explained variance), coloured by label. Pairs without a stretch of 200 "
    "steps are left out.",
)
def pair_orbits(
    networks: pd.DataFrame, longest: pd.DataFrame, pairs: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the longest stretch of each pair of labels, one row a target.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    longest : DataFrame
        Table ``pictures/longest`` of the study.
    pairs : DataFrame
        Table ``reverse_pairs`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    known = networks[networks["network"].isin(longest["network"])]
    shown = examples(known[known["target"].isin(_several(pairs))])
    rows = only(longest, shown)
    if rows.empty:
        return None
    every = list(rows.groupby(WHO, sort=False))
    whos = every[:MOST_ROWS]
    most = max(part.groupby(["first", "second"]).ngroups for _, part in whos)
    most = min(most, MOST_PAIRS)
    figure, axes = plt.subplots(
        len(whos), most, figsize=(min(style.WIDTH, 2.3 * most), 2.1 * len(whos)), squeeze=False
    )
    for line, (who, part) in zip(axes, whos, strict=True):
        found = pairs.set_index([*WHO, "first", "second"])
        for ax, ((one, two), own) in zip(line, part.groupby(["first", "second"]), strict=False):
            _orbit(ax, own)
            parts = [found[name].get((*who, one, two), np.nan) for name in ("pc1", "pc3")]
            ax.set_title(f"{name_of(part.iloc[0])}, labels {one + 1} and {two + 1}", fontsize=7.5)
            ax.set_xlabel(f"component 1 ({parts[0]:.0%})")
            ax.set_ylabel(f"component 3 ({parts[1]:.0%})")
        for spare in line[part.groupby(["first", "second"]).ngroups :]:
            spare.set_axis_off()
    signs = label_signs(int(rows["label"].max()) + 1)
    figure.legend(handles=signs, loc="outside upper center", ncols=len(signs), frameon=False)
    n_pairs = sum(part.groupby(["first", "second"]).ngroups for _, part in every)
    n_drawn = sum(min(part.groupby(["first", "second"]).ngroups, MOST_PAIRS) for _, part in whos)
    style.footnote(figure, distinctive.and_more(n_pairs, n_drawn), "pairs")
    return figure, rows


def _several(pairs: pd.DataFrame) -> list[str]:
    """Return the targets with more than one pair of labels."""
    last = pairs.groupby("target")["second"].max()
    return list(last.index[last > 1])


def _orbit(ax: Axes, steps: pd.DataFrame) -> None:
    """Draw a trajectory, its steps coloured by label."""
    ax.plot(steps["pc1"], steps["pc3"], color="#BBBBBB", lw=0.5, zorder=1)
    colours = style.colours(int(steps["label"].max()) + 1)
    ax.scatter(steps["pc1"], steps["pc3"], s=3, lw=0, zorder=2,
               c=[colours[int(label)] for label in steps["label"]])  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])


@FIGURES.figure(
    "pairs",
    section="Fully connected and cyclic targets",
    order=2,
    inputs=("networks", "reverse_pairs"),
    caption="Every pair of labels, for targets with several pairs and trainings of the paper's "
    "architecture and size, by whatever objective (table of networks). Left: "
    "consistency of rotation in the first two principal components "
    "of the pair (1: all states rotate in one direction, 0: no preferred direction; 95 % "
    "intervals over stretches). Right: share of the steps of the pair in each region of the "
    "dynamics, means over trainings.",
)
def pairs(networks: pd.DataFrame, table: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw rotation and regions of every pair.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``reverse_pairs`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    kind = [compared(networks, ""), otherwise_trained(networks, "")]
    rows = only(table, pd.concat(kind))
    rows = rows[(rows["n_stretches"] > 0) & rows["target"].isin(_several(table))]
    if rows.empty:
        return None
    keys = [
        (target, one, two)
        for target in in_order(rows["target"])
        for one, two in sorted(
            rows[rows["target"] == target][["first", "second"]].value_counts().index.tolist()
        )
    ]
    figure, axes = plt.subplots(1, 2, figsize=(style.WIDTH, 2.7), sharex=True)
    regions = [r for r in REGION_COLOURS if r in rows]
    for x, (target, one, two) in enumerate(keys):
        own = rows[rows["target"].eq(target) & rows["first"].eq(one) & rows["second"].eq(two)]
        axes[0].errorbar(
            x + spread(own["rotation"]), own["rotation"],
            errors(own["rotation"], own["rotation_low"], own["rotation_high"]), fmt="o", ms=3,
            lw=0.7, color=target_colour(target),
        )  # fmt: skip
        bottom = 0.0
        for region in regions:
            height = float(own[region].mean())
            if np.isfinite(height):
                axes[1].bar(x, height, bottom=bottom, color=REGION_COLOURS[region], width=0.75,
                            label=region if x == 0 else None)  # fmt: skip
                bottom += height
    axes[0].axhline(0, color="black", lw=0.6)
    axes[0].set_ylabel("consistency of rotation")
    axes[1].set_ylabel("share of the pair's steps")
    names = [f"{target_name(t)}\n{one + 1} and {two + 1}" for t, one, two in keys]
    for ax in axes:
        ax.set_xticks(range(len(keys)), names, rotation=50, ha="right", fontsize=6.5)
    axes[1].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
    return figure, rows
