"""Figures of a round-trip study: grades, the statistics behind them, and recovery."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hmmlens import user_text
from hmmlens.report.distinctive import and_more
from hmmlens.report.figures import Drawn, FigureRegistry
from hmmlens.report.style import WIDTH, footnote
from hmmlens.validation.rules import DEFAULT

GRADE_COLOURS = {
    "D": "#0072B2",
    "B": "#56B4E9",
    "C": "#E69F00",
    "U": "#CC79A7",
    "X": "#999999",
}
EXPECTED_MARKERS = {"D": "o", "B": "^", "C": "x", "open": "s"}
METHOD_MARKERS = ("o", "s", "D", "^", "v", "P", "X")
#: Most tasks in rows, and in columns; entries of the legend in a row; longest names in characters.
MAX_TASKS, MAX_COLUMNS, LEGEND_COLUMNS, NAME_WIDTH = 32, 40, 7, 30
METHOD_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")

FIGURES = FigureRegistry(["Figures"])


@FIGURES.figure(
    "grades",
    section="Figures",
    order=1,
    inputs=["verdicts"],
    caption="Grades of the trained networks. Tasks are grouped by the grade that is expected of a "
    "network that does its task (right). D: discrete attractor states; B: finite attractors with "
    "graded belief; C: a continuum; U: unfaithful, no small number of states predicts the output; "
    "X: the network does not do its task.",
)
def grades(verdicts: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of each grade by task.

    Parameters
    ----------
    verdicts : DataFrame
        Table ``verdicts`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    trained = verdicts[verdicts["role"] == "trained"]
    order = [
        trip
        for expected in ("D", "B", "open", "C")
        for trip in trained[trained["expected"] == expected]["trip"].unique()
    ]
    table = trained.groupby(["trip", "grade"]).size().unstack(fill_value=0)
    table = table.reindex(index=order, columns=list(GRADE_COLOURS), fill_value=0)
    shown = order[:MAX_TASKS]
    figure, ax = plt.subplots(figsize=(WIDTH, 0.6 + 0.24 * max(len(shown), 3)))
    left = np.zeros(len(shown))
    for grade, colour in GRADE_COLOURS.items():
        count = table[grade].to_numpy()[: len(shown)]
        bars = ax.barh(range(len(shown)), count, left=left, color=colour, label=grade, height=0.75)
        labels = [str(n) if n else "" for n in count]
        ax.bar_label(bars, labels, label_type="center", fontsize=6.5, color="white")
        left += count
    expected = trained.groupby("trip")["expected"].first()
    for row, trip in enumerate(shown):
        ax.text(left.max() * 1.02, row, expected[trip], va="center", fontsize=7)
    ax.text(left.max() * 1.02, -1, "expected", va="center", fontsize=7, style="italic")
    ax.set_yticks(range(len(shown)), [user_text.figure(trip, NAME_WIDTH) for trip in shown])
    ax.set_ylim(len(shown) - 0.4, -1.5)
    ax.set_xlim(0, left.max() * 1.12)
    ax.set_xlabel("trained networks")
    ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.45, 1.0), frameon=False)
    footnote(figure, and_more(len(order), len(shown)), "tasks")
    return figure, table.reset_index()


@FIGURES.figure(
    "evidence",
    section="Figures",
    order=2,
    inputs=["verdicts"],
    caption="Two of the statistics that the grade rests on, for every trained network that does "
    "its task and is predicted by few states. Horizontal: number of end points of the autonomous "
    "dynamics at a radius four times finer over that at the coarse radius; left of the dashed line "
    "end points are separate points. Vertical: elbow of the forecast as a function of the number "
    "of states, in units of its threshold; above the dashed line the forecast rises steeply up to "
    "that number and no further beyond it. Values below 0.1 and above 100 are drawn at the edge.",
)
def evidence(verdicts: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw endpoints against elbow, with the lines of the verdict.

    Parameters
    ----------
    verdicts : DataFrame
        Table ``verdicts`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    rows = verdicts[(verdicts["role"] == "trained") & ~verdicts["grade"].isin(["X", "U"])].copy()
    # Either elbow may pass its own line, so both are drawn in units of it.
    rows["elbow"] = np.fmax(
        rows["elbow_output"] / DEFAULT.elbow_output,
        rows["elbow_components"] / DEFAULT.elbow_components,
    )
    figure, ax = plt.subplots(figsize=(WIDTH * 0.75, 3.2))
    for expected, marker in EXPECTED_MARKERS.items():
        part = rows[rows["expected"] == expected]
        if part.empty:
            continue
        colours = [GRADE_COLOURS.get(grade, "black") for grade in part["grade"]]
        ax.scatter(
            part["ratio"].clip(upper=100), part["elbow"].clip(lower=0.1), c=colours, marker=marker,
            s=22, linewidths=1.0, alpha=0.85,
        )  # fmt: skip
        ax.scatter([], [], c="black", marker=marker, s=22, label=f"expected {expected}")
    for grade in rows["grade"].unique():
        ax.scatter([], [], c=GRADE_COLOURS.get(grade, "black"), marker="s", label=f"graded {grade}")
    ax.axvline(DEFAULT.ratio, color="black", lw=0.8, ls="--")
    ax.axhline(1.0, color="black", lw=0.8, ls="--")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("end points at the fine radius over the coarse one")
    ax.set_ylabel("elbow of the forecast, in units of its threshold")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    shown = ["trip", "cell", "seed", "expected", "grade", "ratio", "elbow"]
    return figure, rows[shown]


@FIGURES.figure(
    "recovery",
    section="Figures",
    order=3,
    inputs=["recovery", "methods"],
    caption="Recovery of the true states at the true number of states: adjusted Rand index (ARI) "
    "on test sequences as a share of that of the exact filter, which knows the generating model. "
    "Small points: networks; large points: their means with 95 % intervals.",
)
def recovery(table: pd.DataFrame, summary: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of the ceiling that each method reaches on each task.

    Parameters
    ----------
    table : DataFrame
        Table ``recovery`` of the study.
    summary : DataFrame
        Table ``methods`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    every, methods = list(summary["trip"].unique()), list(summary["method"].unique())
    trips = every[:MAX_COLUMNS]
    short = max((len(method) for method in methods), default=0) <= 14
    columns = min(len(methods), LEGEND_COLUMNS if short else 3)
    n_rows = -(-len(methods) // max(columns, 1))
    figure, ax = plt.subplots(figsize=(WIDTH, 3.0 + 0.15 * (n_rows - 1)))
    for k, method in enumerate(methods):
        colour = METHOD_COLOURS[k % len(METHOD_COLOURS)]
        shift = (k - (len(methods) - 1) / 2) * 0.8 / len(methods)
        own = table[(table["method"] == method) & table["trip"].isin(trips)]
        at = own["trip"].map({trip: x for x, trip in enumerate(trips)})
        ax.scatter(at + shift, own["share"], s=4, color=colour, alpha=0.4, lw=0)
        part = summary[summary["method"] == method].set_index("trip").reindex(trips)
        mean = part["share"].to_numpy()
        # With one network there is no interval.
        spread = np.abs(np.stack([mean - part["share_low"], part["share_high"] - mean]))
        ax.errorbar(
            np.arange(len(trips)) + shift, mean, np.nan_to_num(spread), ms=4, lw=1,
            fmt=METHOD_MARKERS[k // len(METHOD_COLOURS) % len(METHOD_MARKERS)],
            color=colour, label=user_text.figure(method, NAME_WIDTH),
        )  # fmt: skip
    ax.axhline(1.0, color="black", lw=0.6, ls=":")
    names = [user_text.figure(trip, NAME_WIDTH) for trip in trips]
    ax.set_xticks(range(len(trips)), names, rotation=30 if len(trips) <= 20 else 90, ha="right")
    ax.set_ylabel("ARI, share of the ceiling")
    ax.legend(ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    footnote(figure, and_more(len(every), len(trips)), "tasks")
    return figure, summary


@FIGURES.figure(
    "counts",
    section="Figures",
    order=4,
    inputs=["verdicts"],
    caption="Number of states that BIC (the Bayesian information criterion) chooses and number "
    "that the verdict claims, compared with the true number, on tasks with discrete states. "
    "Crosses: BIC chooses the largest number that was fitted.",
)
def counts(verdicts: pd.DataFrame) -> Drawn:
    """Draw the numbers of states by BIC and by the verdict against the true one.

    Parameters
    ----------
    verdicts : DataFrame
        Table ``verdicts`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = verdicts[(verdicts["role"] == "trained") & (verdicts["expected"] == "D")]
    if not verdicts["expected"].eq("D").any():
        return None
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH * 0.8, 2.8), sharex=True, sharey=True)
    jitter = 0.25 * (np.arange(len(rows)) % 9 - 4) / 4
    most = max(rows["n_true"].max(), rows["bic_n_states"].max(), 1) + 1
    claimed = rows["n_states"].where(rows["grade"] == "D")
    edge = rows["bic_at_edge"].eq(True)
    axes[0].scatter(
        (rows["n_true"] + jitter)[~edge], rows["bic_n_states"][~edge], s=12, color="#0072B2"
    )
    axes[0].scatter(
        (rows["n_true"] + jitter)[edge], rows["bic_n_states"][edge], s=16, color="#D55E00",
        marker="x", lw=0.9,
    )  # fmt: skip
    axes[1].scatter(rows["n_true"] + jitter, claimed, s=12, color="#0072B2")
    axes[0].set_title("BIC")
    axes[1].set_title("verdict (grade D)")
    for ax in axes:
        ax.plot([0, most], [0, most], color="black", lw=0.6, ls=":")
        ax.set_xlabel("true number of states")
    axes[0].set_ylabel("number of states found")
    shown = ["trip", "cell", "seed", "n_true", "bic_n_states", "bic_at_edge", "grade", "n_states"]
    return figure, rows[shown]
