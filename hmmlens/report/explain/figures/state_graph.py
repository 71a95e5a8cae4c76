"""States as a graph: laid out by which states follow each other, arrows named by input events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from hmmlens.naming import state_names
from hmmlens.report import style
from hmmlens.report.explain.figures.arrow_drawing import (
    alignment,
    draw_coloured,
    draw_loop,
    draw_named,
)
from hmmlens.report.explain.figures.graph_layout import layout
from hmmlens.report.explain.figures.transition_arrows import Arrow, arrow_text
from hmmlens.typing import Floats

#: Up to so many names fit on arrows; more are colours.
MAX_NAMES = 16
#: Most states whose arrows back to themselves are drawn.
MAX_LOOPS = 6


def draw(
    ax: Axes,
    arrows: Sequence[Arrow],
    names: Sequence[str],
    occupancy: Floats,
    lasting: Sequence[str],
    colours: Sequence[str],
    title: str,
    note: str = "",
) -> None:
    """Draw states and arrows: area by occupancy, events on arrows, dwell times at states.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    arrows : sequence of Arrow
        Transitions.
    names : sequence of str
        Names of the events.
    occupancy : ndarray of float, shape (state,)
        Share of steps in each state.
    lasting : sequence of str
        Mean dwell time of each state in steps, as it is written.
    colours : sequence of str
        Colour of each state.
    title : str
        Title.
    note : str, optional
        Remark below the graph.
    """
    n = len(occupancy)
    between = [arrow for arrow in arrows if arrow.start != arrow.end]
    place = layout([(arrow.start, arrow.end) for arrow in between], n)
    radius = _radii(place, occupancy)
    circles = [
        Circle(tuple(place[i]), radius[i], fc=colours[i], ec="white", lw=0.8, zorder=3)
        for i in range(n)
    ]
    for circle in circles:
        ax.add_patch(circle)
    ordered = sorted({k for arrow in between for k, _ in arrow.events})
    named = sum(len(arrow.events) for arrow in between) <= MAX_NAMES
    if named:
        draw_named(ax, between, names, place, circles)
    else:
        draw_coloured(ax, between, names, place, circles, ordered)
    loops = [arrow for arrow in arrows if arrow.start == arrow.end]
    inside = n <= MAX_LOOPS
    free = _free_directions(place, between)
    # Where there are many names, the arrows back to a state are left out.
    short = all("\n" not in arrow_text(arrow, names) for arrow in loops)
    if inside and named and short:
        for arrow in loops:
            draw_loop(ax, arrow, names, place, float(radius[arrow.start]), free[arrow.start])
    _labels(ax, place, radius, lasting, colours, inside, free)
    if note:
        ax.text(0.5, -0.02, note, transform=ax.transAxes, ha="center", va="top", fontsize=6)
    across, up = _reach(place, radius)
    ax.set_xlim(-across, across)
    ax.set_ylim(-up, up)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(title)


def proportion(arrows: Sequence[Arrow], occupancy: Floats) -> float:
    """Return the height of a graph, divided by its width.

    Parameters
    ----------
    arrows : sequence of Arrow
        Transitions.
    occupancy : ndarray of float, shape (state,)
        Share of steps in each state.

    Returns
    -------
    float
        Little more than 1 at most, as the longer direction lies across.

    Examples
    --------
    >>> row = [Arrow(0, 1, 1.0), Arrow(1, 2, 1.0)]
    >>> triangle = [*row, Arrow(2, 0, 1.0)]
    >>> [round(proportion(arrows, np.full(3, 1 / 3)), 1) for arrows in (row, triangle)]
    [0.4, 1.1]
    """
    joined = [(arrow.start, arrow.end) for arrow in arrows if arrow.start != arrow.end]
    place = layout(joined, len(occupancy))
    across, up = _reach(place, _radii(place, occupancy))
    return float(up / across)


def _reach(place: Floats, radius: Floats) -> Floats:
    """Return how far a graph reaches from its middle, across and up, with room for numbers."""
    reach: Floats = np.abs(place).max(axis=0) + radius.max()
    return reach + (0.45 if len(place) <= MAX_LOOPS else 0.22)


def _free_directions(place: Floats, arrows: Sequence[Arrow]) -> Floats:
    """Return the angle at each state that lies furthest from its arrows."""
    found = np.full(len(place), np.pi / 2)
    for i in range(len(place)):
        ends = {a.end for a in arrows if a.start == i} | {a.start for a in arrows if a.end == i}
        if not ends:
            continue
        across = place[sorted(ends)] - place[i]
        angles = np.sort(np.arctan2(across[:, 1], across[:, 0]))
        gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
        # The upper one of equal gaps.
        middle = angles + gaps / 2
        best = np.lexsort((-np.sin(middle).round(6), -gaps.round(6)))[0]
        found[i] = middle[best]
    return found


def _radii(place: Floats, occupancy: Floats) -> Floats:
    n = len(place)
    share = np.sqrt(occupancy / max(float(occupancy.max()), 1e-9))
    nearest = 2.0
    if n > 1:
        distance = np.linalg.norm(place[:, None] - place[None], axis=2)
        nearest = float(distance[~np.eye(n, dtype=bool)].min())
    # Neighbours do not touch, and there is room for arrows between them.
    largest = min(0.3 if n <= 2 else 0.2, 0.36 * nearest)
    radii: Floats = largest * (0.55 + 0.45 * share)
    return radii


def _labels(
    ax: Axes,
    place: Floats,
    radius: Floats,
    lasting: Sequence[str],
    colours: Sequence[str],
    inside: bool,
    free: Floats,
) -> None:
    n = len(place)
    size = 7.5 if n <= 12 else 5.5
    for i, name in enumerate(state_names(n)):
        x, y = place[i]
        shift = 0.3 * radius[i] if inside and lasting[i] else 0.0
        ax.text(
            x, y + shift, name, ha="center", va="center", zorder=5, fontsize=size, weight="bold",
            color=style.text_on(colours[i]),
        )  # fmt: skip
        if inside:
            ax.text(
                x, y - 0.4 * radius[i], lasting[i], ha="center", va="center", zorder=5,
                fontsize=5.5, color=style.text_on(colours[i]),
            )  # fmt: skip
            continue
        away = np.array([np.cos(free[i]), np.sin(free[i])])
        x, y = place[i] + (radius[i] + 0.07) * away
        ax.text(
            x, y, lasting[i], fontsize=5 if n > 12 else 6, color="0.3", zorder=4,
            **alignment(*away),
        )  # fmt: skip
