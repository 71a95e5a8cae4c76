"""One look for all figures: sizes, fonts, colours safe for colour-blind readers, saving."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

#: Text width of the report's page, inches.
WIDTH = 7.0

#: Okabe and Ito's colours, then Paul Tol's muted ones that differ from them. States are also
#: named in the plots, so that colour is never the only sign.
STATE_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000",
    "#882255", "#999933", "#AA4499", "#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677",
)  # fmt: skip

ROLE_COLOURS = {"trained": "#0072B2", "untrained": "#E69F00", "raw input": "#7F7F7F"}
ROLE_MARKERS = {"trained": "o", "untrained": "s", "raw input": "^"}
CEILING = "#009E73"
COVARIANCE_COLOURS = {
    "tied": "#0072B2",
    "diag": "#D55E00",
    "full": "#009E73",
    "spherical": "#CC79A7",
    "none": "#7F7F7F",
}


def use() -> None:
    """Set the style for every figure made after this call."""
    sns.set_theme(style="ticks", context="paper")
    mpl.rcParams.update(
        {
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 7,
            "legend.frameon": True,
            "legend.framealpha": 0.85,
            "legend.edgecolor": "none",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "pdf.fonttype": 42,
            "svg.hashsalt": "hmmlens",
            "lines.linewidth": 1.2,
        }
    )


def colours(n: int) -> list[str]:
    """Return a colour for each of ``n`` states; past the palette they repeat."""
    return [STATE_COLOURS[i % len(STATE_COLOURS)] for i in range(n)]


def text_on(colour: str) -> str:
    """Return black or white, whichever reads better on ``colour``."""
    red, green, blue = to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"


def panels(n: int, per_row: int, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure as wide as the page and its ``n`` axes, ``height`` inches a row."""
    n_columns = min(per_row, n)
    n_rows = -(-n // n_columns)
    figure, axes = plt.subplots(n_rows, n_columns, figsize=(WIDTH, height * n_rows), squeeze=False)
    for spare in axes.ravel()[n:]:
        spare.set_axis_off()
    return figure, list(axes.ravel()[:n])


def headed(figure: Figure, text: str) -> Figure:
    """Return the figure with a line of text above it, for which it grows; as it is without."""
    if text:
        figure.set_figheight(figure.get_figheight() + 0.22)
        figure.suptitle(text, fontsize=8)
    return figure


def save(figure: Figure, stem: Path, source: pd.DataFrame) -> None:
    """Write ``stem`` as .pdf and .png, and what it shows as .csv; equal input gives equal bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(stem.with_suffix(".pdf"), metadata={"CreationDate": None})
    figure.savefig(stem.with_suffix(".png"), dpi=200, metadata={"Software": None})
    source.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.6g")
    plt.close(figure)


def heatmap(
    ax: Axes,
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    diverging: bool = False,
) -> None:
    """Draw a small table of numbers as colours with the numbers in them."""
    top = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 1.0
    low, high = (-top, top) if diverging else (0.0, max(top, 1e-9))
    sns.heatmap(
        pd.DataFrame(values, index=list(rows), columns=list(columns)),
        ax=ax,
        vmin=low,
        vmax=high,
        cmap="RdBu_r" if diverging else "cividis",
        annot=values.size <= 120,
        fmt=".2f",
        annot_kws={"size": 5.5 if values.shape[1] > 6 else 6.5},
        cbar=False,
        linewidths=0.4,
        linecolor="white",
    )
    ax.set_title(title)
    ax.tick_params(length=0)
    ax.set_yticklabels(ax.get_yticklabels(), rotation=0)
    wide = max((len(str(c)) for c in columns), default=0) > 3
    ax.set_xticklabels(
        ax.get_xticklabels(), rotation=35 if wide else 0, ha="right" if wide else "center"
    )
