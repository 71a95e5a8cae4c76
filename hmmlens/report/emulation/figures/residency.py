"""Local dynamics: residency times, instability and sensitivity to noise."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.figures.axes import errors, from_zero, handle, spread
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    PAPER,
    REGION_COLOURS,
    TARGET_MARKERS,
    examples,
    in_order,
    mark_published,
    name_of,
    of_paper,
    only,
    published,
    target_colour,
    target_name,
)
from hmmlens.report.emulation.figures.trajectories import bare

#: Regions in the order in which a state goes through them.
REGIONS = ("cluster", "kick", "transition")
#: Measures of regions: name in the table, label, the paper's number of each region.
MEASURES = (
    ("share", "share of states", None),
    ("sign_changes", "changes of direction\nof the logit", "sign changes in {}s"),
    ("n_unstable", "unstable directions\n(mean number)", "unstable directions in {}s"),
    ("n_critical", "critical pairs\n(mean number)", None),
)
#: How the paper's numbers call the regions.
THEIRS = {"cluster": "cluster", "kick": "kick zone", "transition": "transition"}
#: Most networks that are shown side by side, and steps at which turns are counted no further.
MOST, MOST_TURNS = 6, 30


@FIGURES.figure(
    "residency",
    section="Local dynamics",
    order=1,
    inputs=("networks", "pictures/states"),
    caption="Residency time of states that one network of each target visits: mean number of "
    "steps until the label changes, over runs that continue with new noise (at most 60). Above: "
    "in the plane of the first two principal components. Below: how often the logit of the "
    "present label changes direction before the label does, for the states of each region.",
)
def residency(networks: pd.DataFrame, states: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw residency in the plane, and turns by region, one column a target.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    states : DataFrame
        One row a state, ``pc1``, ``pc2``, ``region``, ``residency``, ``sign_changes``.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    shown = examples(networks[networks["network"].isin(states["network"])]).head(MOST)
    rows = only(states, shown)
    if rows.empty:
        return None
    figure, axes = plt.subplots(2, len(shown), figsize=(style.WIDTH, 3.9), squeeze=False)
    edges = np.arange(0, MOST_TURNS + 2, 2)
    for column, (_, who) in zip(axes.T, shown.iterrows(), strict=True):
        part = rows[rows["network"].eq(who["network"]) & rows["seed"].eq(who["seed"])]
        part = part.sort_values("residency", ascending=False)
        points = column[0].scatter(part["pc1"], part["pc2"], c=part["residency"], s=3, lw=0,
                                   cmap="viridis", vmin=0, vmax=60, rasterized=True)  # fmt: skip
        column[0].set_title(name_of(who))
        column[0].set_xlabel("component 1")
        bare(column[0])
        kinds = [r for r in (*REGIONS, "unsure") if (part["region"] == r).any()]
        turns = [part[part["region"] == r]["sign_changes"].clip(upper=MOST_TURNS) for r in kinds]
        column[1].hist(turns, edges, stacked=True, color=[REGION_COLOURS[r] for r in kinds], lw=0)
        column[1].set_xlabel("changes of direction of the logit")
        column[1].set_yscale("symlog", linthresh=10)
    axes[0, 0].set_ylabel("component 2")
    axes[1, 0].set_ylabel("states")
    bar = figure.colorbar(points, ax=axes[0].tolist(), pad=0.01, fraction=0.03, aspect=14)
    bar.set_label("residency time (steps)")
    bar.outline.set_visible(False)
    signs = [handle(REGION_COLOURS[r], "s", label=r) for r in (*REGIONS, "unsure")]
    figure.legend(handles=signs, loc="outside lower center", ncols=len(signs), frameon=False)
    return figure, rows


@FIGURES.figure(
    "regions",
    section="Local dynamics",
    order=2,
    inputs=("networks", "reverse_regions"),
    optional=("paper",),
    caption="Properties of the three regions of the dynamics, for every training that "
    "resembles the paper's networks, with 95 % intervals over runs: share of states, changes of "
    "direction of the logit, unstable directions, and critical pairs of eigenvalues of the "
    "Jacobian without noise. Dark red: the paper's numbers, where it reports them.",
)
def regions(
    networks: pd.DataFrame, table: pd.DataFrame, paper: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the regions' measures over all trainings.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``reverse_regions`` of the study.
    paper : DataFrame
        Table ``paper`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = only(table, of_paper(networks))
    rows = rows[rows["region"].isin(REGIONS)]
    if rows.empty:
        return None
    figure, axes = plt.subplots(2, 2, figsize=(style.WIDTH, 4.4))
    targets = in_order(rows["target"])
    for ax, (measure, label, theirs) in zip(axes.ravel(), MEASURES, strict=True):
        for x, region in enumerate(REGIONS):
            for k, target in enumerate(targets):
                own = rows[rows["region"].eq(region) & rows["measure"].eq(measure)]
                own = own[own["target"].eq(target) & own["value"].notna()]
                place = x + (k - (len(targets) - 1) / 2) * 0.84 / len(targets)
                ax.errorbar(
                    place + spread(own["value"], 0.3 / len(targets)), own["value"],
                    errors(own["value"], own["low"], own["high"]), ms=2.8, lw=0.6,
                    fmt=TARGET_MARKERS.get(target, "o"), color=target_colour(target),
                )  # fmt: skip
                if theirs is not None:
                    found = published(paper, theirs.format(THEIRS[region]), target)
                    mark_published(ax, place, found, 0.42 / len(targets))
        ax.set_xticks(range(len(REGIONS)), [THEIRS[r] for r in REGIONS])
        ax.set_ylabel(label)
        from_zero(ax)
    signs = [handle(target_colour(t), TARGET_MARKERS.get(t, "o"), label=target_name(t))
             for t in targets]  # fmt: skip
    signs.append(handle(PAPER, "_", label="paper"))
    figure.legend(handles=signs, loc="outside upper center", ncols=len(signs), frameon=False)
    return figure, rows


@FIGURES.figure(
    "sensitivity",
    section="Local dynamics",
    order=3,
    inputs=("networks", "reverse_sensitivity"),
    optional=("paper",),
    caption="Spread of runs that continue with new noise, from the middle of dwells (cluster) "
    "and from the points at which a switch is certain (kick), in trainings that resemble the "
    "paper's networks. Left: trace of the covariance by number of steps, mean over trainings. "
    "Right: ratio of both after 5 steps, with 95 % intervals over switches; above 1, noise "
    "displaces states more in clusters. Dark red: the paper's numbers.",
)
def sensitivity(
    networks: pd.DataFrame, table: pd.DataFrame, paper: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw how rollouts spread from clusters and kick points.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``reverse_sensitivity`` of the study.
    paper : DataFrame
        Table ``paper`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = only(table, of_paper(networks))
    rows = rows[(rows["mix"] == "linear") & (rows["measure"] == "trace") & (rows["share"] == 1)]
    if rows.empty:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 2.8), width_ratios=(1, 1.3))
    targets = in_order(rows["target"])
    for target in targets:
        for point, line in (("cluster", "-"), ("kick", "--")):
            own = rows[(rows["target"] == target) & (rows["point"] == point)]
            mean = own.groupby("step")["value"].mean()
            left.plot(mean.index, mean, ls=line, color=target_colour(target), marker="o", ms=2.5)
    left.set_xlabel("steps of new noise")
    left.set_ylabel("spread of rollouts\n(trace of the covariance)")
    from_zero(left)
    left.legend(handles=[handle("#555555", "", "-", "from clusters"),
                         handle("#555555", "", "--", "from kick points")],
                loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)  # fmt: skip
    last = rows[(rows["point"] == "ratio") & (rows["step"] == rows["step"].max())]
    _ratios(right, last, targets, paper)
    return figure, rows


def _ratios(ax: Axes, rows: pd.DataFrame, targets: list[str], paper: pd.DataFrame) -> None:
    for x, target in enumerate(targets):
        own = rows[rows["target"] == target]
        ax.errorbar(
            x + spread(own["value"]), own["value"], errors(own["value"], own["low"], own["high"]),
            fmt=TARGET_MARKERS.get(target, "o"), ms=3.2, lw=0.7, color=target_colour(target),
        )  # fmt: skip
        what = "spread from the cluster over that from the kick zone"
        mark_published(ax, x, published(paper, what, target))
    ax.axhline(1, color="black", lw=0.6, ls=":")
    ax.set_xticks(range(len(targets)), [target_name(t) for t in targets], rotation=30, ha="right")
    ax.set_ylabel("spread from clusters\nover that from kick points")
