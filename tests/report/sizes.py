"""Whether a figure can be read: its size, the room of its axes, and texts that lie on others."""

from __future__ import annotations

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from hmmlens.report import style

#: Smallest side of axes, inches; and how far texts may reach into each other, points.
LEAST, SLACK = 0.3, 1.5
#: Inches that a page can take.
TALLEST = 10.3


def _words(texts: list[Text]) -> list[Text]:
    return [t for t in texts if t.get_visible() and t.get_text().strip()]


def _overlap(a: Bbox, b: Bbox, slack: float) -> bool:
    common = Bbox.intersection(a, b)
    return common is not None and common.width > slack and common.height > slack


def _box(text: Text) -> Bbox:
    # Steep and slanted texts are measured by their place on the axis only.
    box = text.get_window_extent()
    return box if text.get_rotation() % 90 == 0 else Bbox.from_bounds(box.x1 - 8, box.y0, 8, 8)


def assert_readable(figure: Figure) -> None:
    """Fail where the figure is too large for a page, axes collapse, or texts lie on others."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    assert width <= style.WIDTH + 1e-6
    assert height <= TALLEST
    page = figure.bbox
    slack = SLACK * figure.dpi / 72
    whole = list(figure.axes)
    assert whole
    for ax in whole:
        box = ax.get_window_extent()
        assert min(box.width, box.height) / figure.dpi >= LEAST, "axes collapse"
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
        if not ax.axison:
            continue
        for axis in (ax.xaxis, ax.yaxis):
            _assert_apart(_ticks(axis), slack)
        inside = Bbox.from_extents(box.x0 + slack, box.y0 + slack, box.x1 - slack, box.y1 - slack)
        for text in _outside(ax):
            assert not _overlap(_box(text), inside, slack), f"{text.get_text()!r} lies on the axes"
    titles = [text for ax in whole for text in _words([ax.title])]
    _assert_apart([*titles, *_words(list(figure.texts))], slack)
    for text in (*titles, *(t for ax in whole for t in _outside(ax))):
        box = text.get_window_extent()
        assert box.x0 >= page.x0 - slack and box.x1 <= page.x1 + slack, text.get_text()
        assert box.y0 >= page.y0 - slack and box.y1 <= page.y1 + slack, text.get_text()
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= page.x0 - slack and box.x1 <= page.x1 + slack
        for ax in whole:
            assert not _overlap(box, ax.get_window_extent(), slack), "the legend lies on the axes"


def _outside(ax: Axes) -> list[Text]:
    if not ax.axison:
        return []
    return [*_ticks(ax.xaxis), *_ticks(ax.yaxis), *_words([ax.xaxis.label, ax.yaxis.label])]


def _ticks(axis: Axis) -> list[Text]:
    """Return the names of ticks that are drawn: those in view."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return _words([tick.label1 for tick in ticks if tick.label1.get_visible()])


def _assert_apart(texts: list[Text], slack: float) -> None:
    for a, b in combinations(texts, 2):
        assert not _overlap(_box(a), _box(b), slack), f"{a.get_text()!r} on {b.get_text()!r}"
