"""The picture of the evidence: distances between futures, ordered, with their histogram."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hmmlens.futures.summary import MOST_KEPT, NAMES, Summary, from_dataset, to_dataset
from hmmlens.report.explain.figures.futures import (
    FutureSample,
    futures,
    leading_coordinate,
    ordered,
    sample_of,
)

RNG = np.random.default_rng(0)


def apart(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def summary(labels: np.ndarray, points: np.ndarray) -> Summary:
    """Return futures with classes of which class c is state 1 - c of the path below."""
    numbers = dict.fromkeys(NAMES, 1.0) | {"within": 0.2, "between": 0.8}
    return Summary(numbers, np.array([[0, 0, 1, -1]]), apart(points), labels)


PATH = np.array([[1, 1, 0, -1]])


def two_classes() -> tuple[np.ndarray, np.ndarray]:
    labels = RNG.integers(0, 2, 40)
    return labels, np.c_[labels + 0.05 * RNG.normal(size=40), 0.05 * RNG.normal(size=40)]


def test_classes_are_blocks_named_after_the_states_that_they_are() -> None:
    labels, points = two_classes()
    sample = sample_of(summary(labels, points), "D", PATH, ["A", "B"])
    assert sample is not None and sample.names == ("B", "A") and sample.gap == (0.2, 0.8)
    order = ordered(sample)
    # Class 1 is state A, which comes first; each class is in one piece.
    np.testing.assert_array_equal(labels[order], np.sort(labels)[::-1])
    figure, source = futures(sample)
    shown = figure.axes[0].images[0].get_array()
    n = int((labels == 1).sum())
    blocks = [shown[:n, :n], shown[n:, n:], shown[:n, n:]]
    assert max(blocks[0].max(), blocks[1].max()) < 0.5 < blocks[2].min()
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["A", "B"]
    plt.close(figure)
    assert len(source) == 40 * 39 / 2
    same = source[source["same_class"]]
    assert len(same) == n * (n - 1) / 2 + (40 - n) * (39 - n) / 2
    np.testing.assert_allclose(
        source["distance"], shown[source["state"], source["other_state"]], atol=1e-4
    )


def test_a_continuum_is_ordered_along_its_line() -> None:
    line = RNG.permutation(np.linspace(0, 1, 60))
    points = np.c_[line, np.zeros(60)]
    sample = sample_of(summary(np.zeros(60, dtype=int), points), "C", PATH, ["A", "B"])
    assert sample is not None and sample.labels is None and sample.gap is None
    in_order = line[ordered(sample)]
    assert (np.diff(in_order) > 0).all() or (np.diff(in_order) < 0).all()
    found = leading_coordinate(apart(points))
    np.testing.assert_allclose(abs(np.corrcoef(found, line)[0, 1]), 1)
    # Distances along a line are those of the coordinate.
    np.testing.assert_allclose(apart(found[:, None]), apart(points), atol=1e-6)
    figure, source = futures(sample)
    assert "same_class" not in source
    most = np.quantile(source["distance"], 0.95)
    (line,) = figure.axes[1].get_lines()
    assert line.get_xdata()[0] == pytest.approx(most, abs=1e-3)
    assert figure.axes[1].get_legend().get_texts()[-1].get_text().endswith(f"below {most:.2f}")
    assert "from the next input on" in figure.axes[1].get_xlabel()
    # The histogram has all pairs.
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == pytest.approx(100)
    plt.close(figure)


def test_classes_that_are_not_the_shown_states_are_numbered_and_states_of_none_come_last() -> None:
    labels, points = two_classes()
    labels[:5] = -1
    sample = sample_of(summary(labels, points), "M", PATH, ["A", "B", "C"])
    assert sample is not None and sample.names == ("1", "2")
    assert labels[ordered(sample)][-5:].tolist() == [-1] * 5
    figure, _ = futures(sample)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["1", "2", ""]
    plt.close(figure)
    # A verdict that rests on no classes shows none.
    other = sample_of(summary(labels, points), "undecided", PATH, ["A", "B"])
    assert isinstance(other, FutureSample) and other.labels is None


def test_distances_survive_the_store_and_older_stores_have_no_picture() -> None:
    labels, points = two_classes()
    whole = summary(labels, points)
    again = from_dataset(to_dataset(whole))
    assert again is not None and again.distances is not None and again.sample_classes is not None
    np.testing.assert_allclose(again.distances, whole.distances, rtol=1e-6)
    np.testing.assert_array_equal(again.sample_classes, labels)
    old = from_dataset(to_dataset(whole).drop_vars(["distance", "sample_class"]))
    assert old is not None and old.numbers == again.numbers
    assert sample_of(old, "D", PATH, ["A", "B"]) is sample_of(None, "D", PATH, ["A"]) is None
    assert MOST_KEPT <= 300
