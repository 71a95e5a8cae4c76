"""What the figures of a study of emulating networks share: names, colours, which rows are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.acceptance import WHO, main_size, paper_trained
from hmmlens.report.emulation.paper_comparison import compared
from hmmlens.typing import Floats

#: Target -> how it is called in figures; others are called by their name.
TARGETS = {
    "chain2": "2 states",
    "chain3": "3 states",
    "chain4": "4 states",
    "chain5": "5 states",
    "fully3": "fully connected",
    "cyclic4": "cyclic",
}
TARGET_COLOURS = {
    "chain2": "#0072B2",
    "chain3": "#56B4E9",
    "chain4": "#009E73",
    "chain5": "#E69F00",
    "fully3": "#D55E00",
    "cyclic4": "#CC79A7",
}
TARGET_MARKERS = {
    "chain2": "o",
    "chain3": "s",
    "chain4": "^",
    "chain5": "D",
    "fully3": "P",
    "cyclic4": "X",
}
REGION_COLOURS = {
    "transition": "#D55E00",
    "kick": "#E69F00",
    "cluster": "#0072B2",
    "unsure": "#999999",
}
OBJECTIVES = {
    "sinkhorn": "Sinkhorn divergence (the paper's)",
    "split": "split-sample divergence",
    "energy": "energy distance",
}
OBJECTIVE_COLOURS = {"sinkhorn": "#D55E00", "split": "#0072B2", "energy": "#009E73"}
OBJECTIVE_MARKERS = {"sinkhorn": "o", "split": "s", "energy": "^"}
#: What the paper found, and what chance alone gives.
PAPER, NULL = "#882255", "#999999"
#: More networks than these are thinned to those of the paper's main size; of these the first ones
#: have a place of their own in a figure of all, or a panel.
MOST, MOST_PLACES, MOST_PANELS = 16, 40, 16


def target_name(target: str) -> str:
    """Return how a target is called in figures."""
    return TARGETS.get(target, target)


def target_colour(target: str) -> str:
    """Return a target's colour; black where it has none of its own."""
    return TARGET_COLOURS.get(target, "#000000")


def in_order(targets: Iterable[str]) -> list[str]:
    """Return targets once each, those of the paper first and in its order."""
    known = list(TARGETS)
    rank = {name: i for i, name in enumerate(known)}
    return sorted(dict.fromkeys(targets), key=lambda name: rank.get(name, len(known)))


def examples(networks: pd.DataFrame) -> pd.DataFrame:
    """Return one training for each target: the first of the paper's kind, else the first of all.

    First is the lowest seed of the network that the study has first; a training that diverged is
    passed over. No result is looked at.
    """
    sound = networks[~networks["diverged"].astype(bool)]
    order = pd.concat([main_size(sound), paper_trained(sound), sound]).drop_duplicates(WHO)
    found = order.groupby("target", sort=False).head(1).set_index("target")
    return found.reindex(in_order(found.index)).reset_index()


def only(table: pd.DataFrame, trainings: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are of some trainings, in the order of these."""
    return trainings[WHO].merge(table, on=WHO, how="inner")


def displayed(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings that were scored; of many networks those of the paper's main size.

    Of more than :data:`MOST_PLACES` networks the first ones are returned.
    """
    found = networks[networks["scored"].astype(bool)]
    main = main_size(found)
    kept = main if found["network"].nunique() > MOST and len(main) else found
    first = list(dict.fromkeys(kept["network"]))[:MOST_PLACES]
    return kept[kept["network"].isin(first)]


def count_left_out(figure: Figure, networks: pd.DataFrame, shown: Iterable[str]) -> None:
    """Write below a figure how many networks that were scored it leaves out."""
    n_all = networks[networks["scored"].astype(bool)]["network"].nunique()
    style.footnote(figure, distinctive.and_more(n_all, len(set(shown))), "networks")


def of_paper(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings that the paper's findings are compared with, or else all displayed."""
    found = compared(networks, "")
    return found if len(found) else displayed(networks)


def name_of(row: pd.Series) -> str:
    """Return how a training is called in figures: its target, and its name where it says more."""
    name, target = str(row["network"]), str(row["target"])
    return target_name(target) if name == target else f"{target_name(target)} ({name})"


def spread(values: Sequence[float] | pd.Series, width: float = 0.25) -> Floats:
    """Return offsets that set points of one place side by side, the same for equal numbers."""
    n = len(values)
    return np.linspace(-width, width, n) if n > 1 else np.zeros(n)


def errors(value: pd.Series, low: pd.Series, high: pd.Series) -> Floats:
    """Return the lengths of error bars (2, row); 0 where there is no interval."""
    lengths = np.stack([value - low, high - value]).astype(float)
    bars: Floats = np.clip(np.nan_to_num(lengths), 0, None)
    return bars


class Published(NamedTuple):
    """What the paper has: a range that counts as agreement, and its number where it has one."""

    low: float
    high: float
    number: float


def published(paper: pd.DataFrame, what: str, target: str = "") -> Published | None:
    """Return what the paper has for a target, None where it has nothing.

    Parameters
    ----------
    paper : the study's table ``paper``; without rows where there is none.
    """
    if paper.empty:
        return None
    own = paper["target"].eq(target) if target else paper["target"].isna()
    rows = paper[paper["what"].eq(what) & own]
    rows = rows.dropna(subset=["paper_low", "paper_high"])
    if rows.empty:
        return None
    row = rows.iloc[0]
    number = pd.to_numeric(str(row["paper"]), errors="coerce")
    return Published(float(row["paper_low"]), float(row["paper_high"]), float(number))


def mark_published(ax: Axes, x: float, found: Published | None, width: float = 0.38) -> None:
    """Draw the paper's range at ``x`` as a bar of that width to either side, its number as a line.

    A range that the paper gives as such has lines at both ends.
    """
    if found is None:
        return
    box = (x - width, x + width)
    single = np.isfinite(found.number)
    ax.fill_between(box, found.low, found.high, color=PAPER, alpha=0.18 if single else 0.3, lw=0,
                    zorder=0)  # fmt: skip
    for height in [found.number] if single else [found.low, found.high]:
        ax.hlines(height, box[0], box[1], color=PAPER, lw=1.2, zorder=1)


def panels(n: int, per_row: int, height: float, widest: float = 2.6) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``n`` panels, see :func:`hmmlens.report.style.panels`.

    It is narrower than the page where there are few, so that none is wider than ``widest`` inches.
    """
    figure, axes = style.panels(n, per_row, height)
    figure.set_figwidth(min(style.WIDTH, widest * min(n, per_row)))
    return figure, axes


def from_zero(ax: Axes) -> None:
    """Let the axis of values begin at 0, or below it where values do, with room at the top."""
    low, high = ax.get_ylim()
    low = min(low, 0.0)
    ax.set_ylim(low if low < 0 else 0.0, high + 0.05 * (high - low))


def handle(colour: str, marker: str = "o", line: str = "", label: str = "") -> Line2D:
    """Return a sign for a legend."""
    return Line2D([], [], color=colour, marker=marker, ls=line or "none", ms=4.5, label=label)


def above(ax: Axes, n_columns: int, handles: Sequence[Line2D] | None = None) -> None:
    """Put a legend above the axes, where it covers nothing."""
    place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.02), "frameon": False}
    if handles is None:
        ax.legend(ncols=n_columns, **place)
    else:
        ax.legend(handles=list(handles), ncols=n_columns, **place)


def name_ticks(ax: Axes, places: Iterable[float], names: Iterable[str], most: int) -> None:
    """Name places of an axis; more than ``most`` names are smaller and steeper."""
    words = list(names)
    look = {"rotation": 60, "fontsize": 5.5} if len(words) > most else {"rotation": 35}
    ax.set_xticks(list(places), words, ha="right", rotation_mode="anchor", **look)


def ordered_colours(n: int) -> list[str]:
    """Return ``n`` colours of a sequence that stays readable without hue, dark to light."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(c) for c in colormaps["viridis"](np.linspace(0.0, 0.85, max(n, 1)))][:n]
