"""Hidden Markov models of the networks' states: which regions they are, and their transitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import errors, from_zero, handle, spread
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    NULL,
    REGION_COLOURS,
    TARGET_MARKERS,
    examples,
    in_order,
    name_of,
    only,
    target_colour,
    target_name,
)

#: Variables whose information in the states is shown, in this order.
VARIABLES = ("label", "region", "region within label")
#: Matrices that are compared with the target's.
CHAINS = ("fitted", "counted", "network's symbols", "target's symbols", "target's states")


def faithful(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are of each training's smallest faithful model.

    Parameters
    ----------
    table : DataFrame
        The table.
    counts : DataFrame
        Table ``states_counts``, which marks the models.

    Returns
    -------
    DataFrame
        Rows of ``table``.
    """
    picked = counts[counts["is_faithful"].astype(bool)][[*WHO, "n_states"]]
    return table.merge(picked, on=[*WHO, "n_states"], how="inner")


def of_true(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are of the models with the target's number of states.

    Parameters
    ----------
    table : DataFrame
        The table.
    counts : DataFrame
        Table ``states_counts``, which marks the models.

    Returns
    -------
    DataFrame
        Rows of ``table``.
    """
    picked = counts[counts["is_true"].astype(bool)][[*WHO, "n_states"]]
    return table.merge(picked, on=[*WHO, "n_states"], how="inner")


def draw_by_kind(
    ax: Axes, rows: pd.DataFrame, column: str, kinds: Sequence[str], value: str, low: str, high: str
) -> list[str]:
    """Draw one column of points for each kind, targets side by side.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    rows : DataFrame
        A point for each row, with its ``target``.
    column : str
        The column of the kinds.
    kinds : sequence of str
        The kinds, in the order shown.
    value, low, high : str
        Columns of the value and of its interval.

    Returns
    -------
    list of str
        The targets, in the order shown.
    """
    targets = in_order(rows["target"])
    for x, kind in enumerate(kinds):
        for k, target in enumerate(targets):
            own = rows[(rows[column] == kind) & (rows["target"] == target)]
            if own.empty:
                continue
            place = x + (k - (len(targets) - 1) / 2) * 0.8 / len(targets)
            ax.errorbar(
                place + spread(own[value], 0.28 / len(targets)), own[value],
                errors(own[value], own[low], own[high]), ms=3.2, lw=0.6,
                fmt=TARGET_MARKERS.get(target, "o"), color=target_colour(target),
            )  # fmt: skip
    return targets


def target_legend(ax: Axes, targets: Sequence[str], **place: Any) -> None:
    """Draw a legend of the targets.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    targets : sequence of str
        The targets, in the order shown.
    **place : object
        Arguments of the legend.
    """
    signs = [
        handle(target_colour(t), TARGET_MARKERS.get(t, "o"), label=target_name(t)) for t in targets
    ]
    ax.legend(handles=signs, frameon=False, **place)


@FIGURES.figure(
    "state_regions",
    section="Hidden Markov models of the hidden states",
    order=1,
    inputs=("networks", "states_counts", "states_states", "states_information"),
    caption="States of hidden Markov models that are fitted to the hidden states of the "
    "networks, compared with the regions of the dynamics. Left, for one network of each target: "
    "share of each state in each region (label and occupancy on the axis). Right: information "
    "of the states about the label, the region, and the region given the label, as a share of "
    "its entropy, at the smallest number of states whose forecast is as good as any. Points: "
    "networks; grey bars: 97.5 % quantile for circularly shifted states.",
)
def state_regions(
    networks: pd.DataFrame, counts: pd.DataFrame, states: pd.DataFrame, information: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the regions of each state, and the information of the states about regions.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    counts : DataFrame
        Table ``states_counts`` of the study.
    states : DataFrame
        Table ``states_states`` of the study.
    information : DataFrame
        Table ``states_information`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shares = faithful(information, counts)
    shares = shares[shares["of"].isin(VARIABLES)]
    shown = only(
        faithful(states, counts), examples(networks[networks["network"].isin(shares["network"])])
    )
    if shares.empty or shown.empty:
        return None
    every = list(shown.groupby(WHO, sort=False))
    # As many networks as fit a page.
    needed = np.cumsum([0.16 * len(part) + 0.28 for _, part in every])
    whos = every[: max(1, int((needed <= style.HEIGHT - 1).sum()))]
    n_rows = min(sum(len(part) for _, part in whos), 50)
    figure = plt.figure(figsize=(style.WIDTH, max(2.8, 0.75 + 0.16 * n_rows + 0.28 * len(whos))))
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.25), squeeze=False).ravel()
    heights = [len(part) for _, part in whos]
    axes = left.subplots(len(whos), 1, height_ratios=heights, squeeze=False)[:, 0]
    regions = [r for r in REGION_COLOURS if f"in_{r}" in shown]
    for ax, (_, part) in zip(axes, whos, strict=True):
        part = part.sort_values(["label", "region", "occupancy"])
        start = np.zeros(len(part))
        for region in regions:
            width = part[f"in_{region}"].fillna(0).to_numpy(dtype=float)
            ax.barh(range(len(part)), width, left=start, color=REGION_COLOURS[region], height=0.85)
            start = start + width
        ax.set_yticks(
            range(len(part)),
            [f"{label + 1}: {o:.0%}" for label, o in
             zip(part["label"].astype(int), part["occupancy"], strict=True)],
            fontsize=5.5,
        )  # fmt: skip
        ax.set_xlim(0, 1)
        ax.set_ylim(len(part) - 0.45, -0.55)
        ax.set_title(name_of(part.iloc[0]), fontsize=7, pad=2)
        ax.tick_params(labelbottom=ax is axes[-1])
    axes[-1].set_xlabel("share of the state's steps")
    left.legend(
        handles=[handle(REGION_COLOURS[r], "s", label=r) for r in regions], ncols=len(regions),
        loc="outside upper center", frameon=False, handletextpad=0.1, columnspacing=0.8,
    )  # fmt: skip
    ax = right.subplots()
    targets = draw_by_kind(ax, shares, "of", VARIABLES, "share", "low", "high")
    for x, kind in enumerate(VARIABLES):
        chance = shares[shares["of"] == kind]["null_high"].max()
        if np.isfinite(chance):
            ax.fill_between([x - 0.42, x + 0.42], 0, chance, color=NULL, alpha=0.45, lw=0)
    ax.set_xticks(range(len(VARIABLES)), ["label", "region", "region given\nthe label"])
    ax.set_ylabel("information of the states,\nshare of the entropy")
    ax.set_ylim(0, 1.02)
    target_legend(ax, targets, loc="lower center", bbox_to_anchor=(0.5, 1.01), ncols=3)
    if len(whos) < len(every):
        figure.suptitle(f"left: {distinctive.and_more(len(every), len(whos))} networks", fontsize=7)
    return figure, pd.concat([shown, shares], ignore_index=True)


@FIGURES.figure(
    "state_transitions",
    section="Hidden Markov models of the hidden states",
    order=2,
    inputs=("states_counts", "states_transitions"),
    caption="Total variation distance (mean over states) of transition matrices from the "
    "target's, at the target's number of states. Left of the line: of the hidden Markov model "
    "of hidden states, as fitted and as counted from its states. Right of the line, for "
    "reference: of the most probable states that an exact smoother infers from the symbols of "
    "the network or of the target, and of the target's own states over as many steps.",
)
def state_transitions(
    counts: pd.DataFrame, transitions: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw how far transition matrices are from the target's.

    Parameters
    ----------
    counts : DataFrame
        Table ``states_counts`` of the study.
    transitions : DataFrame
        Table ``states_transitions`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = of_true(transitions, counts)
    if rows.empty:
        return None
    figure, ax = plt.subplots(figsize=(style.WIDTH, 2.5))
    targets = draw_by_kind(ax, rows, "transitions", CHAINS, "distance", "low", "high")
    ax.axvline(1.5, color="black", lw=0.6, ls=":")
    ax.set_xticks(range(len(CHAINS)), CHAINS)
    ax.set_ylabel("distance from the\ntarget's transitions")
    from_zero(ax)
    target_legend(ax, targets, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure, rows
