"""What an objective likes best, and what networks become under each; what sets the plateau."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.emulation.analysis.objective_bias import TRUE
from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO, like_paper
from hmmlens.report.emulation.figures.common import (
    OBJECTIVE_COLOURS,
    OBJECTIVE_MARKERS,
    OBJECTIVES,
    errors,
    from_zero,
    handle,
    in_order,
    ordered_colours,
    panels,
    spread,
    target_name,
)
from hmmlens.report.emulation.text_networks import kick_shares

#: The generator of independent symbols, whose value is that of the plateau.
INDEPENDENT = "independent symbols"

CAPTIONS = {
    "bias": "How objectives judge hand-made generators. Above: value of each generator less that "
    "of the target's own sequences in the same draws, against the size of the batch (95 % "
    "intervals over draws); below the line an objective likes a wrong generator better than the "
    "target. Independent symbols, which are far above, are left out. Below, left: by which factor "
    "the probabilities of moving on should be wrong for an objective to like it best (1 is right; "
    "open: at the edge of what was tried). Right: the value for the target itself, which ought to "
    "be 0.",
    "objectives": "What networks become under each objective, against the size of the batch; "
    "points are trainings of the paper's kind of network, lines their means. Rotation: 1 where "
    "all states turn one way, 0 where as much goes to and fro, in the first two components and in "
    "the plane among five in which states turn most. Kick units: by the rule, of the exits of each "
    "training. Dotted: the target's own value.",
}

#: Panels: measure, where it stands, label; scores have the target's own value beside them.
PANELS = (
    ("rotation", "reverse_orbits", "consistency of rotation"),
    ("rotation_best", "reverse_orbits", "the same, best plane"),
    ("share", "kicks", "share of exits\nwith kick units"),
    ("dwell mean", "scores", "mean dwell (steps)"),
    ("dwell CV", "scores", "CV of dwells"),
    ("frequency 1", "scores", "frequency of the\nrare symbol"),
)


def bias(summary: pd.DataFrame, best: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw what objectives like by the size of the batch, of the first target asked about."""
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
    left.set_ylabel("factor on moves\nthat is liked best")
    right.set_ylabel("value of the target's\nown sequences")
    for ax in (left, right):
        _batch_axis(ax, summary["n"])
    below_.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    return figure, summary.merge(best, on=["target", "objective", "n"], suffixes=("", "_factor"))


def objectives(
    networks: pd.DataFrame, scores: pd.DataFrame, orbits: pd.DataFrame, verdicts: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw orbits and likeness by objective and batch, of the first target that has several."""
    own = like_paper(networks[networks["scored"].astype(bool)])
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
