"""What sets the length of the plateau before the loss drops."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.emulation.plateau import DRAWN_RADIUS
from hmmlens.figures import style
from hmmlens.figures.torre_common import ordered_colours, spread
from hmmlens.report.torre_gates import WHO

#: Networks of the sweep are called so, see :func:`hmmlens.emulation.plateau.grid`.
SWEEP = "plateau_"
#: Settings that are varied, and how they are called.
SETTINGS = {
    "batch_size": "batch (sequences)",
    "n_steps": "length of sequences (steps)",
    "learning_rate": "learning rate",
    "radius": "spectral radius of\nthe initial weights",
}

CAPTIONS = {
    "plateau_runs": "Short trainings of small networks in which one setting is varied at a time. "
    "Loss as a share of the way from the floor (0) to the level of independent symbols (1), one "
    "line a seed, smoothed; darkest: the smallest value.",
    "plateau_lengths": "Length of the plateau, from when the loss is near the level of independent "
    "symbols to the escape, against each setting that was varied (log scales). Triangles: had not "
    "escaped when the training ended, so that the plateau is longer. Lines through the median.",
}


def _runs(networks: pd.DataFrame, plateau: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings of the sweep with their plateaus."""
    names = networks["network"].str.startswith(SWEEP)
    columns = [*WHO, *SETTINGS, "n_updates"]
    levels = plateau[[*WHO, "level", "floor", "start", "escape", "length"]]
    found = networks[names][columns].merge(levels, on=WHO)
    found["radius"] = found["radius"].fillna(DRAWN_RADIUS)
    return found


def _base(runs: pd.DataFrame) -> dict[str, float]:
    """Return the setting that most trainings share, by name."""
    return {name: float(runs[name].mode().iloc[0]) for name in SETTINGS}


def varied(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each setting the trainings that differ from the others in it alone."""
    base, found = _base(runs), {}
    for name in SETTINGS:
        same = np.all([runs[other].eq(base[other]) for other in SETTINGS if other != name], axis=0)
        if runs[same][name].nunique() > 1:
            found[name] = runs[same]
    return found


def plateau_runs(
    networks: pd.DataFrame, plateau: pd.DataFrame, history: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the losses of the sweep, one panel a setting."""
    runs = _runs(networks, plateau)
    parts = varied(runs) if len(runs) else {}
    if not parts:
        return None
    figure, axes = style.panels(len(parts), 4, 2.5)
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
                        label=f"{value:.3g}" if index == 0 else None)  # fmt: skip
                shown.append(loss.assign(share=share, setting=name, given=value).iloc[::5])
        for level in (0, 1):
            ax.axhline(level, color="black", lw=0.6, ls=":")
        ax.set_ylim(-0.1, 1.6)
        ax.set_xlabel("update")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, ncols=2,
                  title=SETTINGS[name], title_fontsize=7)  # fmt: skip
    axes[0].set_ylabel("loss, share of the way\nfrom floor to level")
    return figure, pd.concat(shown, ignore_index=True)


def plateau_lengths(
    networks: pd.DataFrame, plateau: pd.DataFrame, effects: pd.DataFrame
) -> tuple[Figure, pd.DataFrame] | None:
    """Draw the plateau's length against each setting.

    Parameters
    ----------
    effects : ``setting, power, low, high``; without rows where there are none.
    """
    runs = _runs(networks, plateau)
    parts = varied(runs) if len(runs) else {}
    if not parts:
        return None
    figure, axes = style.panels(len(parts), 4, 2.2)
    for ax, (name, part) in zip(axes, parts.items(), strict=True):
        _length(ax, name, part)
        power = effects[effects["setting"] == name] if len(effects) else effects
        if len(power):
            row = power.iloc[0]
            ax.set_title(f"power {row['power']:.2f}\n({row['low']:.2f} to {row['high']:.2f})",
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
    ax.set_xticks(values, [f"{v:.3g}" for v in values])
    ax.minorticks_off()
    ax.set_xlabel(SETTINGS[name])
