"""Bias of the training objectives, and networks trained with each."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.emulation.analysis.objective_bias import TRUE
from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO, like_paper, plainly_trained
from hmmlens.report.emulation.figures.axes import (
    errors,
    from_zero,
    handle,
    ordered_colours,
    panels,
    spread,
)
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    OBJECTIVE_COLOURS,
    OBJECTIVE_MARKERS,
    OBJECTIVES,
    in_order,
    target_name,
)
from hmmlens.report.emulation.text_networks import kick_shares

#: The generator of independent symbols, whose value is that of the plateau.
INDEPENDENT = "independent symbols"


#: Panels: measure, where it stands, label; scores are shown with the target's own value.
PANELS = (
    ("rotation", "reverse_orbits", "consistency of rotation"),
    ("rotation_best", "reverse_orbits", "the same, best plane"),
    ("share", "kicks", "share of exits\nwith kick units"),
    ("dwell mean", "scores", "mean dwell (steps)"),
    ("dwell CV", "scores", "CV of dwells"),
    ("frequency 1", "scores", "frequency of the\nrare symbol"),
)


@FIGURES.figure(
    "bias",
    section="The three questions",
    order=1,
    inputs=("bias_summary", "bias_best_factor"),
    caption="Value that the training objectives give to constructed generators. Above: value "
    "of each generator less that of the target's own sequences in the same samples, by batch "
    "size (95 % intervals over samples); below the line, an objective prefers a wrong generator "
    "to the target. Independent symbols, which lie far above, are left out. Below, left: factor "
    "on the probabilities of leaving a state at which an objective is lowest (1 is correct; "
    "open: the smallest or largest factor that was tried). Right: value for the target itself, "
    "which is 0 without bias.",
)
def bias(summary: pd.DataFrame, best: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the bias of objectives by batch size, for the first target that was studied.

    Parameters
    ----------
    summary : DataFrame
        Table ``bias_summary`` of the study.
    best : DataFrame
        Table ``bias_best_factor`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    target = in_order(summary["target"])[0]
    summary, best = (t[t["target"] == target] for t in (summary, best))
    names = [o for o in OBJECTIVES if (summary["objective"] == o).any()]
    figure = plt.figure(figsize=(style.WIDTH, 5.2))
    above_, below_ = figure.subfigures(2, 1, height_ratios=(1.35, 1), squeeze=False).ravel()
    axes = above_.subplots(1, len(names), squeeze=False)[0]
    wrong = [g for g in dict.fromkeys(summary["generator"]) if g not in (TRUE, INDEPENDENT)]
    for ax, objective in zip(axes, names, strict=True):
        part = summary[summary["objective"] == objective]
        for name, (colour, marker, line) in zip(wrong, _looks(wrong), strict=True):
            own = part[part["generator"] == name].sort_values("n")
            bars = errors(own["excess"], own["excess_low"], own["excess_high"])
            ax.errorbar(own["n"], own["excess"], bars, color=colour, marker=marker, ls=line, ms=3.2,
                        lw=0.9, label=name)  # fmt: skip
        ax.axhline(0, color="black", lw=0.8)
        _batch_axis(ax, part["n"])
        ax.set_title(OBJECTIVES[objective])
    axes[0].set_ylabel(f"value less the target's,\n{target_name(target)}")
    lines, labels = axes[0].get_legend_handles_labels()
    above_.legend(lines, labels, loc="outside lower center", ncols=3, frameon=False)
    left, right = below_.subplots(1, 2)
    for objective in names:
        look = {
            "color": OBJECTIVE_COLOURS[objective], "marker": OBJECTIVE_MARKERS[objective], "ms": 4,
        }  # fmt: skip
        own = best[best["objective"] == objective].sort_values("n")
        bars = errors(own["factor"], own["low"], own["high"])
        left.errorbar(own["n"], own["factor"], bars, lw=0.9, label=OBJECTIVES[objective], **look)
        edge = own[own["at_edge"].astype(bool)]
        left.plot(edge["n"], edge["factor"], ls="none", mfc="white", **look)
        part = summary[(summary["objective"] == objective) & (summary["generator"] == TRUE)]
        part = part.sort_values("n")
        bars = errors(part["value"], part["low"], part["high"])
        right.errorbar(part["n"], part["value"], bars, lw=0.9, **look)
    left.axhline(1, color="black", lw=0.8, ls=":")
    right.axhline(0, color="black", lw=0.8, ls=":")
    left.set_ylabel("factor on moves at\nthe lowest value")
    right.set_ylabel("value of the target's\nown sequences")
    for ax in (left, right):
        _batch_axis(ax, summary["n"])
    below_.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    return figure, summary.merge(best, on=["target", "objective", "n"], suffixes=("", "_factor"))


@FIGURES.figure(
    "objectives",
    section="The three questions",
    order=2,
    inputs=("networks", "scores_metrics", "reverse_orbits"),
    optional=("kicks_verdict",),
    caption="Networks trained with each objective, by batch size. Points: trainings of "
    "networks that resemble the paper's; lines: means. Consistency of rotation is 1 where all "
    "states rotate in one direction and 0 without a preferred direction; it is measured in the "
    "first two principal components and in the plane, among the first five components, in which "
    "states rotate most. Share of exits with kick units: per training. CV: coefficient of "
    "variation. Dotted: value of the target.",
)
def objectives(
    networks: pd.DataFrame, scores: pd.DataFrame, orbits: pd.DataFrame, verdicts: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw orbits and likeness by objective and batch, of the first target that has several.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    scores : DataFrame
        Table ``scores_metrics`` of the study.
    orbits : DataFrame
        Table ``reverse_orbits`` of the study.
    verdicts : DataFrame
        Table ``kicks_verdict`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    own = like_paper(plainly_trained(networks[networks["scored"].astype(bool)]))
    many = own.groupby("target")["objective"].nunique()
    targets = in_order(many.index[many > 1])
    if not targets:
        return None
    own = own[own["target"] == targets[0]][[*WHO, "objective", "batch_size"]]
    parts = {
        "reverse_orbits": own.merge(orbits, on=WHO),
        "scores": own.merge(scores.rename(columns={"metric": "measure"}), on=WHO),
        "kicks": own.assign(measure="", value=np.nan).head(0),
    }
    if len(verdicts):
        parts["kicks"] = own.merge(kick_shares(verdicts), on=WHO)
    figure, axes = panels(len(PANELS), 3, 1.9)
    shown = []
    for ax, (measure, table, label) in zip(axes, PANELS, strict=True):
        rows = parts[table][parts[table]["measure"] == measure]
        if rows.empty:
            ax.set_axis_off()
            continue
        rows = rows[np.isfinite(rows["value"])]
        for objective in OBJECTIVES:
            part = rows[rows["objective"] == objective]
            _by_batch(ax, part, objective)
        if "baseline" in rows and len(rows):
            ax.axhline(rows["baseline"].mean(), color="black", lw=0.8, ls=":")
        from_zero(ax)
        _batch_axis(ax, own["batch_size"])
        ax.set_ylabel(label)
        shown.append(rows)
    signs = [
        handle(OBJECTIVE_COLOURS[o], OBJECTIVE_MARKERS[o], "-", OBJECTIVES[o])
        for o in OBJECTIVES
        if (own["objective"] == o).any()
    ]
    figure.legend(handles=signs, loc="outside upper center", ncols=3, frameon=False,
                  title=target_name(targets[0]), title_fontsize=8)  # fmt: skip
    return figure, pd.concat(shown, ignore_index=True)


def _by_batch(ax: Axes, rows: pd.DataFrame, objective: str) -> None:
    """Draw points of trainings and the line of their means."""
    colour, marker = OBJECTIVE_COLOURS[objective], OBJECTIVE_MARKERS[objective]
    shift = 2 ** (0.12 * (list(OBJECTIVES).index(objective) - 1))
    for size, part in rows.groupby("batch_size"):
        at = size * shift * 2 ** spread(part["value"], 0.05)
        ax.scatter(at, part["value"], s=10, color=colour, marker=marker, alpha=0.6, lw=0)
    mean = rows.groupby("batch_size")["value"].mean()
    ax.plot(mean.index * shift, mean, color=colour, marker=marker, ms=4.5, mec="white", mew=0.5)


def _looks(names: list[str]) -> list[tuple[str, str, str]]:
    """Return colour, marker and line of generators: those that only move more or less by shade."""
    moving = [name for name in names if name.startswith("moves")]
    shades = dict(zip(moving, ordered_colours(len(moving)), strict=True))
    others = iter(("#D55E00", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#999999"))
    marks = iter("s^DvPX")
    return [
        (shades[name], "o", "-") if name in shades else (next(others), next(marks), "--")
        for name in names
    ]


def _batch_axis(ax: Axes, sizes: pd.Series) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(sizes.unique()), [str(int(n)) for n in sorted(sizes.unique())])
    ax.minorticks_off()
    ax.set_xlabel("batch (sequences)")
