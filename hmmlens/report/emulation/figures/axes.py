"""Axes, legends and error bars of the figures of a study of emulating networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hmmlens.report import style
from hmmlens.typing import Floats


def spread(values: Sequence[float] | pd.Series, width: float = 0.25) -> Floats:
    """Return offsets that separate points of one place.

    Parameters
    ----------
    values : sequence of float
        Points that share one place.
    width : float
        Largest offset, in units of the axis.

    Returns
    -------
    ndarray of float, shape (point,)
        Offsets between ``-width`` and ``width``.
    """
    n = len(values)
    return np.linspace(-width, width, n) if n > 1 else np.zeros(n)


def errors(value: pd.Series, low: pd.Series, high: pd.Series) -> Floats:
    """Return the lengths of error bars (2, row); 0 where there is no interval.

    Parameters
    ----------
    value : Series
        The numbers.
    low : Series
        Lower limits; NaN where there are none.
    high : Series
        Upper limits.

    Returns
    -------
    ndarray of float, shape (2, row)
        Lengths below and above the numbers.
    """
    lengths = np.stack([value - low, high - value]).astype(float)
    bars: Floats = np.clip(np.nan_to_num(lengths), 0, None)
    return bars


def panels(n: int, per_row: int, height: float, widest: float = 2.6) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``n`` panels, see :func:`hmmlens.report.style.panels`.

    It is narrower than the page where there are few, so that none is wider than ``widest`` inches.

    Parameters
    ----------
    n : int
        Number of panels.
    per_row : int
        Largest number of panels in a row.
    height : float
        Height of a row, in inches.
    widest : float
        Largest width of a panel, in inches.

    Returns
    -------
    tuple of (Figure, list of Axes)
        The figure and its axes.
    """
    figure, axes = style.panels(n, per_row, height)
    figure.set_figwidth(min(style.WIDTH, widest * min(n, per_row)))
    return figure, axes


def from_zero(ax: Axes) -> None:
    """Let the axis of values begin at 0, or below it where values do, with room at the top.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    """
    low, high = ax.get_ylim()
    low = min(low, 0.0)
    ax.set_ylim(low if low < 0 else 0.0, high + 0.05 * (high - low))


def handle(colour: str, marker: str = "o", line: str = "", label: str = "") -> Line2D:
    """Return an entry of a legend.

    Parameters
    ----------
    colour : str
        Colour.
    marker : str
        Marker.
    line : str
        Line style; none if empty.
    label : str
        Text of the entry.

    Returns
    -------
    Line2D
        Entry of a legend.
    """
    return Line2D([], [], color=colour, marker=marker, ls=line or "none", ms=4.5, label=label)


def above(ax: Axes, n_columns: int, handles: Sequence[Line2D] | None = None) -> None:
    """Put a legend above the axes, where it covers nothing.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    n_columns : int
        Number of columns of the legend.
    handles : sequence of Line2D, optional
        Entries; by default those of the axes.
    """
    place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.02), "frameon": False}
    if handles is None:
        ax.legend(ncols=n_columns, **place)
    else:
        ax.legend(handles=list(handles), ncols=n_columns, **place)


def name_ticks(ax: Axes, places: Iterable[float], names: Iterable[str], most: int) -> None:
    """Name places of an axis; more than ``most`` names are smaller and steeper.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    places : iterable of float
        Places of the ticks.
    names : iterable of str
        Their names.
    most : int
        Largest number of names in the normal size.
    """
    words = list(names)
    look = {"rotation": 60, "fontsize": 5.5} if len(words) > most else {"rotation": 35}
    ax.set_xticks(list(places), words, ha="right", rotation_mode="anchor", **look)


def ordered_colours(n: int) -> list[str]:
    """Return ``n`` colours of a sequence that stays readable without hue, dark to light.

    Parameters
    ----------
    n : int
        Number of colours.

    Returns
    -------
    list of str
        Hexadecimal colours.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(c) for c in colormaps["viridis"](np.linspace(0.0, 0.85, max(n, 1)))][:n]
