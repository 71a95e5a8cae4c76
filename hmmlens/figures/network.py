"""Figures of one network's layer: selection, trajectories, states, example sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hmmlens.figures import style
from hmmlens.figures.names import MIN_ARROW, state_names
from hmmlens.hmm.selection import best_restarts
from hmmlens.validation.recovery import contingency

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]

#: Points of a scatter plot; more only hide each other.
MAX_POINTS = 4000


def pick_name(pick: str) -> str:
    """Return how a choice is named in figures: BIC, AIC, held out, compact."""
    return pick.upper() if pick in ("bic", "aic", "icl") else pick.replace("_", " ")


class Band(NamedTuple):
    """One row of states over time: ``states`` (sequence, time), -1 where unknown."""

    label: str
    states: Ints
    names: Sequence[str]
    colours: Sequence[str]


def matched_colours(states: Ints, n_states: int, truth: Ints, n_truth: int) -> list[str]:
    """Return a colour for each found state: that of the true state that it meets most often.

    Each true state gives its colour to one found state at most; the others take new colours.
    Without a truth, states take the palette in their order.

    Parameters
    ----------
    states, truth : (sequence, time), -1 where unknown.
    """
    if not (truth >= 0).any():
        return style.colours(n_states)
    table = contingency(truth, states).sum(axis=0)
    counts = np.zeros((n_truth, n_states))
    counts[: table.shape[0], : table.shape[1]] = table
    palette = style.colours(n_truth + n_states)
    spare = iter(palette[n_truth:])
    true, found = linear_sum_assignment(counts, maximize=True)
    partner = dict(zip(found, true, strict=True))
    return [palette[partner[k]] if k in partner else next(spare) for k in range(n_states)]


def selection(
    fits: pd.DataFrame, chosen: pd.DataFrame, criterion: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the criterion against the state count for each reducer, all restarts shown.

    Parameters
    ----------
    fits : rows of one layer: ``reducer, exploratory, covariance_type, n_states, restart`` and the
        criteria. Each panel has its own scale: values of different reducers cannot be compared.
    chosen : ``reducer, pick, covariance_type, n_states, at_edge``.
    """
    reducers = list(dict.fromkeys(fits["reducer"]))
    figure, axes = style.panels(len(reducers), per_row=4, height=2.5)
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
        ax.set_title(f"{reducer}{exploratory}\nchosen: {pick['n_states']}{edge}")
        ax.set_xlabel("number of states")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
    axes[0].set_ylabel(f"{pick_name(criterion)}, points: restarts")
    entries: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    figure.legend([*entries.values()], [*entries], loc="outside upper center", ncols=5)
    return figure, fits


def scores(table: pd.DataFrame, picks: pd.DataFrame, ceiling: float) -> tuple[Figure, pd.DataFrame]:
    """Draw fidelity and agreement against the state count for each role.

    Parameters
    ----------
    table : ``role, covariance_type, n_states, fidelity_test`` and, where the truth is known,
        ``ari, ari_low, ari_high``.
    picks : ``pick, n_states`` of the trained network's two models.
    ceiling : ARI of the exact filter, NaN where there is none.
    """
    known = "ari" in table and table["ari"].notna().any()
    panels = [("fidelity_test", "fidelity to the network's output")]
    if known:
        panels.append(("ari", "agreement with the truth (ARI)"))
    figure, axes = plt.subplots(1, 2, figsize=(style.WIDTH, 2.8), squeeze=False)
    for ax in axes[0, len(panels) :]:
        ax.set_axis_off()
    kinds = [kind for kind in dict.fromkeys(table["covariance_type"]) if kind != "none"]
    lines = dict(zip(kinds, ("-", "--", ":", "-."), strict=False))
    for ax, (score, ylabel) in zip(axes[0], panels, strict=False):
        for (role, kind), rows in table.groupby(["role", "covariance_type"], sort=False):
            rows = rows.sort_values("n_states")
            colour, first = style.ROLE_COLOURS[role], kind in ("none", kinds[0])
            ax.plot(
                rows["n_states"], rows[score], ls=lines.get(kind, "-"), color=colour, ms=3,
                marker=style.ROLE_MARKERS[role], label=role if first else None,
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
            line = ":" if pick.pick == "compact" else "--"
            ax.axvline(
                pick.n_states, color="0.5", ls=line, lw=0.8, label=f"{pick_name(pick.pick)} model"
            )
        ax.set_xlabel("number of states")
        ax.set_ylabel(ylabel)
        ax.set_ylim(min(-0.05, float(table[score].min()) - 0.05), 1.05)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure, table


def apart(places: Floats, size: Floats) -> Floats:
    """Return where labels go that would lie on each other: pushed apart upwards and downwards.

    Parameters
    ----------
    places : (label, 2)
    size : width and height of a label.
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


def trajectories(
    maps: Mapping[str, Floats],
    bands: Sequence[Band],
    inside: NDArray[np.bool_],
    n_lines: int = 1,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the recorded steps in two dimensions, coloured by truth and by found states.

    Parameters
    ----------
    maps : name -> (sequence, time, 2 or more); the first two components are drawn, a row each.
    bands : a column each.
    inside : (sequence, time), True before each sequence's end; other steps are not drawn.
    n_lines : sequences whose path is drawn.
    """
    n_rows, n_columns = len(maps), len(bands)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(min(style.WIDTH, 2.4 * n_columns), 2.3 * n_rows),
        squeeze=False,
    )
    source = {}
    for row, (name, reduced) in enumerate(maps.items()):
        flat = reduced[inside]
        if flat.shape[1] == 1:
            flat = np.c_[flat, np.zeros(len(flat))]
        shown = np.linspace(0, len(flat) - 1, min(MAX_POINTS, len(flat))).round().astype(int)
        source[f"{name} 1"], source[f"{name} 2"] = flat[shown, 0], flat[shown, 1]
        for column, band in enumerate(bands):
            ax = axes[row, column]
            states = band.states[inside]
            source[band.label] = states[shown]
            for index, colour in enumerate(band.colours):
                here = shown[states[shown] == index]
                if len(here) == 0:
                    continue
                ax.plot(
                    flat[here, 0], flat[here, 1], ".", ms=1.6, color=colour, alpha=0.5,
                    rasterized=True,
                )  # fmt: skip
            there = [index for index in range(len(band.colours)) if (states == index).any()]
            centres = np.array([np.median(flat[states == i, :2], axis=0) for i in there])
            longest = max(len(band.names[index]) for index in there)
            size = np.ptp(flat[:, :2], axis=0) * (0.035 + 0.03 * longest, 0.075)
            for index, centre in zip(there, apart(centres, size), strict=True):
                colour = band.colours[index]
                ax.text(
                    centre[0], centre[1], band.names[index], fontsize=7, weight="bold",
                    ha="center", va="center", color=colour,
                    bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": colour, "lw": 0.6},
                )  # fmt: skip
            for sequence in range(min(n_lines, len(reduced))):
                path = reduced[sequence][inside[sequence]]
                if path.shape[1] > 1:
                    ax.plot(path[:60, 0], path[:60, 1], color="0.2", lw=0.4, alpha=0.6)
            if row == 0:
                ax.set_title(band.label)
            ax.set_xticks([])
            ax.set_yticks([])
            # Room for names at the edge.
            ax.margins(0.16, 0.1)
            if column == 0:
                ax.set_ylabel(f"{name}\ncomponent 2" if reduced.shape[2] > 1 else name)
            if row == n_rows - 1:
                ax.set_xlabel("component 1")
    return figure, pd.DataFrame(source)


def transition_graph(
    ax: Axes, transmat: Floats, occupancy: Floats, colours: Sequence[str], title: str
) -> None:
    """Draw states on a circle: area by occupancy, arrows by probability, dwell in each node."""
    n = len(transmat)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / max(n, 1)
    place = np.c_[np.cos(angle), np.sin(angle)] if n > 1 else np.zeros((1, 2))
    radius = 0.12 + 0.22 * np.sqrt(occupancy / max(occupancy.max(), 1e-9)) * (
        1.0 if n <= 5 else 5 / n
    )
    names = state_names(n)
    for i in range(n):
        for j in range(n):
            p = transmat[i, j]
            if i == j or p < MIN_ARROW:
                continue
            ax.add_patch(
                FancyArrowPatch(
                    place[i], place[j], connectionstyle="arc3,rad=0.18", arrowstyle="-|>",
                    shrinkA=radius[i] * 42, shrinkB=radius[j] * 42, mutation_scale=7,
                    lw=0.4 + 3.5 * np.sqrt(p), color="0.35", alpha=0.25 + 0.7 * min(1, 2 * p),
                )
            )  # fmt: skip
            if n <= 4:
                # Beside the bent arrow near its tail, where those of other arrows are not.
                way = 0.25 if n == 4 and (i - j) % 2 == 0 else 0.4
                across = place[j] - place[i]
                bend = (0.36 * way * (1 - way) + 0.034) * np.array([across[1], -across[0]])
                x, y = place[i] + way * across + bend
                ax.text(
                    x, y, f"{p:.2f}", fontsize=6, ha="center", va="center",
                    bbox={"fc": "white", "ec": "none", "pad": 0.4, "alpha": 0.8},
                )  # fmt: skip
    for i in range(n):
        ax.add_patch(Circle(place[i], radius[i], fc=colours[i], ec="white", lw=0.8, zorder=3))
        ax.text(
            place[i, 0], place[i, 1], names[i], ha="center", va="center", zorder=4,
            fontsize=7, weight="bold",
            color=style.text_on(colours[i]),
        )  # fmt: skip
        outward = place[i] * (1 + (radius[i] + 0.17) if n > 1 else 0) + (
            [0, 0] if n > 1 else [0, -0.6]
        )
        dwell = 1 / max(1 - transmat[i, i], 1e-9)
        steps = f"{dwell:.1f}" if dwell < 10 else f"{dwell:.0f}" if dwell < 1000 else ">1000"
        ax.text(outward[0], outward[1], steps, ha="center", va="center", fontsize=6, color="0.3")
    ax.set_xlim(-1.6, 1.6)
    ax.set_ylim(-1.6, 1.6)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(title)


def states(
    reading: xr.Dataset,
    axes_names: Mapping[str, Sequence[str]],
    symbols: tuple[bool, bool],
    colours: Sequence[str],
    title: str,
) -> tuple[Figure, pd.DataFrame]:
    """Draw what the states of one model are: transitions, inputs, outputs, truth.

    Parameters
    ----------
    reading : see :func:`hmmlens.interpretation.states.read_states`.
    axes_names : ``input``, ``output``, ``truth`` -> names along these dimensions.
    symbols : whether inputs, and outputs, are shares of symbols rather than values.
    """
    n = int(reading["n_states"])
    reading = reading.isel(state=slice(0, n), next_state=slice(0, n))
    names = state_names(n)
    truth = reading["truth_share"].to_numpy()
    panels: list[tuple[Floats, Sequence[str], str, bool]] = [
        (reading["input_mean"].to_numpy(), axes_names["input"], "input", not symbols[0]),
        (reading["output_mean"].to_numpy(), axes_names["output"], "output", not symbols[1]),
    ]
    if np.isfinite(truth).any():
        panels.append((truth, axes_names["truth"], "truth", False))
    widths = [2.6, *[max(1.2, 0.42 * len(columns)) for _, columns, _, _ in panels]]
    figure, axes = plt.subplots(
        1,
        len(widths),
        figsize=(style.WIDTH, max(2.4, 0.24 * n + 1.0)),
        gridspec_kw={"width_ratios": widths},
    )
    transition_graph(
        axes[0],
        reading["transmat"].to_numpy(),
        reading["occupancy"].to_numpy(),
        colours,
        title,
    )
    for ax, (values, columns, label, diverging) in zip(axes[1:], panels, strict=True):
        style.heatmap(ax, values, names, columns, label, diverging)
    return figure, _state_table(reading, names, axes_names)


def _state_table(
    reading: xr.Dataset,
    names: Sequence[str],
    axes_names: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Return one row per state with everything that :func:`states` draws."""
    table: dict[str, Any] = {"state": list(names)}
    for column in ("occupancy", "mean_dwell", "model_dwell"):
        table[column] = reading[column].to_numpy()
    blocks = (
        ("to", "transmat", names),
        ("input", "input_mean", axes_names["input"]),
        ("output", "output_mean", axes_names["output"]),
        ("truth", "truth_share", axes_names["truth"]),
    )
    for prefix, variable, columns in blocks:
        values = reading[variable].to_numpy()
        for index, column in enumerate(columns):
            table[f"{prefix} {column}"] = values[:, index]
    return pd.DataFrame(table)


def bands(
    signals: Floats | Ints,
    signal_names: Sequence[str],
    rows: Sequence[Band],
    sequence: int,
    n_steps: int,
    symbols: bool,
    step_label: str = "step",
) -> tuple[Figure, pd.DataFrame]:
    """Draw one sequence: its input on top, below it one band of states per row.

    Parameters
    ----------
    signals : (sequence, time) symbols or (sequence, time, feature) values.
    """
    figure, axes = plt.subplots(
        2,
        1,
        figsize=(style.WIDTH, 1.2 + 0.32 * len(rows)),
        sharex=True,
        gridspec_kw={"height_ratios": [1.0, 0.36 * len(rows)]},
    )
    n_steps = min(n_steps, signals.shape[1])
    time = np.arange(n_steps)
    source: dict[str, Any] = {"step": time}
    values = signals[sequence, :n_steps]
    if symbols:
        axes[0].plot(time, values, ".", ms=2.5, color="0.2")
        axes[0].set_yticks(range(len(signal_names)), list(signal_names))
        axes[0].set_ylim(-0.5, len(signal_names) - 0.5)
        axes[0].set_ylabel("input")
        source["input"] = values
    else:
        for index, name in enumerate(signal_names):
            axes[0].plot(time, values[:, index], lw=0.9, label=name, color=style.colours(16)[index])
            source[name] = values[:, index]
        axes[0].set_ylabel("input")
        figure.legend(loc="outside lower right", ncols=4)
    for y, band in enumerate(rows):
        states_ = band.states[sequence, :n_steps]
        source[band.label] = states_
        palette = band.colours
        edges = np.r_[0, np.flatnonzero(np.diff(states_)) + 1, n_steps]
        for start, stop in pairwise(edges):
            state = int(states_[start])
            if state < 0:
                continue
            axes[1].barh(y, stop - start, left=start - 0.5, height=0.82, color=palette[state])
            # So that a name does not reach into its neighbours.
            if stop - start >= n_steps * max(1 / 28, 0.01 * len(band.names[state])):
                axes[1].text(
                    (start + stop - 1) / 2, y, band.names[state], ha="center", va="center",
                    fontsize=6, color=style.text_on(palette[state]),
                )  # fmt: skip
    axes[1].set_yticks(range(len(rows)), [band.label for band in rows])
    axes[1].set_ylim(len(rows) - 0.5, -0.5)
    axes[1].set_xlim(-0.5, n_steps - 0.5)
    axes[1].set_xlabel(step_label)
    axes[1].tick_params(axis="y", length=0)
    axes[1].spines["left"].set_visible(False)
    return figure, pd.DataFrame(source)
