"""Drawing of arrows between the circles of states, with names or colours of input events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.path import Path

from hmmlens.interpretation.input_transitions import CERTAIN
from hmmlens.report import style
from hmmlens.report.explain.figures.transition_arrows import Arrow, arrow_text
from hmmlens.typing import Floats

#: Most events that have a colour of their own.
MAX_COLOURS = 8
#: Colours of events, none of which the first states have.
EVENT_COLOURS = (
    "#1B1B1B", "#C4161C", "#1F5FBF", "#2E8B3A", "#8A3FBF", "#B8860B", "#0D98A5", "#D6488F",
)  # fmt: skip
#: Width of the gap between a circle and an arrow, where neighbours lie about 1 apart.
GAP = 0.012


def draw_named(
    ax: Axes,
    arrows: Sequence[Arrow],
    names: Sequence[str],
    place: Floats,
    circles: Sequence[Circle],
) -> None:
    """Draw arrows with the names of their events on them.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    arrows : sequence of Arrow
        Transitions between different states.
    names : sequence of str
        Names of the events.
    place : ndarray of float, shape (state, 2)
        Where each state lies.
    circles : sequence of Circle
        The circle of each state.
    """
    by_pair = {(arrow.start, arrow.end): arrow for arrow in arrows}
    small = len(place) > 8
    for arrow in arrows:
        i, j = arrow.start, arrow.end
        back = by_pair.get((j, i))
        text = arrow_text(arrow, names)
        same = back is not None and bool(text) and text == arrow_text(back, names)
        if same and i > j:
            continue
        bend = 0.0 if same or back is None else 0.16
        _patch(
            ax, arrow, place, circles, bend, "0.35", "<|-|>" if same else "-|>",
            0.4 + 0.8 * arrow.strength if arrow.events else 0.4 + 3.5 * np.sqrt(arrow.strength),
        )  # fmt: skip
        shown = text or (f"{arrow.strength:.2f}" if len(place) <= 4 else "")
        if not shown:
            continue
        across = place[j] - place[i]
        # Nearer the tail, so that names on crossing arrows stand apart.
        way = 0.5 if len(place) <= 3 or same else 0.42
        side = np.array([across[1], -across[0]])
        x, y = place[i] + way * across + 2 * bend * way * (1 - way) * side
        ax.text(
            x, y, shown, fontsize=5 if small else 6.5, ha="center", va="center", zorder=4,
            bbox={"fc": "white", "ec": "none", "pad": 0.5, "alpha": 0.85},
        )  # fmt: skip


def draw_coloured(
    ax: Axes,
    arrows: Sequence[Arrow],
    names: Sequence[str],
    place: Floats,
    circles: Sequence[Circle],
    ordered: Sequence[int],
) -> None:
    """Draw an arrow for each event, in its colour, and a legend.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    arrows : sequence of Arrow
        Transitions between different states.
    names : sequence of str
        Names of the events.
    place : ndarray of float, shape (state, 2)
        Where each state lies.
    circles : sequence of Circle
        The circle of each state.
    ordered : sequence of int
        Events of all arrows, in the order of their colours; arrows are grey without events.
    """
    if not ordered:
        for arrow in arrows:
            _patch(ax, arrow, place, circles, 0.16, "0.35", "-|>", 0.3 + np.sqrt(arrow.strength))
        return
    colour = dict(zip(ordered[:MAX_COLOURS], EVENT_COLOURS, strict=False))
    for arrow in arrows:
        for rank, (k, p) in enumerate(arrow.events):
            _patch(
                ax, arrow, place, circles, 0.1 + 0.12 * rank, colour.get(k, "0.7"), "-|>",
                0.3 + 0.7 * p, "-" if p >= CERTAIN else "--",
            )  # fmt: skip
    handles: list[Any] = [Line2D([], [], color=c) for c in colour.values()]
    labels = [names[k] for k in colour]
    if len(ordered) > len(colour):
        handles.append(Line2D([], [], color="0.7"))
        labels.append("another input")
    style.legend(
        ax, handles, labels, loc="center left", bbox_to_anchor=(1.0, 0.5), title="input",
        title_fontsize=7,
    )  # fmt: skip


def _patch(
    ax: Axes,
    arrow: Arrow,
    place: Floats,
    circles: Sequence[Circle],
    bend: float,
    colour: str,
    head: str,
    width: float,
    dashes: str = "-",
) -> None:
    # Clipped here, as matplotlib searches the ends at circles anew each time it draws.
    i, j = arrow.start, arrow.end
    path = _curve(place[i], place[j], bend, circles[i].radius + GAP, circles[j].radius + GAP)
    ax.add_patch(
        FancyArrowPatch(
            path=path, arrowstyle=head, mutation_scale=7, lw=width, color=colour,
            linestyle=dashes, alpha=0.35 + 0.6 * min(1.0, arrow.strength),
        )
    )  # fmt: skip


def _curve(tail: Floats, head: Floats, bend: float, leave: float, arrive: float) -> Path:
    """Return the part of an arc between two points that lies outside circles around them."""
    across = head - tail
    # The quadratic curve of matplotlib's connection style arc3.
    control = (tail + head) / 2 + bend * np.array([across[1], -across[0]])
    t = np.linspace(0, 1, 257)[:, None]
    points = (1 - t) ** 2 * tail + 2 * t * (1 - t) * control + t**2 * head
    begin = np.interp(leave, np.linalg.norm(points - tail, axis=1)[:129], t[:129, 0])
    end = np.interp(arrive, np.linalg.norm(points - head, axis=1)[:127:-1], t[:127:-1, 0])

    def _polar(s: float, u: float) -> Floats:
        return (1 - s) * (1 - u) * tail + (s + u - 2 * s * u) * control + s * u * head

    corners = [_polar(begin, begin), _polar(begin, end), _polar(end, end)]
    return Path(corners, [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def draw_loop(
    ax: Axes, arrow: Arrow, names: Sequence[str], place: Floats, radius: float, angle: float
) -> None:
    """Draw an arrow from a state back to itself.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    arrow : Arrow
        The arrow.
    names : sequence of str
        Names of the events.
    place : ndarray of float, shape (state, 2)
        Where each state lies.
    radius : float
        Radius of the state's circle.
    angle : float
        The side of the circle, in radians.
    """
    centre = place[arrow.start]
    ends = [
        tuple(centre + radius * np.array([np.cos(angle + a), np.sin(angle + a)]))
        for a in (-0.45, 0.45)
    ]
    ax.add_patch(
        FancyArrowPatch(
            ends[0], ends[1], connectionstyle="arc3,rad=1.3", arrowstyle="-|>", shrinkA=0,
            shrinkB=0, mutation_scale=7, lw=0.8, color="0.35",
        )
    )  # fmt: skip
    x, y = centre + 1.9 * radius * np.array([np.cos(angle), np.sin(angle)])
    text = arrow_text(arrow, names)
    ax.text(x, y, text, fontsize=6.5, zorder=4, **alignment(np.cos(angle), np.sin(angle)))


def alignment(x: float, y: float) -> dict[str, Any]:
    """Return the alignment of a text that stands in a direction from a point.

    Parameters
    ----------
    x, y : float
        The direction, a vector of length 1.

    Returns
    -------
    dict of str to str
        Arguments ``ha`` and ``va`` of ``Axes.text``.
    """
    return {
        "ha": "left" if x > 0.3 else "right" if x < -0.3 else "center",
        "va": "bottom" if y > 0.5 else "top" if y < -0.5 else "center",
    }
