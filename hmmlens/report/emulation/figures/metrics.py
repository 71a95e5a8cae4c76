"""Agreement of networks with their targets, by the paper's measures and by stricter ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO, paper_trained
from hmmlens.report.emulation.figures.axes import (
    above,
    errors,
    from_zero,
    handle,
    name_ticks,
    ordered_colours,
    panels,
    spread,
)
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    NULL,
    displayed,
    in_order,
    mark_published,
    of_paper,
    published,
    target_colour,
    target_name,
)

#: Names of networks that have room below a panel.
MANY = 8
#: The paper's four measures: (rows of the scores, label, name of the paper's number).
FOUR = (
    (("aligned distance",), "aligned Euclidean distance\nof sequences", "aligned distance"),
    (("largest transition error",), "largest squared error of\nan output transition",
     "largest transition error"),
    (("frequency 0", "frequency 1", "frequency 2"), "frequency of each symbol", ""),
    (("volatility",), "symbol changes\nin 100 steps", ""),
)  # fmt: skip
#: Stricter measures; the baseline of dwell times is the distribution of the target.
STRICTER = (
    (("1-gram divergence", "2-gram divergence", "4-gram divergence", "6-gram divergence"),
     "divergence of words\n(nats)"),
    (("frequency 1",), "frequency of the second\nsymbol (rare in chains)"),
    (("autocorrelation error",), "error of the\nautocorrelation"),
    (("dwell mean",), "mean dwell (steps)"),
    (("dwell CV",), "CV of dwell times"),
    (("dwell KS",), "distance of dwell time\ndistributions (Kolmogorov)"),
)  # fmt: skip


@FIGURES.figure(
    "metrics",
    section="Targets, training and agreement with the targets",
    order=3,
    inputs=("networks", "scores_metrics"),
    optional=("paper",),
    caption="The paper's four measures of agreement between the sequences of a network and "
    "those of its target. Points: trainings with 95 % intervals over new samples; grey bars: "
    "target compared with other samples of itself. Dark red: the paper's numbers, or their "
    "range, for the networks that they are compared with.",
)
def metrics(
    networks: pd.DataFrame, scores: pd.DataFrame, paper: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the paper's four measures with their baselines and the paper's numbers.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    scores : DataFrame
        Table ``scores_metrics`` of the study.
    paper : DataFrame
        Table ``paper`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    theirs = set(of_paper(networks)["network"])

    def _mark(ax: Axes, what: str, names: pd.DataFrame) -> None:
        for x, row in enumerate(names.itertuples()):
            if row.network in theirs:
                mark_published(ax, x, published(paper, what, row.target))

    return _by_network(networks, scores, [(m, label) for m, label, _ in FOUR], 2,
                       lambda ax, i, names: _mark(ax, FOUR[i][2], names))  # fmt: skip


@FIGURES.figure(
    "stricter",
    section="Targets, training and agreement with the targets",
    order=4,
    inputs=("networks", "scores_metrics"),
    caption="Stricter measures of the same sequences: distributions of words of 1 to 6 "
    "symbols, frequency of the rare symbol, autocorrelation, and dwell times of the latent "
    "state. Points: trainings; grey bars: target compared with other samples of itself.",
)
def stricter(networks: pd.DataFrame, scores: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw stricter measures with their baselines.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    scores : DataFrame
        Table ``scores_metrics`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    return _by_network(networks, scores, STRICTER, 3)


def _by_network(
    networks: pd.DataFrame,
    scores: pd.DataFrame,
    measures: Sequence[tuple[tuple[str, ...], str]],
    n_columns: int,
    extra: Callable[[Axes, int, pd.DataFrame], None] | None = None,
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw some measures, a panel each, networks side by side."""
    names = displayed(networks)[["network", "target"]].drop_duplicates("network")
    names = names[names["network"].isin(scores["network"])].reset_index(drop=True)
    wanted = [m for kinds, _ in measures for m in kinds]
    rows = scores[scores["metric"].isin(wanted) & np.isfinite(scores["value"])]
    if rows.empty:
        return None
    n_rows = -(-len(measures) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(style.WIDTH, 1.75 * n_rows + 0.5), sharex=True, squeeze=False
    )
    for i, (ax, (kinds, label)) in enumerate(zip(axes.ravel(), measures, strict=True)):
        colours = ordered_colours(len(kinds)) if len(kinds) > 1 else [""]
        for k, (kind, colour) in enumerate(zip(kinds, colours, strict=True)):
            shift = (k - (len(kinds) - 1) / 2) * 0.8 / len(kinds)
            width = 0.8 / len(kinds)
            for x, who in enumerate(names.itertuples()):
                own = rows[(rows["network"] == who.network) & (rows["metric"] == kind)]
                if own.empty:
                    continue
                base = own["baseline"].mean()
                left, right = x + shift - width / 2, x + shift + width / 2
                low, high = own["baseline_low"].mean(), own["baseline_high"].mean()
                if np.isfinite([low, high]).all():
                    ax.fill_between([left, right], low, high, color=NULL, alpha=0.45, lw=0)
                ax.hlines(base, left, right, color="#555555", lw=1.0)
                ax.errorbar(
                    x + shift + spread(own["value"], width / 3), own["value"],
                    errors(own["value"], own["low"], own["high"]),
                    fmt="o", ms=2.6, lw=0.7, color=colour or target_colour(who.target),
                )  # fmt: skip
        if len(kinds) > 1:
            signs = [kind.replace("frequency ", "symbol ").replace(" divergence", "")
                     for kind in kinds]  # fmt: skip
            if signs[0].startswith("symbol"):
                signs = [f"symbol {int(s.split()[1]) + 1}" for s in signs]
            above(ax, min(len(kinds), 3) if len(kinds) < 4 else 2, [handle(c, label=s)
                                   for c, s in zip(colours, signs, strict=True)])  # fmt: skip
        if extra is not None:
            extra(ax, i, names)
        ax.set_ylabel(label)
        if "distance\n" not in label:
            from_zero(ax)
        if label.startswith("largest"):
            # Errors differ by orders of magnitude, and the paper's range begins at 0.
            ax.set_yscale("symlog", linthresh=0.01)
            ax.set_yticks([0, 0.005, 0.01, 0.1, 1.0], ["0", ".005", ".01", ".1", "1"])
            ax.set_ylim(-0.001, max(0.03, ax.get_ylim()[1]))
            ax.minorticks_off()
    for ax in axes[-1]:
        name_ticks(ax, list(range(len(names))), names["network"], MANY)
        ax.set_xlim(-0.6, len(names) - 0.4)
    return figure, rows.reset_index(drop=True)


@FIGURES.figure(
    "network_sizes",
    section="Targets, training and agreement with the targets",
    order=5,
    inputs=("networks", "scores_metrics"),
    caption="Euclidean distance between the sequences of the networks and those of their "
    "target after optimal pairing, by number of noise dimensions and of units: means and "
    "standard deviations over seeds. Grey: target compared with other samples of itself.",
)
def network_sizes(
    networks: pd.DataFrame, scores: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the aligned distance by dimensions of the noise and units, where both were varied.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    scores : DataFrame
        Table ``scores_metrics`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = paper_trained(networks)[[*WHO, "n_units", "n_noise"]].merge(
        scores[scores["metric"] == "aligned distance"], on=WHO
    )
    grid = rows.groupby("target")[["n_units", "n_noise"]].nunique()
    targets = in_order(grid.index[(grid > 1).all(axis=1)])
    if not targets:
        return None
    figure, axes = panels(len(targets), 4, 2.0)
    rows = rows[rows["target"].isin(targets)]
    units = sorted(rows["n_units"].unique())
    for ax, target in zip(axes, targets, strict=True):
        part = rows[rows["target"] == target]
        for k, (n_units, colour) in enumerate(zip(units, ordered_colours(len(units)), strict=True)):
            own = part[part["n_units"] == n_units].groupby("n_noise")["value"].agg(["mean", "std"])
            shift = 1 + 0.06 * (k - (len(units) - 1) / 2)
            ax.errorbar(own.index * shift, own["mean"], own["std"].fillna(0), color=colour,
                        marker="os^Dv"[k % 5], ms=3.5, lw=0.9,
                        label=f"{n_units:g} units")  # fmt: skip
        ax.axhspan(part["baseline_low"].mean(), part["baseline_high"].mean(), color=NULL, alpha=0.4,
                   lw=0)  # fmt: skip
        ax.axhline(part["baseline"].mean(), color="#555555", lw=1)
        ax.set_xscale("log")
        ticks = sorted(part["n_noise"].unique())
        ax.set_xticks(ticks, [f"{n:g}" for n in ticks])
        ax.minorticks_off()
        ax.set_title(target_name(target))
        ax.set_xlabel("dimensions of the noise")
    axes[0].set_ylabel("aligned Euclidean distance\nof sequences")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center",
                  ncols=len(units), frameon=False)  # fmt: skip
    return figure, rows
