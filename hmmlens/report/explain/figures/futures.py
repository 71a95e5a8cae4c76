"""The evidence of the verdict: distances between the futures of visited states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.futures.settings import DEFAULT
from hmmlens.futures.summary import Summary
from hmmlens.report import style
from hmmlens.report.explain.figures.registries import EVIDENCE, LAYER
from hmmlens.typing import Bools, Floats, Ints

#: Height in inches, and width of the matrix with its scale relative to the histogram.
HEIGHT, RATIOS = 1.9, (1.0, 1.9)
#: Bins of the histogram.
N_BINS = 60
#: Grades that rest on classes of futures: discrete, many, mixed.
WITH_CLASSES = ("D", "N", "M")
#: Most classes that are named next to the matrix.
MOST_NAMED = 16
#: Colours of pairs in one class, and in different ones or where there are no classes.
SAME, DIFFERENT, GAP = "#0072B2", "#D55E00", "0.85"


class FutureSample(NamedTuple):
    """Distances between the futures of sampled states.

    Attributes
    ----------
    distances : ndarray of shape (state, state)
        In standard deviations of the output.
    labels : ndarray of shape (state,) or None
        Class of each state, -1 for none; None where the verdict does not rest on classes.
    names : tuple of str
        Name of each class.
    gap : tuple of float or None
        Largest distance of neighbours in a class, and smallest between classes.
    present : bool
        Whether the present output counts as well, not only those from the next input on.
    """

    distances: Floats
    labels: Ints | None
    names: tuple[str, ...]
    gap: tuple[float, float] | None
    present: bool = False


def sample_of(
    summary: Summary | None, grade: str, path: Ints, state_names: Sequence[str]
) -> FutureSample | None:
    """Return what is drawn of the futures of a network.

    Parameters
    ----------
    summary : Summary or None
        Its futures.
    grade : str
        Its grade.
    path : ndarray of shape (sequence, time)
        State of the explained model at each recorded step, below 0 past the end.
    state_names : sequence of str
        Names of these states.

    Returns
    -------
    FutureSample or None
        None where futures were not compared, or their distances not kept. Classes have the names
        of the states of the explained model where each stands for one, or else numbers.
    """
    if summary is None or summary.distances is None or summary.sample_classes is None:
        return None
    n, numbers = int(summary.sample_classes.max(initial=-1)) + 1, summary.numbers
    # Where it shows no classes, it is left out again.
    weak = DEFAULT.weak_ratio * numbers["within"]
    present = bool(numbers["counts_output"]) and n > 1 and numbers["between"] >= weak
    if grade not in WITH_CLASSES or n < 2:
        return FutureSample(summary.distances, None, (), None, present)
    counts = np.zeros((n, len(state_names)))
    known = (summary.classes >= 0) & (summary.classes < n) & (path >= 0)
    np.add.at(counts, (summary.classes[known], path[known]), 1)
    states = counts.argmax(axis=1)
    one_each = n == len(state_names) == len(set(states.tolist())) and counts.any(axis=1).all()
    names = [state_names[k] for k in states] if one_each else [str(c + 1) for c in range(n)]
    gap = numbers["within"], numbers["between"]
    return FutureSample(summary.distances, summary.sample_classes, tuple(names), gap, present)


def leading_coordinate(distances: Floats) -> Floats:
    """Return the leading principal coordinate of distances (Gower 1966).

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Symmetric distances.

    Returns
    -------
    ndarray of shape (state,)
        Coordinates along which states differ most, the one of largest size positive.

    Examples
    --------
    >>> points = np.array([0.0, 3.0, 1.0])
    >>> leading_coordinate(np.abs(points[:, None] - points[None])).round(3).tolist()
    [-1.333, 1.667, -0.333]
    """
    centred = distances**2
    centred = centred - centred.mean(axis=0) - centred.mean(axis=1)[:, None] + centred.mean()
    values, vectors = np.linalg.eigh(-0.5 * centred)
    found: Floats = vectors[:, -1] * np.sqrt(max(float(values[-1]), 0.0))
    return found if found[np.abs(found).argmax()] >= 0 else -found


def ordered(sample: FutureSample) -> Ints:
    """Return the states in the order of the matrix.

    Parameters
    ----------
    sample : FutureSample
        The distances.

    Returns
    -------
    ndarray of shape (state,)
        By class, in the order of the names of classes, those of no class last, and within each by
        the leading principal coordinate; by this coordinate alone where there are no classes.
    """
    coordinate = leading_coordinate(sample.distances)
    if sample.labels is None:
        return np.argsort(coordinate, kind="stable")
    by_name = sorted(
        range(len(sample.names)), key=lambda c: (len(sample.names[c]), sample.names[c])
    )
    place = np.empty(len(by_name) + 1, dtype=np.int64)
    place[by_name] = np.arange(len(by_name))
    place[-1] = len(by_name)
    return np.lexsort((coordinate, place[sample.labels]))


@LAYER.figure(
    "futures",
    section=EVIDENCE,
    order=1,
    inputs=["futures"],
    caption="Futures of states that the network visited, sampled at random; on these the verdict "
    "rests where the network performs its task. The distance between two states is how far the "
    "outputs of the network part when it continues from both under the same recorded inputs, in "
    "standard deviations (SD) of the output. Left: distances of all pairs, dark where two states "
    "do the same. Where the verdict rests on separate classes, states are ordered by class, those "
    "of none last, and classes show as dark squares; "
    "elsewhere they are ordered by the coordinate along which futures differ most, and a continuum "
    "in one dimension shows as a gradient. Right: histogram of these distances. Grey: the gap "
    "between neighbours within a class and different classes, where the verdict rests on classes; "
    "elsewhere a line: 95 % of the pairs differ by less.",
)
def futures(sample: FutureSample) -> tuple[Figure, pd.DataFrame]:
    """Draw the matrix of distances between futures, and their histogram.

    Parameters
    ----------
    sample : FutureSample
        The distances.

    Returns
    -------
    tuple of (Figure, DataFrame)
        The figure, and the distance of each pair of states, numbered as in the matrix.
    """
    order = ordered(sample)
    distances = sample.distances[np.ix_(order, order)]
    labels = None if sample.labels is None else sample.labels[order]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(style.WIDTH, HEIGHT), gridspec_kw={"width_ratios": RATIOS}
    )
    _matrix(left, distances, labels, sample.names)
    first, second = np.triu_indices(len(order), 1)
    pairs = distances[first, second]
    source = pd.DataFrame({"state": first, "other_state": second, "distance": pairs.round(4)})
    same = None
    if labels is not None:
        same = (labels[first] == labels[second]) & (labels[first] >= 0)
        source["same_class"] = same
    _histogram(right, pairs, same, sample.gap)
    what = "with the present output" if sample.present else "from the next input on"
    right.set_xlabel(f"distance of two states {what} (SD of the output)")
    return figure, source


def _matrix(ax: Axes, distances: Floats, labels: Ints | None, names: Sequence[str]) -> None:
    image = ax.imshow(distances, cmap="cividis", vmin=0, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="distance (SD)")
    ax.set_title(f"{len(distances)} visited states")
    ax.set_xticks([])
    ax.set_yticks([])
    if labels is None:
        ax.set_xlabel("ordered by leading coordinate")
        ax.set_ylabel("state")
        return
    ax.set_xlabel("ordered by class")
    ax.set_ylabel("class")
    edges = np.flatnonzero(np.diff(labels)) + 1
    for edge in edges:
        ax.axhline(edge - 0.5, color="white", lw=0.4)
        ax.axvline(edge - 0.5, color="white", lw=0.4)
    begins, ends = np.r_[0, edges], np.r_[edges, len(labels)]
    shown = ["" if labels[b] < 0 else names[labels[b]] for b in begins]
    if len(shown) <= MOST_NAMED:
        ax.set_yticks((begins + ends - 1) / 2, shown)
        ax.tick_params(axis="y", length=0)


def _histogram(
    ax: Axes, pairs: Floats, same: Bools | None, gap: tuple[float, float] | None
) -> None:
    bins = np.linspace(0, max(float(pairs.max(initial=0.0)), 1e-9), N_BINS + 1)
    weight = 100 / max(len(pairs), 1)
    groups = [pairs] if same is None else [pairs[same], pairs[~same]]
    names = ["all pairs"] if same is None else ["in the same class", "in different classes"]
    ax.hist(
        groups, bins=bins.tolist(), weights=[np.full(len(group), weight) for group in groups],
        stacked=True, label=names, color=["0.4"] if same is None else [SAME, DIFFERENT],
    )  # fmt: skip
    if gap is not None:
        ax.axvspan(*gap, color=GAP, zorder=0, label=f"gap, {gap[0]:.2f} to {gap[1]:.2f}")
    if same is None and len(pairs):
        most = float(np.quantile(pairs, 0.95))
        ax.axvline(most, color="0.2", lw=0.8, ls="--", label=f"95 % of pairs below {most:.2f}")
        ax.legend(loc="upper right")
    ax.set_title("distances of all pairs")
    ax.set_ylabel("% of pairs")
    if same is not None:
        # Above the bars, for which there is no place that is always free.
        ax.set_ylim(top=1.3 * ax.get_ylim()[1])
        ax.legend(loc="upper center", ncols=3)
