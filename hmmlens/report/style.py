"""One style for all figures: sizes, fonts, colours safe for colour-blind readers, saving."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hmmlens import user_text

#: Text width of the report's page, and its height without a caption, inches.
WIDTH, HEIGHT = 7.0, 9.4
#: More columns of a heat map than these have small, upright names.
MANY_COLUMNS = 10

#: Okabe and Ito's colours, then Paul Tol's muted ones that differ from them. States are also
#: named in the plots, so that colour is never the only sign.
STATE_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000",
    "#882255", "#999933", "#AA4499", "#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677",
)  # fmt: skip

ROLE_COLOURS = {
    "trained": "#0072B2",
    "untrained": "#E69F00",
    "raw input": "#7F7F7F",
    "lagged input": "#A0522D",
}
ROLE_MARKERS = {"trained": "o", "untrained": "s", "raw input": "^", "lagged input": "v"}
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
    mpl.rcParams.update(
        {
            "text.color": "0.15",
            "axes.labelcolor": "0.15",
            "axes.edgecolor": "0.15",
            "axes.axisbelow": True,
            "axes.linewidth": 1.0,
            "xtick.color": "0.15",
            "xtick.major.size": 4.8,
            "xtick.major.width": 1.0,
            "xtick.minor.size": 3.2,
            "xtick.minor.width": 0.8,
            "ytick.color": "0.15",
            "ytick.major.size": 4.8,
            "ytick.major.width": 1.0,
            "ytick.minor.size": 3.2,
            "ytick.minor.width": 0.8,
            "lines.markersize": 4.8,
            "lines.solid_capstyle": "round",
            "patch.edgecolor": "white",
            "patch.force_edgecolor": True,
            "patch.linewidth": 0.8,
            "font.family": user_text.FONT,
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
            # A user's own settings of matplotlib may send every text through LaTeX.
            "text.usetex": False,
            "lines.linewidth": 1.2,
        }
    )


def colours(n: int) -> list[str]:
    """Return a colour for each of ``n`` states; past the palette they repeat.

    Parameters
    ----------
    n : int
        Number of states.

    Returns
    -------
    list of str
        Hexadecimal colours.
    """
    return [STATE_COLOURS[i % len(STATE_COLOURS)] for i in range(n)]


def text_on(colour: str) -> str:
    """Return the text colour with more contrast on ``colour``.

    Parameters
    ----------
    colour : str
        Background colour.

    Returns
    -------
    str
        ``black`` or ``white``.
    """
    red, green, blue = to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"


def panels(n: int, per_row: int, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure as wide as the page and its ``n`` axes, ``height`` inches a row.

    Parameters
    ----------
    n : int
        Number of panels.
    per_row : int
        Largest number of panels in a row.
    height : float
        Height of a row, in inches.

    Returns
    -------
    tuple of (Figure, list of Axes)
        The figure and its axes.
    """
    n_columns = min(per_row, n)
    n_rows = -(-n // n_columns)
    figure, axes = plt.subplots(n_rows, n_columns, figsize=(WIDTH, height * n_rows), squeeze=False)
    for spare in axes.ravel()[n:]:
        spare.set_axis_off()
    return figure, list(axes.ravel()[:n])


def headed(figure: Figure, text: str) -> Figure:
    """Add a text above a figure, which grows by its height.

    Parameters
    ----------
    figure : Figure
        The figure.
    text : str
        Text above the figure; none if empty.

    Returns
    -------
    Figure
        The same figure.
    """
    if text:
        # A character of 8 points is .065 inches wide.
        lines = textwrap.wrap(text, max(20, int(figure.get_figwidth() / 0.065)))
        figure.set_figheight(figure.get_figheight() + 0.22 + 0.13 * (len(lines) - 1))
        figure.suptitle("\n".join(lines), fontsize=8)
    return figure


def save(figure: Figure, stem: Path, source: pd.DataFrame, pdf: bool = True) -> None:
    """Write ``stem`` as .pdf and .png, and what it shows as .csv; equal input gives equal bytes.

    Parameters
    ----------
    figure : Figure
        The figure.
    stem : Path
        Path without ending.
    source : DataFrame
        The numbers that the figure shows.
    pdf : bool, default=True
        Without it there is no .pdf, which takes as long as the rest.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    # Not with_suffix: a stem may hold a dot.
    paged, png, csv = (stem.with_name(f"{stem.name}.{end}") for end in ("pdf", "png", "csv"))
    # The layout takes longer than the drawing, and both files have the same.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    if pdf:
        figure.savefig(paged, metadata={"CreationDate": None})
    figure.savefig(png, dpi=200, metadata={"Software": None})
    user_text.table(source).to_csv(csv, index=False, float_format="%.6g")
    plt.close(figure)


def heatmap(
    ax: Axes,
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    diverging: bool = False,
) -> None:
    """Draw a small table of numbers as colours with the numbers in them.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    values : ndarray of float, shape (row, column)
        The numbers.
    rows : sequence of str
        Names of the rows.
    columns : sequence of str
        Names of the columns.
    title : str
        Title.
    diverging : bool
        Whether values lie on both sides of 0.
    """
    finite = np.abs(values[np.isfinite(values)])
    top = float(finite.max()) if finite.size else 1.0
    # Small deviations and shares look small: colours end at one standard deviation, or at 1.
    low, high = (-max(top, 1.0), max(top, 1.0)) if diverging else (0.0, max(top, 1.0))
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(values),
        vmin=low,
        vmax=high,
        cmap="RdBu_r" if diverging else "cividis",
        edgecolor="white",
        linewidth=0.4,
    )
    if values.size <= 120:
        size = 5.5 if len(columns) > 6 else 6.5
        colours = mesh.to_rgba(values)
        for i, j in np.argwhere(np.isfinite(values)):
            # Adding 0 makes a negative zero, which rounding leaves, a zero.
            text, colour = (
                f"{values[i, j].round(2) + 0.0:.2f}",
                text_on(to_hex(tuple(colours[i, j]))),
            )
            ax.text(j + 0.5, i + 0.5, text, size=size, color=colour, ha="center", va="center")
    ax.set_title(title)
    ax.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_yticks(np.arange(len(rows)) + 0.5, list(rows))
    wide = max((len(str(c)) for c in columns), default=0) > 3
    layout: dict[str, Any] = {"rotation": 35 if wide else 0, "ha": "right" if wide else "center"}
    if values.shape[1] > MANY_COLUMNS:
        layout = {"rotation": 90, "ha": "center", "fontsize": 5.5}
    ax.set_xticks(np.arange(len(columns)) + 0.5, list(columns), **layout)


def footnote(figure: Figure, more: str, what: str) -> None:
    """Write below a figure how many it leaves out, as in "and 84 more reducers"; nothing if none.

    Parameters
    ----------
    figure : Figure
        The figure.
    more : str
        See :func:`hmmlens.report.distinctive.and_more`.
    what : str
        Noun for what is left out.
    """
    if more:
        figure.set_figheight(figure.get_figheight() + 0.2)
        figure.supxlabel(f"{more} {what}, see the CSV file", fontsize=7, x=0.99, ha="right")


def fit_numbers(figure: Figure, axes: Iterable[Axes]) -> None:
    """Take the numbers out of heat maps in which they are wider than their cells.

    Parameters
    ----------
    figure : Figure
        The figure.
    axes : iterable of Axes
        Axes of the heat maps.
    """
    figure.draw_without_rendering()
    for ax in axes:
        numbers = list(ax.texts)
        left, right = ax.get_xlim()
        cell = ax.get_window_extent().width / max(abs(right - left), 1)
        if numbers and max(text.get_window_extent().width for text in numbers) > cell:
            for text in numbers:
                text.remove()


def unused(name: str, table: Mapping[str, Any]) -> str:
    """Return a name for a column that ``table`` has not yet: numbered where it is taken.

    Parameters
    ----------
    name : str
        Wanted name.
    table : mapping of str to object
        Columns that exist.

    Returns
    -------
    str
        The name.
    """
    readable = user_text.readable(name)
    found, number = readable, 2
    while found in table:
        found, number = f"{readable} ({number})", number + 1
    return found


def legend(
    place: Axes | Figure, handles: Sequence[Any], labels: Sequence[str], **settings: Any
) -> None:
    """Draw a legend with labels as they are: matplotlib leaves out those that begin with ``_``.

    Parameters
    ----------
    place : Axes or Figure
        Axes or figure that gets the legend.
    handles : sequence of Artist
        Lines or markers of the entries.
    labels : sequence of str
        Their texts.
    **settings : object
        Further arguments of matplotlib's ``legend``.
    """
    made = place.legend(list(handles), [f"{i}" for i in range(len(labels))], **settings)
    for text, label in zip(made.get_texts(), labels, strict=True):
        text.set_text(label)
