"""How often networks have kick units, and through which gate they kick."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.figures.axes import errors, handle, panels
from hmmlens.report.emulation.figures.common import FIGURES, MOST_PANELS, NULL, target_colour
from hmmlens.report.emulation.figures.kick_tests import KINDS
from hmmlens.stats.bootstrap import mean_estimate
from hmmlens.typing import Floats


@FIGURES.figure(
    "kick_prevalence",
    section="Kick units",
    order=7,
    inputs=("networks", "kicks_kicks"),
    caption="Share of a training's exits that have kick units, mean over trainings with Student's "
    "95 % interval (exits of one training are not independent; one training has no interval), and "
    "number of units per group, by network. Numbers: exits with kick units of all exits.",
)
def kick_prevalence(
    networks: pd.DataFrame, kicks: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw how many exits have kick units, and the sizes of groups.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    kicks : DataFrame
        Table ``kicks_kicks`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    names = [n for n in dict.fromkeys(networks["network"]) if n in set(kicks["network"])]
    figure, axes = plt.subplots(1, 2, figsize=(style.WIDTH, 2.6), width_ratios=(1.4, 1))
    rows = []
    for k, (kind, _) in enumerate(KINDS):
        for x, name in enumerate(names):
            own = kicks[(kicks["network"] == name) & (kicks["kind"] == kind)]
            if own.empty:
                continue
            hits = int(own["kicks"].astype(bool).sum())
            shares = own["kicks"].astype(float).groupby(own["seed"]).mean()
            found = mean_estimate(shares.to_numpy())
            colour, place = target_colour(own["target"].iloc[0]), x + (k - 0.5) * 0.3
            axes[0].errorbar(
                place, found.value, [[found.value - found.low], [found.high - found.value]],
                fmt="os"[k], ms=4, lw=0.9, color=colour, mfc=colour if k == 0 else "white",
            )  # fmt: skip
            if kind == "group":
                sizes = own[own["kicks"].astype(bool)]["n_units"]
                axes[1].scatter(np.full(len(sizes), x) + _apart(sizes), sizes, s=9, color=colour)
            rows.append({"network": name, "kind": kind, "kicks": hits, "n": len(own),
                         "trainings": len(shares), "share": found.value, "low": found.low,
                         "high": found.high})  # fmt: skip
            axes[0].text(place, 1.06, f"{hits}/{len(own)}", ha="center", fontsize=5.5, rotation=60)
    axes[0].set_ylim(-0.04, 1.2)
    axes[0].set_yticks(np.linspace(0, 1, 6))
    axes[0].set_ylabel("share of exits\nwith kick units")
    axes[1].set_ylabel("units per group")
    axes[1].set_ylim(0, 10.6)
    for ax in axes:
        ax.set_xticks(range(len(names)), names, rotation=35, ha="right")
        ax.set_xlim(-0.6, len(names) - 0.4)
    signs = [handle("#555555", "o", label="groups"), handle("#555555", "s", label="three units")]
    signs[1].set_markerfacecolor("white")
    axes[0].legend(handles=signs, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0),
                   frameon=False)  # fmt: skip
    return figure, pd.DataFrame(rows)


def _apart(sizes: pd.Series) -> Floats:
    """Return offsets that set equal sizes side by side."""
    order = sizes.groupby(sizes).cumcount().to_numpy()
    count = sizes.groupby(sizes).transform("size").to_numpy()
    offsets: Floats = 0.12 * (order - (count - 1) / 2)
    return offsets


@FIGURES.figure(
    "kick_gates",
    section="Kick units",
    order=8,
    inputs=("kicks_gates",),
    caption="Gates through which the kick units of gated recurrent units (GRU) and long "
    "short-term memory networks (LSTM) act: reduction of the hazard when one gate is held at "
    "its mean in the cluster, compared with matched sets of units (grey: from the mean to the "
    "95 % quantile). Sent: the output of the units is held; silenced: it is set to zero.",
)
def kick_gates(gates: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw what holding each gate does, one panel a network.

    Parameters
    ----------
    gates : DataFrame
        Table ``kicks_gates`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    every = list(dict.fromkeys(gates["network"]))
    names = every[: MOST_PANELS * 3 // 4]
    figure, axes = panels(len(names), 3, 2.3)
    style.footnote(figure, distinctive.and_more(len(every), len(names)), "networks")
    for ax, name in zip(axes, names, strict=True):
        part = gates[gates["network"] == name]
        kinds = list(dict.fromkeys(part["gate"]))
        for x, kind in enumerate(kinds):
            own = part[part["gate"] == kind]
            at = x + np.linspace(-0.25, 0.25, len(own)) if len(own) > 1 else np.array([float(x)])
            ax.fill_between([x - 0.4, x + 0.4], own["null_mean"].mean(), own["null_q95"].mean(),
                            color=NULL, alpha=0.5, lw=0)  # fmt: skip
            ax.errorbar(at, own["reduction"], errors(own["reduction"], own["low"], own["high"]),
                        fmt="o", ms=3.2, lw=0.8, color="#0072B2")  # fmt: skip
        ax.axhline(0, color="black", lw=0.6)
        ax.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right")
        ax.set_title(name)
    axes[0].set_ylabel("reduction of hazard,\ngate held")
    return figure, gates
