"""Figures of the whole study: training, and trained against untrained against raw input."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from hmmlens import user_text
from hmmlens.report import distinctive, style
from hmmlens.report.explain.figures.registries import OVERVIEW
from hmmlens.report.explain.roles import ROLE_NAMES
from hmmlens.validation.grading.verdict import GRADE_WORDS

__all__ = ["OVERVIEW", "draw_controls", "draw_methods", "draw_training"]

#: Most panels of datasets, rows of networks, and entries of a legend.
MAX_PANELS, MAX_ROWS, MAX_ENTRIES = 6, 18, 8
#: More networks than these have their legend below the axes.
MAX_INSIDE = 6
#: Longest names of networks and datasets in rows, and in legends and titles, in characters.
ROW_WIDTH, NAME_WIDTH = 40, 20
#: Colour of networks without a colour of their own.
OTHERS = "0.75"


@OVERVIEW.figure(
    "training",
    section="Networks and their tasks",
    order=1,
    inputs=["training"],
    optional=["ceilings"],
    caption="Loss on the select split by epoch, one line per training. Black line: floor, the "
    "least possible loss; dashed: the best simple baseline, both on the test split.",
)
def draw_training(curves: pd.DataFrame, ceilings: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the select loss of every network by epoch, with the floor and the best baseline.

    Of many networks on a dataset those with the lowest loss have a colour and a name, and of many
    datasets the first ones are shown.

    Parameters
    ----------
    curves : DataFrame
        ``dataset, network, seed, epoch, select_nll, select_mse``.
    ceilings : DataFrame
        ``dataset, name, role, metric, value``.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    every = list(dict.fromkeys(curves["dataset"]))
    datasets = every[:MAX_PANELS]
    n_networks = curves.groupby("dataset")["network"].nunique()
    most = int(n_networks.reindex(datasets).max())
    # Four panels share a row. Below narrow axes, and where it is long, a legend hides no curve.
    narrow = len(datasets) == 4
    outside = narrow or most > MAX_INSIDE
    below = 0.15 * (min(most, MAX_ENTRIES) + 3) if outside else 0.0
    figure, axes = style.panels(len(datasets), per_row=4 if narrow else 3, height=2.4 + below)
    for ax, dataset in zip(axes, datasets, strict=True):
        part = curves[curves["dataset"] == dataset]
        metric = "mse" if part["select_mse"].notna().any() else "nll"
        networks = list(dict.fromkeys(part["network"]))
        lowest = part.groupby("network")[f"select_{metric}"].min().reindex(networks)
        named = set(lowest.sort_values(kind="stable").index[:MAX_ENTRIES])
        colours = iter(style.colours(len(named)))
        for network in networks:
            colour = next(colours) if network in named else OTHERS
            name = user_text.figure(network, NAME_WIDTH) if network in named else None
            for seed, run in part[part["network"] == network].groupby("seed"):
                label = name if seed == part["seed"].min() else None
                ax.plot(run["epoch"], run[f"select_{metric}"], color=colour, label=label, alpha=0.8)
        if len(networks) > len(named):
            more = distinctive.and_more(len(networks), len(named))
            ax.plot([], [], color=OTHERS, label=more)
        bounds = ceilings[(ceilings["dataset"] == dataset) & (ceilings["metric"] == metric)]
        floor = bounds[bounds["role"] == "floor"]
        baseline = bounds[bounds["role"] == "baseline"].nsmallest(1, "value")
        for row in floor.itertuples():
            if row.value > 0:
                ax.axhline(
                    row.value,
                    color="black",
                    ls="-",
                    lw=0.8,
                    label=f"floor: {user_text.figure(row.name)}",
                )
        for row in baseline.itertuples():
            name = f"baseline: {user_text.figure(row.name)}"
            ax.axhline(row.value, color="grey", ls="--", lw=0.8, label=name)
        ax.set_yscale("log")
        ax.set_title(user_text.figure(dataset, NAME_WIDTH))
        ax.set_xlabel("epoch")
        unit = "nats per step" if metric == "nll" else "mean squared error"
        ax.set_ylabel(f"select loss ({unit})")
        ax.yaxis.set_major_formatter(ScalarFormatter())
        ax.yaxis.set_minor_formatter(NullFormatter())
        low, high = ax.get_ylim()
        ticks = np.geomspace(low, high, 6)[1:-1]
        ax.set_yticks(ticks, [f"{tick:.2g}" for tick in ticks])
        if outside:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), borderaxespad=0)
        else:
            ax.legend(loc="upper right")
    style.footnote(figure, distinctive.and_more(len(every), len(datasets)), "datasets")
    return figure, curves


def _rows(where: pd.Series, score: pd.Series) -> tuple[list[str], list[str]]:
    """Return the rows that fit a figure, in their order, and all of them.

    Parameters
    ----------
    where : the row of each point.
    score : number of each row, by which those with the highest are shown where there are many.
    """
    every = list(dict.fromkeys(where))
    if len(every) <= MAX_ROWS:
        return every, every
    best = score.reindex(every).fillna(-np.inf).sort_values(ascending=False, kind="stable")
    kept = set(best.index[:MAX_ROWS])
    return [place for place in every if place in kept], every


@OVERVIEW.figure(
    "controls",
    section="Trained networks and their controls",
    order=1,
    inputs=["agreement"],
    optional=["verdicts"],
    caption="Agreement of the found states with the truth (adjusted Rand index, ARI) at the "
    "true number of states, or at that of the explained model where the true number is "
    "unknown or was not fitted, for trained networks and their controls; one panel "
    "per covariance type; lines are 95 % intervals. The verdict stands in brackets "
    "after each name. Last panel: fidelity at the same step, at the same number of "
    "states; for the untrained control, of its own output. Trainings of one network "
    "stand above each other.",
)
def draw_controls(agreement: pd.DataFrame, verdicts: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw agreement with the truth at the true state count, and fidelity, for each role.

    Parameters
    ----------
    agreement : DataFrame
        ``network, layer, seed, role, rule, covariance_type, n_states, ari, ari_low, ari_high,
        ceiling_ari, fidelity_test``; rows whose ``rule`` is ``true`` are shown, or ``explained``
        where the true count is unknown or was not swept. Each covariance type has a panel; models
        of symbols (``none``) stand in all of them.
    verdicts : DataFrame
        ``network, layer, role, grade``; the grades of a network stand next to its name.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    known = set(agreement.loc[agreement["rule"] == "true", "network"])
    rule = np.where(agreement["network"].isin(known), "true", "explained")
    table = agreement[agreement["rule"] == rule].reset_index(drop=True)
    several = table.groupby("network")["layer"].transform("nunique") > 1
    table["where"] = table["network"] + np.where(several, " / " + table["layer"], "")
    trained = verdicts[verdicts["role"] == "trained"]
    grades = {
        place: "/".join(GRADE_WORDS.get(g, g) for g in dict.fromkeys(part["grade"]))
        for place, part in trained.groupby(["network", "layer"])
    }
    table["where"] += [
        f" ({grades.get(key, 'not judged')})"
        for key in zip(table["network"], table["layer"], strict=True)
    ]
    kinds = [kind for kind in dict.fromkeys(table["covariance_type"]) if kind != "none"] or ["none"]
    # How far the trained network is from the nearest of its controls.
    score = "ari" if table["ari"].notna().any() else "fidelity_test"
    means = table.pivot_table(index="where", columns="role", values=score)
    others = means.drop(columns="trained", errors="ignore").max(axis=1)
    trained_mean = means.get("trained", others)
    places, every = _rows(table["where"], (trained_mean - others).abs())
    source, table = table.drop(columns="where"), table[table["where"].isin(places)]
    figure, axes = plt.subplots(
        1,
        len(kinds) + 1,
        figsize=(style.WIDTH, 0.9 + 0.42 * len(places)),
        sharey=True,
        squeeze=False,
    )
    panels = [(kind, "ari", f"ARI, {kind} covariance") for kind in kinds]
    panels.append((kinds[0], "fidelity_test", f"fidelity, same step, {kinds[0]}"))
    offsets = dict(zip(style.ROLE_COLOURS, np.linspace(-0.27, 0.27, 4), strict=True))
    for ax, (kind, score, label) in zip(axes[0], panels, strict=True):
        for row in table[table["covariance_type"].isin([kind, "none"])].to_dict("records"):
            y = places.index(row["where"]) + offsets[row["role"]] + 0.07 * (row["seed"] % 2)
            colour = style.ROLE_COLOURS[row["role"]]
            if score == "ari":
                ax.plot([row["ari_low"], row["ari_high"]], [y, y], color=colour, lw=0.8)
            ax.plot(row[score], y, ms=4, color=colour, marker=style.ROLE_MARKERS[row["role"]])
        if score == "ari":
            for where, part in table.groupby("where"):
                y, ceiling = places.index(where), part["ceiling_ari"].iloc[0]
                ax.plot([ceiling] * 2, [y - 0.4, y + 0.4], color=style.CEILING, lw=1.5)
        ax.set_xlabel(label)
        ax.set_xlim(min(-0.05, *ax.get_xlim()), 1.05)
        ax.grid(axis="x", lw=0.4)
        for y in np.arange(len(places) - 1) + 0.5:
            ax.axhline(y, color="0.9", lw=0.6)
    axes[0, 0].set_yticks(range(len(places)), [user_text.figure(p, ROW_WIDTH) for p in places])
    axes[0, 0].set_ylim(len(places) - 0.5, -0.5)
    handles = [
        Line2D([], [], ls="", marker=style.ROLE_MARKERS[role], color=style.ROLE_COLOURS[role],
               label=name, ms=4)
        for role, name in ROLE_NAMES.items()
    ]  # fmt: skip
    if table["ceiling_ari"].notna().any():
        handles.append(Line2D([], [], color=style.CEILING, lw=1.5, label="ceiling: exact filter"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    more = distinctive.and_more(len(every), len(places))
    style.footnote(figure, more, "networks that differ less from their controls")
    return figure, source


#: How methods are drawn: a colour and a marker each, predictors without states unfilled.
METHOD_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*", "<", ">")


@OVERVIEW.figure(
    "methods",
    section="Checks",
    order=1,
    inputs=["methods"],
    caption="Other methods that find as many states as the explained model has, and predictors "
    "without states (unfilled): R² of the network's output forecast five steps ahead "
    "without reading activations in between, and agreement with the truth. Each "
    "method is fitted to the train split and uses the past only; transitions are "
    "counted for each kind of input in the same way for all methods. Trainings of one "
    "network stand in one row. R² below −0.25 lies outside the panel. All numbers are "
    "in tables/methods.csv.",
)
def draw_methods(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the fidelity ahead and the agreement of every method at the same number of states.

    Parameters
    ----------
    table : DataFrame
        ``network, layer, seed, method, n_states, ahead, ari``; predictors without states have no
        ``n_states``. Methods without a number ahead are left out.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    table = table[table["ahead"].notna()].reset_index(drop=True)
    several = table.groupby("network")["layer"].transform("nunique") > 1
    where = table["network"] + np.where(several, " / " + table["layer"], "")
    # How much it matters which method is taken.
    by_place = table.groupby(where)["ahead"]
    places, every = _rows(where, by_place.max() - by_place.min())
    source = table
    table, where = table[where.isin(places)], where[where.isin(places)]
    names = list(dict.fromkeys(table["method"]))
    known = "ari" in table and table["ari"].notna().any()
    panels = [("ahead", "forecast R², 5 steps ahead")]
    panels += [("ari", "agreement with the truth (ARI)")] if known else []
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(style.WIDTH, 1.3 + 0.42 * len(places) + 0.15 * max(0, -(-len(names) // 4) - 3)),
        sharey=True,
        squeeze=False,
    )
    palette = style.colours(len(names))
    spread = np.linspace(-0.34, 0.34, len(names))
    for i, name in enumerate(names):
        rows = table[table["method"] == name]
        filled = rows["n_states"].notna().any()
        y = np.array([places.index(w) for w in where[rows.index]]) + spread[i]
        for ax, (score, _) in zip(axes[0], panels, strict=True):
            ax.plot(
                rows[score], y, ls="", ms=4, marker=METHOD_MARKERS[i % len(METHOD_MARKERS)],
                color=palette[i], mfc=palette[i] if filled else "none",
                label=user_text.figure(name, NAME_WIDTH) if ax is axes[0, 0] else None,
            )  # fmt: skip
    for ax, (_, label) in zip(axes[0], panels, strict=True):
        ax.set_xlabel(label)
        ax.set_xlim(max(-0.25, min(-0.05, ax.get_xlim()[0])), 1.05)
        ax.grid(axis="x", lw=0.4)
        for y in np.arange(len(places) - 1) + 0.5:
            ax.axhline(y, color="0.9", lw=0.6)
    axes[0, 0].set_yticks(range(len(places)), [user_text.figure(p, ROW_WIDTH) for p in places])
    axes[0, 0].set_ylim(len(places) - 0.5, -0.5)
    figure.legend(loc="outside upper center", ncols=5 if len(names) <= 15 else 4)
    more = distinctive.and_more(len(every), len(places))
    style.footnote(figure, more, "networks whose methods differ less")
    return figure, source
