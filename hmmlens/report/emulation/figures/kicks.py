"""Kick units in the dynamics: when they are on, and how they are connected."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import handle, panels, spread
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    MOST_PANELS,
    examples,
    in_order,
    name_of,
    only,
    target_colour,
    target_name,
)

#: From the middle of a dwell to its end.
ORDER = ("cluster", "kick", "transition")
SET_COLOURS = ("#D55E00", "#0072B2", "#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#000000")
SET_LINES = ("-", "-", "--", "--", "-.", "-.", ":")
NULL_COLOURS = {
    "inputs": "#56B4E9",
    "outputs": "#009E73",
    "matched": "#999999",
    "selective": "#E69F00",
}


@FIGURES.figure(
    "kick_levels",
    section="Kick units",
    order=1,
    inputs=("networks", "kicks_levels"),
    caption="Mean pre-activation of kick units by region of the dynamics (in cells with "
    "gates: their output). Thin lines: exits of each network; thick lines: means. Left in each "
    "panel: during the label that the units end; dashed: during other labels, in whose clusters "
    "the units may be active.",
)
def kick_levels(networks: pd.DataFrame, levels: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the pre-activation of kick units by region, one panel per network.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    levels : DataFrame
        Table ``kicks_levels`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = levels[levels["region"].isin(ORDER) & levels["level"].notna()]
    if rows.empty:
        return None
    every = [n for n in dict.fromkeys(networks["network"]) if n in set(rows["network"])]
    names = every[:MOST_PANELS]
    figure, axes = panels(len(names), 4, 1.75, widest=3.4)
    style.footnote(figure, distinctive.and_more(len(every), len(names)), "networks")
    places = {region: x for x, region in enumerate(ORDER)}
    for ax, name in zip(axes, names, strict=True):
        part = rows[rows["network"] == name]
        for own, colour, line in ((True, "#D55E00", "-"), (False, "#0072B2", "--")):
            some = part[part["exit"].eq(part["label"]) == own]
            table = some.pivot_table(index=["seed", "exit"], columns="region", values="level")
            table = table.reindex(columns=ORDER)
            for _, values in table.iterrows():
                ax.plot(list(places.values()), values, color=colour, ls=line, lw=0.5, alpha=0.6)
            ax.plot(
                list(places.values()), table.mean(), color=colour, ls=line, lw=2, marker="o", ms=3
            )
        ax.axhline(0, color="black", lw=0.6)
        ax.set_xticks(list(places.values()), list(places), fontsize=6.5)
        ax.set_xlim(-0.3, 2.3)
        ax.set_title(name if name not in set(part["target"]) else target_name(name))
    for ax in axes[::4]:
        ax.set_ylabel("mean pre-activation\nof kick units")
    signs = [
        handle("#D55E00", "o", "-", "during the label that they end"),
        handle("#0072B2", "o", "--", "during other labels"),
    ]
    figure.legend(handles=signs, loc="outside upper center", ncols=2, frameon=False)
    return figure, rows


@FIGURES.figure(
    "kick_activity",
    section="Kick units",
    order=3,
    inputs=("networks", "kicks_activity"),
    caption="Mean activity of kick units, and of the units that integrate noise for them, "
    "around the switches of one network, with 95 % intervals over switches. One panel per exit; "
    "step 0 is the first with the new label.",
)
def kick_activity(
    networks: pd.DataFrame, activity: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the activity of kick units and integrators around switches, in the first network.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    activity : DataFrame
        Table ``kicks_activity`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = examples(networks[networks["network"].isin(activity["network"])]).head(1)
    rows = only(activity, shown)
    if rows.empty:
        return None
    exits = sorted(rows["exit"].unique())
    figure, axes = panels(len(exits), 3, 2.3)
    names = sorted(rows["set"].unique(), key=lambda n: (n.startswith("integrators"), n))
    for ax, exit_ in zip(axes, exits, strict=True):
        part = rows[rows["exit"] == exit_]
        for name, colour, line in zip(names, SET_COLOURS, SET_LINES, strict=False):
            own = part[part["set"] == name].sort_values("lag")
            ax.plot(own["lag"], own["activity"], color=colour, ls=line, label=_set_name(name))
            ax.fill_between(own["lag"], own["low"], own["high"], color=colour, alpha=0.2, lw=0)
        ax.axvline(0, color="black", lw=0.6, ls=":")
        ax.set_title(f"leaving label {int(exit_) + 1}")
        ax.set_xlabel("steps after the switch")
    axes[0].set_ylabel(f"mean activity\n{name_of(shown.iloc[0])}")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", frameon=False,
        ncols=min(len(names), 3),
    )  # fmt: skip
    return figure, rows


def _set_name(name: str) -> str:
    """Return how a set of units is called; labels are counted from 1 in figures."""
    words = [str(int(word) + 1) if word.isdigit() else word for word in name.split()]
    return " ".join(["kick units of" if word == "kick" else word for word in words])


@FIGURES.figure(
    "kick_weights",
    section="Kick units",
    order=4,
    inputs=("networks", "kicks_blocks", "kicks_connectivity"),
    caption="Weights among the kick units and the integrating units of two exits. Left: mean "
    "weight of each block in one network (row: receiving units, column: sending units). Right: "
    "mean weight within exits less mean weight between exits, for every pair of exits of every "
    "network, compared with the central 95 % of four null distributions (bars, means over "
    "networks): weights permuted among the inputs or among the outputs of each unit, sets of "
    "units matched in activity and norm, and other units that become active before the same "
    "exits.",
)
def kick_weights(
    networks: pd.DataFrame, blocks: pd.DataFrame, contrasts: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw blocks of weights of the first network, and contrasts of all with their nulls.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    blocks : DataFrame
        Table ``kicks_blocks`` of the study.
    contrasts : DataFrame
        Table ``kicks_connectivity`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = examples(networks[networks["network"].isin(blocks["network"])]).head(1)
    table = only(blocks, shown)
    table = table[table["exit_2"].eq(table["exit_2"].iloc[0])] if len(table) else table
    if table.empty or contrasts.empty:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.2), width_ratios=(1, 1.7))
    sets = list(dict.fromkeys(table["to"]))
    matrix = table.pivot(index="to", columns="from", values="weight").loc[sets, sets]
    ends = [int(table[column].iloc[0]) for column in ("exit_1", "exit_2")]
    # Of a pair of exits; labels are counted from 1 in figures.
    labels = [f"{s.split()[0]} {ends[int(s.split()[1]) - 1] + 1}" for s in sets]
    style.heatmap(left, matrix.to_numpy(), labels, labels, name_of(shown.iloc[0]), diverging=True)
    left.set_xlabel("sending units")
    left.set_ylabel("receiving units")
    _contrasts(right, contrasts)
    return figure, pd.concat([table, contrasts], ignore_index=True)


def _contrasts(ax: Axes, rows: pd.DataFrame) -> None:
    kinds = list(dict.fromkeys(rows["contrast"]))
    nulls = [n for n in NULL_COLOURS if (rows["null"] == n).any()]
    for x, kind in enumerate(kinds):
        for k, null in enumerate(nulls):
            part = rows[(rows["contrast"] == kind) & (rows["null"] == null)]
            low, high = part["null_low"].mean(), part["null_high"].mean()
            place = x + (k - (len(nulls) - 1) / 2) * 0.2
            ax.fill_between([place - 0.08, place + 0.08], low, high, color=NULL_COLOURS[null],
                            alpha=0.55, lw=0)  # fmt: skip
            ax.hlines(part["null_mean"].mean(), place - 0.08, place + 0.08, color="white", lw=1)
        values = rows[rows["contrast"] == kind].drop_duplicates([*WHO, "exit_1", "exit_2"])
        for target in in_order(values["target"]):
            own = values[values["target"] == target]["value"]
            ax.scatter(x + spread(own, 0.38), own, s=9, color=target_colour(target), zorder=3,
                       edgecolors="white", lw=0.3)  # fmt: skip
    ax.axhline(0, color="black", lw=0.6)
    ax.set_xticks(
        range(len(kinds)), [kind.replace(" to ", "\nto ") for kind in kinds], fontsize=6.5
    )
    ax.set_ylabel("mean weight within exits\nless between exits")
    signs = [handle(NULL_COLOURS[n], "s", label=n) for n in nulls]
    signs += [handle(target_colour(t), label=target_name(t)) for t in in_order(rows["target"])]
    ax.legend(handles=signs, ncols=4, loc="lower center", bbox_to_anchor=(0.45, 1.0),
              frameon=False, columnspacing=0.8, handletextpad=0.1)  # fmt: skip
