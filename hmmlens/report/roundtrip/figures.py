"""Figures of a round-trip study: grades, the statistics behind them, and recovery."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hmmlens import user_text
from hmmlens.report.distinctive import and_more
from hmmlens.report.figures import Drawn, FigureRegistry
from hmmlens.report.style import WIDTH, footnote
from hmmlens.validation.grading.rules import DEFAULT

#: The grades in the order of figures, those that claim states or points first.
GRADE_COLOURS = {
    "D": "#0072B2",
    "N": "#56B4E9",
    "M": "#009E73",
    "B": "#CC79A7",
    "F": "#8C6D31",
    "C": "#E69F00",
    "undecided": "#BBBBBB",
    "X": "#666666",
    # Of recordings without futures, as those of surrogates are.
    "consistent with D": "#000000",
    "U": "#F0E442",
}
EXPECTED_MARKERS = {"D": "o", "N": "P", "M": "D", "B": "^", "F": "v", "C": "x", "open": "s"}
#: The halves of the suite and the trips that are in none.
HALVES = {"": "other tasks", "fixing": "half fixing", "reporting": "half reporting"}
METHOD_MARKERS = ("o", "s", "D", "^", "v", "P", "X")
#: Most tasks in rows, and in columns; entries of the legend in a row; longest names in characters.
MAX_TASKS, MAX_COLUMNS, LEGEND_COLUMNS, NAME_WIDTH = 32, 40, 7, 30
METHOD_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")

FIGURES = FigureRegistry(["Figures"])


def _grades_of(rows: pd.DataFrame) -> list[str]:
    """Return the grades that occur, in the order of figures."""
    found = rows["grade"].unique()
    return [grade for grade in GRADE_COLOURS if grade in found] + sorted(
        grade for grade in found if grade not in GRADE_COLOURS
    )


@FIGURES.figure(
    "suite",
    section="Figures",
    order=1,
    inputs=["verdicts"],
    caption="Grades (columns) of the trained networks by the grade that is right for a network "
    "that learnt its task (rows); numbers of networks. Blue: the expected grade. Thresholds of "
    "the verdict were fixed with other networks on tasks of the half fixing, and none on those of "
    "the half reporting.",
)
def suite(verdicts: pd.DataFrame) -> Drawn:
    """Draw the numbers of networks by expected grade and grade, for each half of the tasks.

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
    trained = trained.assign(half=trained["half"].astype(object).fillna(""))
    columns = _grades_of(trained)
    order = [e for e in EXPECTED_MARKERS if e in trained["expected"].unique()]
    halves = [half for half in HALVES if half in trained["half"].unique()]
    figure, axes = plt.subplots(
        1, len(halves), figsize=(WIDTH, 0.9 + 0.26 * len(order)), sharey=True, squeeze=False
    )
    tables = []
    for ax, half in zip(axes[0], halves, strict=True):
        part = trained[trained["half"] == half]
        table = part.groupby(["expected", "grade"]).size().unstack(fill_value=0)
        table = table.reindex(index=order, columns=columns, fill_value=0)
        for y, expected in enumerate(order):
            for x, grade in enumerate(columns):
                count = int(table.loc[expected, grade])
                right = expected == grade
                if right:
                    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, color="#CFE2F3", lw=0))
                if count:
                    ax.text(x, y, str(count), ha="center", va="center", fontsize=7)
        ax.set_xlim(-0.5, len(columns) - 0.5)
        ax.set_ylim(len(order) - 0.5, -0.5)
        ax.set_xticks(range(len(columns)), columns, rotation=90, fontsize=6.5)
        ax.set_yticks(range(len(order)), order)
        ax.set_title(HALVES[half], fontsize=8)
        ax.set(xlabel="grade", ylabel="expected")
        tables.append(table.reset_index().assign(half=half))
    return figure, pd.concat(tables, ignore_index=True)


@FIGURES.figure(
    "grades",
    section="Figures",
    order=2,
    inputs=["verdicts"],
    caption="Grades of the trained networks by task; tasks of the suite are in the figure before "
    "and in the table of tasks. Tasks are grouped by the grade that is expected of a network that "
    "does its task (right).",
)
def grades(verdicts: pd.DataFrame) -> Drawn:
    """Draw the share of each grade by task.

    Parameters
    ----------
    verdicts : DataFrame
        Table ``verdicts`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where all tasks are of the suite.
    """
    trained = verdicts[(verdicts["role"] == "trained") & verdicts["half"].isna()]
    if trained.empty:
        return None
    order = [
        trip
        for expected in EXPECTED_MARKERS
        for trip in trained[trained["expected"] == expected]["trip"].unique()
    ]
    columns = _grades_of(trained)
    table = trained.groupby(["trip", "grade"]).size().unstack(fill_value=0)
    table = table.reindex(index=order, columns=columns, fill_value=0)
    shown = order[:MAX_TASKS]
    figure, ax = plt.subplots(figsize=(WIDTH, 0.6 + 0.24 * max(len(shown), 3)))
    left = np.zeros(len(shown))
    for grade in columns:
        count, colour = table[grade].to_numpy()[: len(shown)], GRADE_COLOURS.get(grade, "black")
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
    order=3,
    inputs=["verdicts"],
    caption="Two of the numbers that the grade rests on, for every trained network that does its "
    "task. Horizontal: how many times further apart classes of futures are than neighbours within "
    "a class, 1 where there are no classes; grade D wants the value of the dashed line, or that of "
    "the dotted line where a machine of the classes returns the output. Vertical: spread of the "
    "futures over the largest gap between them; above the dashed line they vary without gaps. "
    "Values above 100 are drawn at the edge.",
)
def evidence(verdicts: pd.DataFrame) -> Drawn:
    """Draw the gap between classes of futures against the gaps between all futures.

    Parameters
    ----------
    verdicts : DataFrame
        Table ``verdicts`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where no futures are known.
    """
    rows = verdicts[(verdicts["role"] == "trained") & (verdicts["grade"] != "X")].copy()
    rows = rows[rows["n_classes"].notna()]
    if rows.empty:
        return None
    rows["gap"] = np.where(rows["n_classes"] > 1, rows["between"] / rows["within"], 1.0)
    figure, ax = plt.subplots(figsize=(WIDTH * 0.75, 3.2))
    for expected, marker in EXPECTED_MARKERS.items():
        part = rows[rows["expected"] == expected]
        if part.empty:
            continue
        colours = [GRADE_COLOURS.get(grade, "black") for grade in part["grade"]]
        ax.scatter(
            part["gap"].clip(1, 100), part["chain"].clip(1, 100), c=colours, marker=marker, s=22,
            linewidths=1.0, alpha=0.85,
        )  # fmt: skip
        ax.scatter([], [], c="black", marker=marker, s=22, label=f"expected {expected}")
    for grade in _grades_of(rows):
        ax.scatter([], [], c=GRADE_COLOURS.get(grade, "black"), marker="s", label=f"graded {grade}")
    ax.axvline(DEFAULT.ratio, color="black", lw=0.8, ls="--")
    ax.axvline(DEFAULT.weak_ratio, color="black", lw=0.8, ls=":")
    ax.axhline(DEFAULT.chain, color="black", lw=0.8, ls="--")
    ax.set(xscale="log", yscale="log", xlim=(0.9, 110), ylim=(0.9, 110))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    ax.set_xlabel("distance between classes over distance within")
    ax.set_ylabel("spread over largest gap")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure, rows[["trip", "cell", "seed", "expected", "grade", "gap", "chain"]]


@FIGURES.figure(
    "recovery",
    section="Figures",
    order=4,
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
    order=5,
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
