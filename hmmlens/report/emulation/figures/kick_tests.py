"""Effects of kick units compared with matched sets of units, and their dose response."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import errors, from_zero, handle, name_ticks
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    NULL,
    in_order,
    mark_published,
    published,
    target_colour,
    target_name,
)

#: Ablated sets of units: kind in the table, name in figures.
KINDS = (
    ("group", "group"),
    ("three", "three units"),
)
#: Quantities that are multiplied by a factor: line style, name.
MULTIPLIED = {
    "drive": ("-", "drive of kick units"),
    "noise": ("--", "noise of their inputs"),
    "control": (":", "noise of other units"),
}
SELECTIVE = "#E69F00"
#: Rates beyond this many times the usual one are cut off: the network runs away.
MOST_RATE = 5.0
#: Half of the width of the bar of a null distribution.
WIDE = 0.42


@FIGURES.figure(
    "kick_effects",
    section="Kick units",
    order=5,
    inputs=("networks", "kicks_kicks"),
    optional=("kicks_gated",),
    caption="Effect of ablating kick units on how often networks leave a label. Above and "
    "middle: relative reduction of the hazard of the first exit, for every exit of every "
    "network (95 % intervals over initial states), for groups of 3 to 10 units whose drive is "
    "removed and for three units set to zero; units with outputs of both signs are held at "
    "their mean output in the cluster instead. Filled points meet the criterion for kick units; "
    "open points do not differ from other units. Grey bars: matched sets of units, from the "
    "mean to the 95 % quantile; orange: 95 % quantile of sets of other units that become active "
    "before the same exits. Below: reduction of the rate of all switches when each group is "
    "ablated while its own label lasts, compared with matched sets (grey: median to 95 % "
    "quantile); dashed: threshold of the acceptance criterion.",
)
def kick_effects(
    networks: pd.DataFrame, kicks: pd.DataFrame, gated: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the effect at every exit with both null distributions, and the gated loss of all groups.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    kicks : DataFrame
        Table ``kicks_kicks`` of the study.
    gated : DataFrame
        Table ``kicks_gated`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = kicks[kicks["reduction"].notna()]
    if rows.empty:
        return None
    names = [n for n in dict.fromkeys(networks["network"]) if n in set(rows["network"])]
    figure, axes = plt.subplots(3, 1, figsize=(style.WIDTH, 5.6), height_ratios=(1, 1, 0.8))
    for ax, (kind, label) in zip(axes[:2], KINDS, strict=True):
        part = _places(rows[rows["kind"] == kind], names)
        _bars(ax, part, "matched_mean", "matched_q95")
        at = part["place"]
        ax.hlines(part["selective_q95"], at - WIDE, at + WIDE, color=SELECTIVE, lw=1.2)
        _points(ax, part, part["kicks"].astype(bool))
        ax.set_ylabel(f"reduction of hazard,\n{label}")
        _groups(ax, part)
    axes[0].legend(
        handles=[
            *[handle(target_colour(t), label=target_name(t)) for t in in_order(rows["target"])],
            handle(NULL, "s", label="matched sets"),
            handle(SELECTIVE, "_", label="sets active before the same exits"),
        ],
        ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False,
    )  # fmt: skip
    shown = [rows]
    if gated.empty:
        axes[2].set_axis_off()
    else:
        shown.append(_gated(axes[2], gated, names))
    return figure, pd.concat(shown, ignore_index=True)


def _places(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the rows in the order of the study, each with a ``place``; networks stand apart."""
    rank = {name: i for i, name in enumerate(names)}
    rows = rows.assign(rank=rows["network"].map(rank))
    by = ["rank", "seed", "exit"] if "exit" in rows else ["rank", "seed"]
    rows = rows.dropna(subset=["rank"]).sort_values(by, kind="stable")
    apart = rows["rank"].rank(method="dense") - 1
    return rows.assign(place=np.arange(len(rows)) + 1.5 * apart)


def _bars(ax: Axes, rows: pd.DataFrame, low: str, high: str) -> None:
    """Draw what sets do at each place, from one column to another."""
    height = rows[high] - rows[low]
    ax.bar(rows["place"], height, bottom=rows[low], width=2 * WIDE, color=NULL, alpha=0.5, lw=0)


def _points(ax: Axes, rows: pd.DataFrame, filled: pd.Series) -> None:
    for (target, full), part in rows.groupby([rows["target"], filled]):
        colour = target_colour(str(target))
        bars = errors(part["reduction"], part["low"], part["high"])
        ax.errorbar(part["place"], part["reduction"], bars, fmt="o", ms=3.4, lw=0.8,
                    color=colour, mfc=colour if full else "white")  # fmt: skip


def _groups(ax: Axes, rows: pd.DataFrame, most: int = 20) -> None:
    """Name the networks below their points, and keep the axis where effects are.

    ``most`` names have room next to each other.
    """
    middle = rows.groupby("network", sort=False)["place"].mean()
    name_ticks(ax, middle, middle.index, most)
    ax.axhline(0, color="black", lw=0.6)
    matched = "matched_mean" in rows
    low = float(rows[["low", "matched_mean" if matched else "median"]].min().min())
    # Sets that raise an outcome many times over are cut off, but for the end that is compared.
    end = float(rows["matched_q95" if matched else "q95"].min())
    ax.set_ylim(min(max(-1.0, min(low, 0)) - 0.05, end - 0.2), 1.05)
    ax.set_xlim(rows["place"].min() - 1, rows["place"].max() + 1)


def _gated(ax: Axes, gated: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    from hmmlens.emulation.kicks.settings import DEFAULTS

    part = _places(gated, names)
    _bars(ax, part, "median", "q95")
    _points(ax, part, pd.Series(True, index=part.index))
    ax.axhline(DEFAULTS.min_gated, color="black", lw=0.8, ls="--")
    ax.set_ylabel("reduction of switches,\nall groups")
    _groups(ax, part)
    return part.drop(columns=["rank", "place"])


@FIGURES.figure(
    "kick_doses",
    section="Kick units",
    order=6,
    inputs=("kicks_dose",),
    optional=("kicks_critical", "kicks_noise_cut", "kicks_repeat", "paper"),
    caption="Dose response of kick units. Effect of a factor on the drive of one group on the "
    "hazard of its exit and on the rate of all switches (thin lines: exits; thick lines: means "
    "by target), on the largest Lyapunov exponent (above 0 states diverge), and on critical "
    "pairs of eigenvalues around switches (dark red: the paper's numbers). Dashed and dotted: "
    "means for a factor on the noise of the strongest inputs of the group, and on that of units "
    "that are neither kick units nor inputs of any. Noise removed: reduction of the hazard when "
    "the strongest inputs of a group receive no noise, compared with as many other units (grey: "
    "up to their 95 % quantile). Repeat: overlap of the groups that are selected again on new "
    "runs with new noise. Rates above 5 times the normal rate are cut off.",
)
def kick_doses(
    dose: pd.DataFrame,
    critical: pd.DataFrame,
    cut: pd.DataFrame,
    repeat: pd.DataFrame,
    paper: pd.DataFrame,
) -> tuple[Figure, pd.DataFrame]:
    """Draw doses, noise cuts and repeats.

    Parameters
    ----------
    dose : DataFrame
        Table ``kicks_dose`` of the study.
    critical : DataFrame
        Table ``kicks_critical`` of the study; without rows where there is none.
    cut : DataFrame
        Table ``kicks_noise_cut`` of the study; without rows where there is none.
    repeat : DataFrame
        Table ``kicks_repeat`` of the study; without rows where there is none.
    paper : DataFrame
        Table ``paper`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    figure, axes = plt.subplots(2, 3, figsize=(style.WIDTH, 4.3))
    _doses(axes[0, 0], dose, "hazard", "factor", "hazard of the exit,\nrelative to factor 1")
    _doses(axes[0, 1], dose, "rate", "factor", "rate of all switches,\nrelative to factor 1")
    stable = dose[dose["lyapunov"].notna()]
    _doses(axes[0, 2], stable, "lyapunov", "factor", "top Lyapunov\nexponent (per step)")
    axes[0, 2].axhline(0, color="black", lw=0.6)
    for ax in axes[0, :2]:
        ax.axhline(1, color="black", lw=0.6, ls=":")
        ax.set_ylim(0, min(ax.get_ylim()[1], MOST_RATE))
    if critical.empty:
        axes[1, 0].set_axis_off()
    else:
        usual = critical[critical["factor"] == 1][[*WHO, "exit", "of", "pairs"]]
        relative = critical.merge(usual, on=[*WHO, "exit", "of"], suffixes=("", "_at_1"))
        relative["pairs"] = relative["pairs"] / relative["pairs_at_1"].replace(0, np.nan)
        _doses(
            axes[1, 0],
            relative,
            "pairs",
            "factor",
            "critical pairs at a switch,\nrelative to factor 1",
        )
        what = "critical pairs without them over those with them"
        mark_published(axes[1, 0], 0.0, published(paper, what, "chain2"), 0.06)
        from_zero(axes[1, 0])
    for ax in axes.ravel()[:4]:
        ax.set_xlabel("factor")
    cut = cut[cut["p"].notna()] if len(cut) else cut
    if cut.empty:
        axes[1, 1].set_axis_off()
    else:
        part = _places(cut, list(dict.fromkeys(cut["network"])))
        _bars(axes[1, 1], part, "mean", "q95")
        _points(axes[1, 1], part, pd.Series(True, index=part.index))
        _groups(axes[1, 1], part, most=5)
        axes[1, 1].set_ylabel("reduction of hazard,\nnoise removed")
    if repeat.empty:
        axes[1, 2].set_axis_off()
    else:
        _overlaps(axes[1, 2], repeat)
    targets = in_order(dose["target"])
    figure.legend(
        handles=[
            *[handle(target_colour(t), "", "-", target_name(t)) for t in targets],
            *[handle("black", "", line, name) for line, name in MULTIPLIED.values()],
        ],
        loc="outside upper center", ncols=4, frameon=False,
    )  # fmt: skip
    return figure, dose


def _doses(ax: Axes, rows: pd.DataFrame, value: str, factor: str, label: str) -> None:
    for target in in_order(rows["target"]):
        for of, (line, _) in MULTIPLIED.items():
            part = rows[rows["target"].eq(target) & rows["of"].eq(of)]
            if of == "drive":
                for _, own in part.groupby([*WHO, "exit"]):
                    ax.plot(own[factor], own[value], color=target_colour(target), lw=0.4, alpha=0.5)
            mean = part.groupby(factor)[value].mean()
            wide = 2.0 if of == "drive" else 1.2
            ax.plot(mean.index, mean, color=target_colour(target), lw=wide, ls=line)
    ax.set_ylabel(label)


def _overlaps(ax: Axes, repeat: pd.DataFrame) -> None:
    edges = [i / 10 for i in range(11)]
    kinds = [kind for kind, _ in KINDS if (repeat["kind"] == kind).any()]
    values = [repeat[repeat["kind"] == kind]["jaccard"].dropna() for kind in kinds]
    ax.hist(values, edges, color=["#0072B2", "#E69F00"][: len(kinds)], label=kinds)
    ax.set_xlabel("overlap (Jaccard)\nof repeated selection")
    ax.set_ylabel("exits")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
