"""States as a graph: laid out by which states follow each other, arrows named by input events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.path import Path

from hmmlens.interpretation.input_transitions import CERTAIN, probabilities
from hmmlens.naming import MIN_ARROW, state_names
from hmmlens.report import style
from hmmlens.report.explain.figures.graph_layout import layout
from hmmlens.typing import Floats

#: Most arrows of a graph without inputs: all of 12 states.
MAX_ARROWS = 132
#: An event of a smaller probability does not stand on an arrow.
MIN_EVENT = 0.05
#: Up to so many names fit on arrows; more are colours.
MAX_NAMES = 16
#: Names on one arrow up to so many characters stand in one line; most names of one arrow.
LINE, MOST_ON_ARROW = 16, 4
#: Most events that have a colour of their own.
MAX_COLOURS = 8
#: Most states whose arrows back to themselves are drawn.
MAX_LOOPS = 6
#: Colours of events, none of which the first states have.
EVENT_COLOURS = (
    "#1B1B1B", "#C4161C", "#1F5FBF", "#2E8B3A", "#8A3FBF", "#B8860B", "#0D98A5", "#D6488F",
)  # fmt: skip


#: Width of the gap between a circle and an arrow, where neighbours lie about 1 apart.
GAP = 0.012


class Arrow(NamedTuple):
    """Transitions from one state to another.

    Attributes
    ----------
    start, end : int
        The states.
    strength : float
        Largest probability.
    events : tuple of tuple of int and float
        Events that take it with their probabilities.
    any_event : bool
        Whether two events or more occur in the state, and all of them take this arrow for certain.
    """

    start: int
    end: int
    strength: float
    events: tuple[tuple[int, float], ...] = ()
    any_event: bool = False


def plain_arrows(transmat: Floats) -> tuple[list[Arrow], int]:
    """Return the transitions that are drawn as arrows, and how many weaker ones are left out.

    Those below :data:`hmmlens.naming.MIN_ARROW` are neither drawn nor counted.

    Parameters
    ----------
    transmat : ndarray of float, shape (state, state)
        Transition probabilities.

    Returns
    -------
    tuple of (list of Arrow, int)
        The arrows, and the number that is left out.
    """
    p = np.where(np.eye(len(transmat), dtype=bool), 0.0, transmat)
    order = np.argsort(-p, axis=None, kind="stable")
    n = int((p >= MIN_ARROW).sum())
    pairs = [divmod(int(k), len(p)) for k in np.sort(order[: min(n, MAX_ARROWS)])]
    return [Arrow(i, j, float(p[i, j])) for i, j in pairs], n - len(pairs)


def event_arrows(counts: Floats, drawn: Sequence[int]) -> list[Arrow]:
    """Return the transitions that input events take, those back to the same state included.

    Parameters
    ----------
    counts : ndarray of shape (event, state, next_state)
        Numbers of transitions.
    drawn : sequence of int
        The events that are drawn.

    Returns
    -------
    list of Arrow
        One for each pair of states that an event of a probability of :data:`MIN_EVENT` or more
        joins.

    Examples
    --------
    >>> counts = np.array([[[9, 0], [0, 9]], [[0, 9], [9, 0]]])
    >>> [(a.start, a.end, a.events) for a in event_arrows(counts, [0, 1])]
    [(0, 0, ((0, 1.0),)), (0, 1, ((1, 1.0),)), (1, 0, ((1, 1.0),)), (1, 1, ((0, 1.0),))]
    """
    share = np.nan_to_num(probabilities(counts))
    found = []
    for i in range(counts.shape[1]):
        met = int((counts[list(drawn), i].sum(axis=1) > 0).sum())
        for j in range(counts.shape[1]):
            events = tuple((k, float(share[k, i, j])) for k in drawn if share[k, i, j] >= MIN_EVENT)
            if events:
                certain = all(p >= CERTAIN for _, p in events)
                always = certain and len(events) == met > 1
                found.append(Arrow(i, j, max(p for _, p in events), events, always))
    return found


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
        _named_arrows(ax, between, names, place, circles)
    else:
        _coloured_arrows(ax, between, names, place, circles, ordered)
    loops = [arrow for arrow in arrows if arrow.start == arrow.end]
    inside = n <= MAX_LOOPS
    free = _free_directions(place, between)
    # Where there are many names, the arrows back to a state are left out.
    short = all("\n" not in _text(arrow, names) for arrow in loops)
    if inside and named and short:
        for arrow in loops:
            _loop(ax, arrow, names, place, float(radius[arrow.start]), free[arrow.start])
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


def _named_arrows(
    ax: Axes,
    arrows: Sequence[Arrow],
    names: Sequence[str],
    place: Floats,
    circles: Sequence[Circle],
) -> None:
    by_pair = {(arrow.start, arrow.end): arrow for arrow in arrows}
    small = len(place) > 8
    for arrow in arrows:
        i, j = arrow.start, arrow.end
        back = by_pair.get((j, i))
        text = _text(arrow, names)
        same = back is not None and bool(text) and text == _text(back, names)
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


def _coloured_arrows(
    ax: Axes,
    arrows: Sequence[Arrow],
    names: Sequence[str],
    place: Floats,
    circles: Sequence[Circle],
    ordered: Sequence[int],
) -> None:
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


def _loop(
    ax: Axes, arrow: Arrow, names: Sequence[str], place: Floats, radius: float, angle: float
) -> None:
    """Draw an arrow from a state back to itself, on the side away from the others."""
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
    text = _text(arrow, names)
    ax.text(x, y, text, fontsize=6.5, zorder=4, **_alignment(np.cos(angle), np.sin(angle)))


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
            **_alignment(*away),
        )  # fmt: skip


def _text(arrow: Arrow, names: Sequence[str]) -> str:
    """Return the events of an arrow, with probabilities where they are not certain."""
    if arrow.any_event:
        return "any input"
    shown = [
        names[k] if p >= CERTAIN else f"{names[k]} {p:.2f}".replace(" 0.", " .")
        for k, p in arrow.events
    ]
    line = ", ".join(shown)
    if len(line) <= LINE:
        return line
    if len(shown) > MOST_ON_ARROW:
        more = len(shown) - MOST_ON_ARROW + 1
        shown = [*shown[: MOST_ON_ARROW - 1], f"{more} more"]
    return "\n".join(shown)


def _alignment(x: float, y: float) -> dict[str, Any]:
    """Return the alignment of a text that stands in a direction from a point."""
    return {
        "ha": "left" if x > 0.3 else "right" if x < -0.3 else "center",
        "va": "bottom" if y > 0.5 else "top" if y < -0.5 else "center",
    }
