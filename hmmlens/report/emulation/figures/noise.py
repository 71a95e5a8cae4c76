"""Noise of several strengths: what homogeneity fixes, and whether any strength is best."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import style
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import errors, from_zero, handle, panels, spread
from hmmlens.report.emulation.figures.common import FIGURES, only
from hmmlens.report.emulation.text_homogeneity import kind

#: Measures of switching: name, label.
SWITCHING = (
    ("switching_rate", "switches per step"),
    ("dwell_cv", "CV of dwell times"),
    ("coherence", "coherence of\nswitching"),
)
#: Measures of regularity in which a resonance is looked for.
REGULAR = {"dwell_cv": "CV of dwell times", "cycle_cv": "CV of cycles", "coherence": "coherence"}


def _kinds(networks: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the trainings of the target with most kinds, with ``kind``, and a colour for each."""
    found = networks.assign(kind=[kind(row) for row in networks.to_dict("records")])
    n_kinds = found.groupby("target", sort=False)["kind"].nunique()
    found = found[found["target"] == n_kinds.idxmax()]
    names = list(dict.fromkeys(found["kind"]))
    return found, dict(zip(names, style.colours(len(names)), strict=True))


@FIGURES.figure(
    "noise_strength",
    section="The three questions",
    order=3,
    inputs=("networks", "reverse_sizes", "reverse_noise_sweep"),
    caption="Noise of several standard deviations (SD), the same noise scaled, by kind of "
    "network. Thin lines: trainings; thick lines: means. Radius of the orbits divided by the "
    "SD, relative to that at SD 1; switches of the latent state; coefficient of variation (CV) "
    "of dwell times; coherence of switching. In ReLU networks without biases all curves are "
    "flat by construction, because h(s x) = s h(x). Lines end where states diverge or no dwell "
    "is complete.",
)
def noise_strength(
    networks: pd.DataFrame, sizes: pd.DataFrame, sweep: pd.DataFrame
) -> tuple[Figure, pd.DataFrame]:
    """Draw sizes of orbits and switching against the strength of noise, by kind of network.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    sizes : DataFrame
        Table ``reverse_sizes`` of the study.
    sweep : DataFrame
        Table ``reverse_noise_sweep`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure and the numbers that it shows.
    """
    known = networks[networks["network"].isin(sweep["network"])]
    shown, colours = _kinds(known)
    figure, axes = panels(1 + len(SWITCHING), 2, 1.9)
    orbits = only(sizes, shown)
    usual = orbits[orbits["noise_sd"] == 1][[*WHO, "radius_per_sd"]]
    orbits = orbits.merge(usual, on=WHO, suffixes=("", "_at_1"))
    orbits["value"] = orbits["radius_per_sd"] / orbits["radius_per_sd_at_1"]
    rows = [orbits.assign(measure="radius")]
    _lines(axes[0], orbits, shown, colours)
    axes[0].set_ylabel("radius over SD,\nrelative to SD 1")
    switching = only(sweep, shown)
    for ax, (measure, label) in zip(axes[1:], SWITCHING, strict=True):
        part = switching[switching["measure"] == measure]
        _lines(ax, part, shown, colours)
        ax.set_ylabel(label)
        rows.append(part)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        ax.minorticks_off()
        ax.set_xlabel("standard deviation of the noise")
        from_zero(ax)
    signs = [handle(colour, "", "-", name) for name, colour in colours.items()]
    figure.legend(handles=signs, loc="outside upper center", ncols=min(len(signs), 3),
                  frameon=False)  # fmt: skip
    return figure, pd.concat(rows, ignore_index=True)


def _lines(ax: Axes, rows: pd.DataFrame, shown: pd.DataFrame, colours: dict[str, str]) -> None:
    rows = rows.merge(shown[[*WHO, "kind"]], on=WHO)
    for name, colour in colours.items():
        part = rows[rows["kind"] == name]
        for _, own in part.groupby(WHO):
            own = own.sort_values("noise_sd")
            ax.plot(own["noise_sd"], own["value"], color=colour, lw=0.5, alpha=0.5)
        mean = part.groupby("noise_sd")["value"].mean()
        ax.plot(mean.index, mean, color=colour, lw=2)


@FIGURES.figure(
    "resonance",
    section="The three questions",
    order=4,
    inputs=("networks", "reverse_resonance"),
    caption="Stochastic resonance: whether switching is more regular at an intermediate "
    "strength of noise than at the weakest and the strongest. Gain in regularity of the best "
    "intermediate strength over the better of the two, chosen on one half of the runs and "
    "measured on the other (95 % intervals over runs); above 0 there is a resonance. One panel "
    "per measure of regularity; CV: coefficient of variation.",
)
def resonance(networks: pd.DataFrame, table: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the gain of a middling strength of noise, by kind of network.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    table : DataFrame
        Table ``reverse_resonance`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = table[np.isfinite(table["gain"])]
    measures = [m for m in REGULAR if (rows["measure"] == m).any()]
    if not measures:
        return None
    shown, colours = _kinds(networks[networks["network"].isin(rows["network"])])
    rows = only(rows, shown).merge(shown[[*WHO, "kind"]], on=WHO)
    names = [name for name in colours if (rows["kind"] == name).any()]
    figure, axes = plt.subplots(1, len(measures), figsize=(style.WIDTH, 2.4), squeeze=False)
    for ax, measure in zip(axes[0], measures, strict=True):
        for x, name in enumerate(names):
            own = rows[(rows["measure"] == measure) & (rows["kind"] == name)]
            ax.errorbar(
                x + spread(own["gain"]), own["gain"], errors(own["gain"], own["low"], own["high"]),
                fmt="o", ms=3, lw=0.7, color=colours[name],
            )  # fmt: skip
        ax.axhline(0, color="black", lw=0.6)
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
        ax.set_title(REGULAR[measure])
    axes[0, 0].set_ylabel("gain in regularity of\nthe best intermediate strength")
    return figure, rows
