"""What sets the length of the plateau before the loss drops."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.emulation.analysis.plateau.length import INITIAL_RADIUS, effects
from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures.axes import ordered_colours, panels, spread
from hmmlens.report.emulation.figures.common import FIGURES, in_order, target_colour, target_name
from hmmlens.report.emulation.text_plateau import swept

#: Settings that are varied, and how they are called.
SETTINGS = {
    "batch_size": "batch (sequences)",
    "n_steps": "length of sequences (steps)",
    "learning_rate": "learning rate",
    "radius": "spectral radius of\nthe initial weights",
}
#: Forecasts of the escape and their names.
FORECASTS = {
    "exponential": "exponential",
    "early": "exponential,\nfirst half of the values",
    "hyperbolic": "accelerating growth",
}
#: Ticks of an axis of updates.
TICKS = tuple(step * size for size in (10, 100, 1000) for step in (1, 1.5, 2, 3, 5, 7))


def varied(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each setting the trainings that differ from the commonest in it alone.

    Parameters
    ----------
    runs : DataFrame
        Trainings with their settings, see :func:`hmmlens.report.emulation.text_plateau.swept`.

    Returns
    -------
    dict of str to DataFrame
        Setting -> trainings; settings that do not vary are missing.
    """
    runs = runs.assign(radius=runs["radius"].fillna(INITIAL_RADIUS))
    base = {name: runs[name].mode().iloc[0] for name in SETTINGS}
    found = {}
    for name in SETTINGS:
        same = np.all([runs[other].eq(base[other]) for other in SETTINGS if other != name], axis=0)
        if runs[same][name].nunique() > 1:
            found[name] = runs[same]
    return found


@FIGURES.figure(
    "plateau_runs",
    section="The three questions",
    order=5,
    inputs=("networks", "trained_plateau", "trained_history"),
    caption="Short trainings of small networks that differ in one setting. Smoothed loss, "
    "scaled from the floor (0) to the loss of independent symbols (1), one line per seed; "
    "darkest: the smallest value of the setting.",
)
def plateau_runs(
    networks: pd.DataFrame, plateau: pd.DataFrame, history: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the losses of the sweep, one panel a setting.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    plateau : DataFrame
        Table ``trained_plateau`` of the study.
    history : DataFrame
        Table ``trained_history`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    runs = swept({"networks": networks, "trained_plateau": plateau})
    parts = varied(runs) if len(runs) else {}
    if not parts:
        return None
    figure, axes = panels(len(parts), 4, 2.5)
    shown = []
    for ax, (name, part) in zip(axes, parts.items(), strict=True):
        values = sorted(part[name].unique())
        for value, colour in zip(values, ordered_colours(len(values)), strict=True):
            own = part[part[name] == value]
            for index, row in enumerate(own.itertuples()):
                loss = history[history["network"].eq(row.network) & history["seed"].eq(row.seed)]
                smooth = loss["loss"].rolling(9, center=True, min_periods=1).median()
                share = (smooth - row.floor) / (row.level - row.floor)
                ax.plot(loss["update"], share, color=colour, lw=0.8,
                        label=f"{value:g}" if index == 0 else None)  # fmt: skip
                shown.append(loss.assign(share=share, setting=name, given=value).iloc[::5])
        for level in (0, 1):
            ax.axhline(level, color="black", lw=0.6, ls=":")
        ax.set_ylim(-0.1, 1.6)
        ax.set_xlabel("update")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, ncols=2,
                  title=SETTINGS[name], title_fontsize=7)  # fmt: skip
    axes[0].set_ylabel("loss, from floor (0) to\nindependent symbols (1)")
    return figure, pd.concat(shown, ignore_index=True)


@FIGURES.figure(
    "plateau_lengths",
    section="The three questions",
    order=6,
    inputs=("networks", "trained_plateau"),
    caption="Length of the plateau, from when the loss comes near that of independent symbols "
    "to the escape, by each setting that was varied (logarithmic axes). Triangles: no escape "
    "before the training ended, so that the plateau is longer. Lines connect medians; titles "
    "give the exponent of a power law fitted to all trainings, with 95 % intervals over "
    "trainings.",
)
def plateau_lengths(
    networks: pd.DataFrame, plateau: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the plateau's length against each setting.

    Parameters
    ----------
    networks : DataFrame
        Table ``networks`` of the study.
    plateau : DataFrame
        Table ``trained_plateau`` of the study.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    runs = swept({"networks": networks, "trained_plateau": plateau})
    parts = varied(runs) if len(runs) else {}
    if not parts:
        return None
    powers = effects(runs, np.random.default_rng(0)).set_index("setting")
    figure, axes = panels(len(parts), 4, 2.4)
    for ax, (name, part) in zip(axes, parts.items(), strict=True):
        _length(ax, name, part)
        row = powers.loc[name]
        if np.isfinite(row["power"]):
            ax.set_title(f"exponent {row['power']:.2f}\n({row['low']:.2f} to {row['high']:.2f})",
                         fontsize=7.5)  # fmt: skip
    axes[0].set_ylabel("length of the plateau\n(updates)")
    return figure, pd.concat([part.assign(setting=name) for name, part in parts.items()])


def _length(ax: Axes, name: str, part: pd.DataFrame) -> None:
    values = sorted(part[name].unique())
    middle = []
    for value in values:
        own = part[part[name] == value]
        escaped = own["escape"].notna()
        seen = own["length"].where(escaped, own["n_updates"] - own["start"].fillna(0)).clip(lower=1)
        at = value * np.exp(spread(seen, 0.06))
        for marker, kept in (("o", escaped.to_numpy()), ("^", ~escaped.to_numpy())):
            ax.scatter(at[kept], seen[kept], s=14, marker=marker, color="#0072B2", lw=0.8,
                       facecolors="#0072B2" if marker == "o" else "none")  # fmt: skip
        middle.append(seen.median())
    ax.plot(values, middle, color="#0072B2", lw=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(values, [f"{v:.3g}" if v < 1 else f"{v:g}" for v in values])
    low, high = ax.get_ylim()
    inside = [tick for tick in TICKS if low <= tick <= high]
    ax.set_yticks(inside, [f"{tick:g}" for tick in inside])
    ax.minorticks_off()
    ax.set_xlabel(SETTINGS[name])


@FIGURES.figure(
    "escape",
    section="The three questions",
    order=7,
    inputs=("trained_escape",),
    caption="Forecast of the escape from the plateau, for every training with enough "
    "checkpoints: update at which the correlation between the symbols of nearby steps reaches "
    "half of the target's, extrapolated from its small values by three kinds of growth, by the "
    "update at which it does. On the line the forecast is correct; above it, it is late; at the "
    "upper edge, half of the correlation is never reached.",
)
def escape(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame] | None:
    """Draw forecasts of the escape against when it came.

    Parameters
    ----------
    table : DataFrame
        One row a training, see :func:`hmmlens.emulation.analysis.plateau.escape.escape_row`.

    Returns
    -------
    tuple of (Figure, DataFrame) or None
        The figure and the numbers that it shows; None where there is nothing to show.
    """
    rows = table[table["reached"].notna() & table["rate"].notna()]
    if rows.empty:
        return None
    figure, axes = panels(len(FORECASTS), 3, 2.5)
    last = float(rows["reached"].max())
    most = 1.1 * min(3 * last, float(np.nanmax(rows[["reached", *FORECASTS]])))
    for ax, (name, label) in zip(axes, FORECASTS.items(), strict=True):
        for target in in_order(rows["target"]):
            own = rows[rows["target"] == target]
            forecast = own[name].fillna(np.inf).clip(upper=most)
            ax.scatter(own["reached"], forecast, s=12, color=target_colour(target), clip_on=False,
                       label=target_name(target))  # fmt: skip
        ax.plot([0, most], [0, most], color="black", lw=0.6, ls=":")
        ax.set_xlim(0, 1.1 * last)
        ax.set_ylim(0, most)
        ax.set_title(label)
        ax.set_xlabel("reached (update)")
    axes[0].set_ylabel("forecast (update)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", frameon=False,
                  ncols=6)  # fmt: skip
    return figure, rows[[*WHO, "reached", *FORECASTS]]
