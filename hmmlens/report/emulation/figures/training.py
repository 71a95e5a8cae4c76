"""Targets of networks, the losses of their training, and whether their states stay in bounds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import (
    errors,
    name_ticks,
    ordered_colours,
    panels,
    spread,
)
from hmmlens.report.emulation.figures.common import (
    FIGURES,
    MOST_PANELS,
    count_left_out,
    displayed,
    in_order,
    target_colour,
    target_name,
)
from hmmlens.typing import Floats

#: Most targets that are drawn, and states or symbols whose numbers are.
MOST_TARGETS, MOST_CELLS = 8, 8


@FIGURES.figure(
    "targets",
    section="Targets, training and agreement with the targets",
    order=1,
    inputs=("targets",),
    caption="Hidden Markov models that the networks are trained to emulate: transition "
    "probabilities (rows: present state, columns: next state) and emission probabilities "
    "(columns: symbols).",
)
def targets(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the transitions and emissions of the study's targets.

    Parameters
    ----------
    table : DataFrame
        Table ``targets`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    every = in_order(table["target"])
    names = every[:MOST_TARGETS]
    figure, axes = plt.subplots(
        2, len(names), figsize=(min(style.WIDTH, 0.6 + 1.8 * len(names)), 2.9), squeeze=False
    )
    for column, name in enumerate(names):
        own = table[table["target"] == name]
        for ax, kind, label in zip(
            axes[:, column], ("transmat", "emissionprob"), ("next state", "symbol"), strict=True
        ):
            matrix = own[own["matrix"] == kind].pivot(index="row", columns="column", values="value")
            _numbers(ax, matrix.to_numpy())
            ax.set_xlabel(label)
        axes[0, column].set_title(target_name(name))
    for ax in axes[:, 0]:
        ax.set_ylabel("state")
    style.footnote(figure, distinctive.and_more(len(every), len(names)), "targets")
    return figure, table


def _numbers(ax: Axes, matrix: Floats) -> None:
    """Draw probabilities as colours with their numbers."""
    ax.imshow(matrix, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(matrix if max(matrix.shape) <= MOST_CELLS else matrix[:0]):
        ink = "black" if value > 0.55 else "white"
        text = f"{value:.2f}".removeprefix("0") if value else "0"
        ax.text(j, i, text, ha="center", va="center", color=ink, fontsize=5.5)
    for axis, n in ((ax.xaxis, matrix.shape[1]), (ax.yaxis, len(matrix))):
        # Of many every fifth or tenth is numbered, or fewer.
        step = 1 if n <= MOST_CELLS else 5 if n <= 15 else 10 * -(-n // 30)
        places = [i for i in range(n) if step == 1 or (i + 1) % step == 0]
        axis.set_ticks(places, [str(i + 1) for i in places])
    ax.tick_params(length=0)


@FIGURES.figure(
    "losses",
    section="Targets, training and agreement with the targets",
    order=2,
    inputs=("networks", "trained_history"),
    optional=("trained_plateau",),
    caption="Loss of every training by update of the weights, one line per seed. Dashed: loss "
    "of independent symbols that occur as often as the target's, the level of the plateau. "
    "Dotted: floor, the loss of a second batch of the target's own sequences. Points mark the "
    "escape from the plateau: from there on, the loss stays below the midpoint of both.",
)
def losses(
    networks: pd.DataFrame, history: pd.DataFrame, plateau: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the loss with plateau, floor and escape.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    history : DataFrame
        Table ``trained_history`` of the study.
    plateau : DataFrame
        Table ``trained_plateau`` of the study; without rows where there is none.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    kept = set(history["network"])
    names = [name for name in dict.fromkeys(displayed(networks)["network"]) if name in kept]
    if not names:
        return None
    names = names[:MOST_PANELS]
    figure, axes = panels(len(names), 4, 1.75)
    shown = []
    for ax, name in zip(axes, names, strict=True):
        part = history[history["network"] == name]
        found = pd.DataFrame(columns=["escape", "level", "floor"])
        if len(plateau):
            found = plateau[plateau["network"] == name].set_index("seed")
        target = part["target"].iloc[0]
        for (seed, own), colour in zip(
            part.groupby("seed"), ordered_colours(part["seed"].nunique()), strict=True
        ):
            loss = own["loss"].rolling(5, center=True, min_periods=1).median()
            ax.plot(own["update"], loss, lw=0.8, color=colour)
            shown.append(own[["network", "target", "seed", "update", "loss"]].iloc[::5])
            escape = found["escape"].get(seed, np.nan)
            if np.isfinite(escape):
                at = float(np.interp(escape, own["update"], loss))
                ax.plot(escape, at, "o", ms=3.5, color=colour, mec="white", mew=0.5)
        for column, line in (("level", "--"), ("floor", ":")):
            if found[column].notna().any():
                ax.axhline(found[column].mean(), color="black", lw=0.8, ls=line, zorder=0)
        ax.set_title(name if name != target else target_name(target))
        top = max(found["level"].max(), part["loss"].quantile(0.995)) if len(found) else None
        ax.set_ylim(min(0.0, part["loss"].quantile(0.005)), None if top is None else 1.12 * top)
    for ax in axes:
        ax.set_xlabel("update")
    for ax in axes[::4]:
        ax.set_ylabel("loss")
    count_left_out(figure, networks, names)
    return figure, pd.concat(shown, ignore_index=True)


@FIGURES.figure(
    "stability",
    section="Targets, training and agreement with the targets",
    order=6,
    inputs=("networks", "scores_stability"),
    caption="Largest Lyapunov exponent of every trained network with its 95 % interval over "
    "runs. Above 0, states diverge; below the dashed line, a network counts as stable. Crosses: "
    "trainings that diverged, or with a run of the network that exceeded 100 times the median "
    "size of states.",
)
def stability(networks: pd.DataFrame, found: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the Lyapunov exponent of every training.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    found : DataFrame
        Table ``scores_stability`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    from hmmlens.dynamics.lyapunov import STABLE

    rows = displayed(networks)[[*WHO, "diverged"]].merge(found, on=WHO)
    names = list(dict.fromkeys(rows["network"]))
    figure, ax = plt.subplots(figsize=(style.WIDTH, 2.5))
    for x, name in enumerate(names):
        own = rows[rows["network"] == name]
        at, colour = x + spread(own["lyapunov"]), target_colour(own["target"].iloc[0])
        bars = errors(own["lyapunov"], own["low"], own["high"])
        ax.errorbar(at, own["lyapunov"], bars, fmt="none", lw=0.7, color=colour)
        left = ((own["left"] > 0) | own["diverged"].astype(bool)).to_numpy()
        ax.scatter(at[~left], own["lyapunov"][~left], s=12, color=colour)
        ax.scatter(at[left], own["lyapunov"][left], s=22, color=colour, marker="x", lw=1.2)
    ax.axhline(0, color="black", lw=0.6)
    ax.axhline(STABLE, color="black", lw=0.8, ls="--")
    ax.set_ylabel("largest Lyapunov exponent\n(per step)")
    name_ticks(ax, range(len(names)), names, 16)
    count_left_out(figure, networks, names)
    return figure, rows
