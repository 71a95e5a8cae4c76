"""Dynamics as a whole: without noise, driven by it, and how the readout lies to both."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.report import style
from hmmlens.report.emulation.figures.axes import (
    above,
    errors,
    from_zero,
    handle,
    name_ticks,
    spread,
)
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    NULL,
    PAPER,
    TARGET_MARKERS,
    TARGETS,
    count_left_out,
    displayed,
    in_order,
    mark_published,
    of_paper,
    only,
    published,
    target_colour,
    target_name,
)

PLANES = (("rotation", True), ("rotation_best", False))


@FIGURES.figure(
    "orbits",
    section="Dynamics as a whole",
    order=3,
    inputs=("networks", "reverse_orbits"),
    optional=("reverse_readout", "paper"),
    caption="Orbits of every training. Above, left: share of the readout in the plane of the "
    "first two principal components, by number of states of linear chains (95 % intervals over "
    "runs; grey: 97.5 % quantile of random directions). Above, right: variance explained by the "
    "first (filled) and the second component (open). Below: consistency of rotation in the "
    "first two components (filled) and in the plane, among the first five components, in which "
    "states rotate most (open); 1 where all states rotate in one direction, 0 without a "
    "preferred direction. Dark red: the paper's numbers.",
)
def orbits(
    networks: pd.DataFrame, table: pd.DataFrame, readout: pd.DataFrame, paper: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw readouts, explained variance and rotation of all trainings.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``reverse_orbits`` of the study.
    readout : DataFrame
        Table ``reverse_readout`` of the study; without rows where there is none.
    paper : DataFrame
        Table ``paper`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = displayed(networks)
    rows = only(table, shown)
    if rows.empty:
        return None
    figure = plt.figure(figsize=(style.WIDTH, 4.6))
    upper, lower = figure.subfigures(2, 1, squeeze=False).ravel()
    left, right = upper.subplots(1, 2, width_ratios=(1, 1.3))
    main = of_paper(networks)
    seen = [rows]
    if readout.empty:
        left.set_axis_off()
    else:
        seen.append(_readouts(left, only(readout, main), paper))
    _variance(right, only(rows, main), paper)
    _rotation(lower.subplots(), rows, list(dict.fromkeys(shown["network"])))
    count_left_out(figure, networks, shown["network"])
    return figure, pd.concat(seen, ignore_index=True)


def _readouts(ax: Axes, readout: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    rows = readout[(readout["symbol"] == -1) & readout["target"].isin(TARGETS)]
    chains = [t for t in in_order(rows["target"]) if t.startswith("chain")]
    ticks = []
    for target in chains or in_order(rows["target"]):
        own, n_states = rows[rows["target"] == target], len(preset_hmm(target).transmat)
        at = n_states + spread(own["projection"], 0.2)
        bars = errors(own["projection"], own["low"], own["high"])
        ax.errorbar(at, own["projection"], bars, fmt=TARGET_MARKERS[target], ms=3.4, lw=0.7,
                    color=target_colour(target))  # fmt: skip
        ax.hlines(own["chance"].mean(), n_states - 0.35, n_states + 0.35, color=NULL, lw=2)
        what = "projection of the readout on the orbit's plane"
        mark_published(ax, n_states, published(paper, what, target), 0.35)
        ticks.append(n_states)
    ax.set_xticks(sorted(set(ticks)))
    ax.set_xlabel("states of the target")
    ax.set_ylabel("projection of the\nreadout on the plane")
    from_zero(ax)
    return rows


def _variance(ax: Axes, rows: pd.DataFrame, paper: pd.DataFrame) -> None:
    targets = in_order(rows["target"])
    for x, target in enumerate(targets):
        own = rows[rows["target"] == target]
        for measure, what, full in (("pc1", "first", True), ("pc2", "second", False)):
            values = own[own["measure"] == measure]["value"]
            ax.scatter(x + spread(values), values, s=12, color=target_colour(target), lw=0.8,
                       facecolors=target_colour(target) if full else "white", zorder=3)  # fmt: skip
            mark_published(ax, x, published(paper, f"variance of the {what} component", target))
    ax.set_xticks(range(len(targets)), [target_name(t) for t in targets], rotation=25, ha="right")
    ax.set_ylabel("variance explained")
    ax.set_ylim(0, 1)
    signs = [handle("#555555", label="first component"), handle("#555555", label="second"),
             handle(PAPER, "_", label="paper")]  # fmt: skip
    signs[1].set_markerfacecolor("white")
    above(ax, 3, signs)


def _rotation(ax: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    names = [name for name in names if name in set(rows["network"])]
    for x, name in enumerate(names):
        for k, (measure, full) in enumerate(PLANES):
            own = rows[(rows["network"] == name) & (rows["measure"] == measure)].dropna(
                subset=["value"]
            )
            if own.empty:
                continue
            colour = target_colour(own["target"].iloc[0])
            ax.errorbar(
                x + (k - 0.5) * 0.4 + spread(own["value"], 0.13), own["value"],
                errors(own["value"], own["low"], own["high"]), fmt="o", ms=3, lw=0.7, color=colour,
                mfc=colour if full else "white",
            )  # fmt: skip
    ax.axhline(0, color="black", lw=0.6)
    name_ticks(ax, range(len(names)), names, 16)
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.set_ylabel("consistency of rotation")
