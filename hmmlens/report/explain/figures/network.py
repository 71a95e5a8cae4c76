"""Figures of one network's layer: selection, scores, trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hmmlens import user_text
from hmmlens.hmm.selection import best_restarts
from hmmlens.report import distinctive, style
from hmmlens.report.explain.figures.registries import LAYER
from hmmlens.report.explain.figures.state_colours import Band
from hmmlens.report.explain.roles import ROLE_NAMES
from hmmlens.typing import Floats, Ints

#: Points of a scatter plot; more only hide each other.
MAX_POINTS = 4000
#: Most panels of reducers, and most maps, that fit a page.
MAX_PANELS, MAX_MAPS = 12, 4
#: Most states that are named in a map: with names of few characters, and with longer ones.
SHORT, MAX_NAMED, MAX_LONG = 3, 24, 10
#: Longest names of reducers and of states, in characters.
REDUCER_WIDTH, STATE_WIDTH = 18, 12


def name_pick(pick: str) -> str:
    """Return how a choice is named in figures: BIC, AIC, held out, compact.

    Parameters
    ----------
    pick : str
        Name of the choice, such as ``bic``.

    Returns
    -------
    str
        Name in figures.
    """
    return pick.upper() if pick in ("bic", "aic", "icl") else pick.replace("_", " ")


@LAYER.figure(
    "selection",
    section="choice of the number of states",
    order=1,
    inputs=["fits", "choices", "criterion"],
    caption="Criterion by which the number of states is chosen, for each number of states "
    "and, in panels, each reduction of the recorded activations. Points: restarts of "
    "the fit; lines: the best restart of each covariance type; circle: the chosen "
    "model. “Edge” marks a choice of the largest number that was fitted. Each panel "
    "has its own scale, because values cannot be compared across reductions.",
)
def draw_selection(
    fits: pd.DataFrame, chosen: pd.DataFrame, criterion: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the criterion against the state count for each reducer, all restarts shown.

    Parameters
    ----------
    fits : DataFrame
        Rows of one layer: ``reducer, exploratory, covariance_type, n_states, restart`` and the
        criteria. Each panel has its own scale, because values of different reducers cannot be
        compared.
    chosen : DataFrame
        ``reducer, pick, covariance_type, n_states, at_edge`` and, where there are many reducers,
        ``fidelity_select``: those with the most faithful chosen models are shown.
    criterion : str
        The criterion that is drawn.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    every = list(dict.fromkeys(fits["reducer"]))
    reducers = _most_faithful(every, chosen)
    # Five, as of three reducers and the two controls, stand in one row.
    figure, axes = style.panels(len(reducers), 5 if len(reducers) == 5 else 4, height=2.3)
    for ax, reducer in zip(axes, reducers, strict=True):
        part = fits[fits["reducer"] == reducer]
        for kind, rows in part.groupby("covariance_type", sort=False):
            colour = style.COVARIANCE_COLOURS[kind]
            ax.plot(rows["n_states"], rows[criterion], ".", ms=3, color=colour, alpha=0.5)
            best = best_restarts(rows)
            label = kind if kind != "none" else "symbols"
            ax.plot(best["n_states"], best[criterion], color=colour, label=label)
        pick = chosen[(chosen["reducer"] == reducer) & (chosen["pick"] == criterion)].iloc[0]
        values = part[
            (part["covariance_type"] == pick["covariance_type"])
            & (part["n_states"] == pick["n_states"])
        ]
        value = best_restarts(values)[criterion].iloc[0]
        edge = " (edge)" if pick["at_edge"] else ""
        ax.plot(pick["n_states"], value, "o", mfc="none", mec="black", ms=8)
        exploratory = " (exploratory)" if part["exploratory"].iloc[0] else ""
        name = user_text.figure(reducer, REDUCER_WIDTH)
        ax.set_title(f"{name}{exploratory}\nchosen: {pick['n_states']}{edge}")
        ax.set_xlabel("number of states")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
    axes[0].set_ylabel(f"{name_pick(criterion)}, points: restarts")
    entries: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    figure.legend([*entries.values()], [*entries], loc="outside upper center", ncols=5)
    style.footnote(figure, distinctive.and_more(len(every), len(reducers)), "reducers")
    return figure, fits


def _most_faithful(reducers: list[str], chosen: pd.DataFrame) -> list[str]:
    """Return the reducers that fit a page, in their order: those of the most faithful models."""
    if len(reducers) <= MAX_PANELS:
        return reducers
    best = chosen.groupby("reducer")["fidelity_select"].max().reindex(reducers)
    kept = set(best.sort_values(ascending=False, kind="stable").index[:MAX_PANELS])
    return [name for name in reducers if name in kept]


@LAYER.figure(
    "scores",
    section="choice of the number of states",
    order=2,
    inputs=["by_count", "chosen", "ceiling"],
    caption="By number of states, left: fidelity at the same step, the R² of the network's "
    "output predicted from the present state of the model. Right, where the truth is "
    "known: agreement with it (adjusted Rand index, ARI). Both for the trained "
    "network and its controls: the untrained control, the same network with its "
    "initial weights, and models of the input alone. Shades: 95 % intervals of the "
    "covariance type with full lines. Vertical lines: the chosen models. Where states are "
    "certified, models with as many of them follow their transitions given the input, and all "
    "others average over inputs.",
)
def draw_scores(
    table: pd.DataFrame, picks: pd.DataFrame, ceiling: float
) -> tuple[Figure, pd.DataFrame]:
    """Draw fidelity and agreement against the state count for each role.

    Parameters
    ----------
    table : DataFrame
        ``role, covariance_type, n_states, fidelity_test`` and, where the truth is known, ``ari,
        ari_low, ari_high``.
    picks : DataFrame
        ``pick, n_states`` of the trained network's two models.
    ceiling : float
        ARI of the exact filter, NaN where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    known = "ari" in table and table["ari"].notna().any()
    panels = [("fidelity_test", "fidelity at the same step")]
    if known:
        panels.append(("ari", "agreement with the truth (ARI)"))
    width = style.WIDTH if known else 0.65 * style.WIDTH
    figure, axes = plt.subplots(1, len(panels), figsize=(width, 2.8), squeeze=False)
    kinds = [kind for kind in dict.fromkeys(table["covariance_type"]) if kind != "none"]
    lines = dict(zip(kinds, ("-", "--", ":", "-."), strict=False))
    for ax, (score, ylabel) in zip(axes[0], panels, strict=False):
        for (role, kind), rows in table.groupby(["role", "covariance_type"], sort=False):
            rows = rows.sort_values("n_states")
            colour, first = style.ROLE_COLOURS[role], kind in ("none", kinds[0])
            ax.plot(
                rows["n_states"], rows[score], ls=lines.get(kind, "-"), color=colour, ms=3,
                marker=style.ROLE_MARKERS[role], label=ROLE_NAMES[role] if first else None,
            )  # fmt: skip
            if score == "ari" and first:
                ax.fill_between(
                    rows["n_states"], rows["ari_low"], rows["ari_high"], lw=0, alpha=0.15,
                    color=colour,
                )  # fmt: skip
        if score == "fidelity_test":
            for kind in kinds[1:]:
                ax.plot(
                    [], [], color="0.4", ls=lines[kind], label=f"{kind} (full line: {kinds[0]})"
                )
        if score == "ari" and np.isfinite(ceiling):
            ax.axhline(ceiling, color=style.CEILING, lw=1, label="exact filter")
        for pick in picks.itertuples():
            line = ":" if pick.pick == "explained" else "--"
            ax.axvline(
                pick.n_states, color="0.5", ls=line, lw=0.8, label=f"{name_pick(pick.pick)} model"
            )
        ax.set_xlabel("number of states")
        ax.set_ylabel(ylabel)
        ax.set_ylim(min(-0.05, float(table[score].min()) - 0.05), 1.05)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure, table


def spread_apart(places: Floats, size: Floats) -> Floats:
    """Return where labels go that would lie on each other: pushed apart upwards and downwards.

    Parameters
    ----------
    places : ndarray of float, shape (label, 2)
        Places of the labels.
    size : ndarray of float, shape (2,)
        Width and height of a label.

    Returns
    -------
    ndarray of float, shape (label, 2)
        Places of the labels.
    """
    moved = places.copy()
    for _ in range(50):
        for i, j in combinations(range(len(moved)), 2):
            across, up = moved[j] - moved[i]
            if abs(across) < size[0] and abs(up) < size[1]:
                push = (size[1] - abs(up)) / 2 * (1 if up >= 0 else -1)
                moved[i, 1] -= push
                moved[j, 1] += push
    return moved


@LAYER.figure(
    "trajectories",
    section="above the table of states",
    order=3,
    inputs=["maps", "bands", "inside"],
    caption="Recorded steps in the first two components of the reduced activations, coloured "
    "by the truth, where it is known, and by the states of the explained model. The "
    "thin line is the path of one sequence. Maps marked exploratory distort "
    "distances; the states on them were fitted to the reduction above.",
)
def draw_trajectories(
    maps: Mapping[str, Floats],
    bands: Sequence[Band],
    inside: NDArray[np.bool_],
    n_lines: int = 1,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the recorded steps in two dimensions, coloured by truth and by found states.

    Parameters
    ----------
    maps : mapping of str to ndarray
        Name -> coordinates (sequence, time, component), of which the first two are drawn. At most
        :data:`MAX_MAPS` are drawn.
    bands : sequence of Band
        States that colour the steps, one panel each for every map. Of many states the most
        frequent ones are named.
    inside : ndarray of bool, shape (sequence, time)
        True before each sequence's end; other steps are not drawn.
    n_lines : int
        Number of sequences whose path is drawn.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    n_maps = min(len(maps), MAX_MAPS)
    figure, axes = style.panels(n_maps * len(bands), per_row=4, height=1.9)
    panels = iter(axes)
    source: dict[str, Any] = {}
    for number, (name, reduced) in enumerate(maps.items()):
        flat = reduced[inside]
        if flat.shape[1] == 1:
            flat = np.c_[flat, np.zeros(len(flat))]
        shown = np.linspace(0, len(flat) - 1, min(MAX_POINTS, len(flat))).round().astype(int)
        source[f"{name} 1"], source[f"{name} 2"] = flat[shown, 0], flat[shown, 1]
        for band in bands:
            states = band.states[inside]
            source[band.label] = states[shown]
            if number >= n_maps:
                continue
            ax = next(panels)
            draw_map(ax, flat, states, band, shown)
            for sequence in range(min(n_lines, len(reduced))):
                path = reduced[sequence][inside[sequence]]
                if path.shape[1] > 1:
                    ax.plot(path[:60, 0], path[:60, 1], color="0.2", lw=0.4, alpha=0.6)
            ax.set_title(band.label, loc="left" if ax.get_title(loc="right") else "center")
            words = user_text.figure(name, REDUCER_WIDTH)
            ax.set_xlabel(f"{words}\ncomponent 1")
            ax.set_ylabel("component 2" if reduced.shape[2] > 1 else "")
    style.footnote(figure, distinctive.and_more(len(maps), n_maps), "maps")
    return figure, pd.DataFrame(source)


def draw_map(ax: Axes, flat: Floats, states: Ints, band: Band, shown: Ints) -> None:
    """Draw recorded steps in two dimensions, and the names of frequent states.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    flat : ndarray of shape (step, component)
        Coordinates, of which the first two are drawn.
    states : ndarray of int, shape (step,)
        The state of each step, below 0 where unknown.
    band : Band
        Names and colours of the states.
    shown : ndarray of int, shape (drawn,)
        The steps that are drawn.
    """
    counts = np.bincount(states[states >= 0], minlength=len(band.colours))
    for index in np.flatnonzero(counts).tolist():
        here = shown[states[shown] == index]
        ax.plot(
            flat[here, 0], flat[here, 1], ".", ms=1.6, color=band.colours[index], alpha=0.5,
            rasterized=True,
        )  # fmt: skip
    names = user_text.figure_names(band.names, STATE_WIDTH)
    met = [int(index) for index in np.argsort(-counts, kind="stable") if counts[index]]
    long = max((len(names[index]) for index in met), default=1) > SHORT
    there = sorted(met[: MAX_LONG if long else MAX_NAMED])
    centres = np.array([np.median(flat[states == i, :2], axis=0) for i in there]).reshape(-1, 2)
    longest = max((len(names[index]) for index in there), default=1)
    size = np.ptp(flat[:, :2], axis=0) * (0.035 + 0.03 * longest, 0.075)
    for index, centre in zip(there, spread_apart(centres, size), strict=True):
        colour = band.colours[index]
        ax.text(
            centre[0], centre[1], names[index], fontsize=7, weight="bold",
            ha="center", va="center", color=colour,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": colour, "lw": 0.6},
        )  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    # Room for names at the edge.
    ax.margins(0.16, 0.1)
    if len(there) < len(met):
        ax.set_title(f"{len(there)} of {len(met)} named", fontsize=6, loc="right", pad=2)
