"""Arrows of the graph of states are those that matplotlib clips at the circles."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch

from hmmlens.report.explain.figures import arrow_drawing
from hmmlens.report.explain.figures.state_graph import draw
from hmmlens.report.explain.figures.transition_arrows import Arrow


@pytest.mark.parametrize("n_states", [2, 5])
def test_arrows_are_those_of_matplotlib(n_states: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_drawing, "GAP", 0.0)
    figure, ax = plt.subplots()
    # Two different events there and back, so that no arrow is straight.
    arrows = [
        Arrow(i, j, 0.9, ((int(i < j), 0.9),))
        for i in range(n_states)
        for j in range(n_states)
        if i != j
    ]
    names = [f"state {k}" for k in range(n_states)]
    draw(ax, arrows, ["one", "two"], np.ones(n_states), names, ["0.5"] * n_states, "")
    circles = [patch for patch in ax.patches if isinstance(patch, Circle)]
    drawn = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    figure.draw_without_rendering()
    assert len(drawn) == len(arrows)
    for arrow, patch in zip(arrows, drawn, strict=True):
        bends = (0.16,) if n_states == 2 else (0.1, 0.22)
        reference = [
            FancyArrowPatch(
                circles[arrow.start].center, circles[arrow.end].center, arrowstyle="-",
                connectionstyle=f"arc3,rad={bend}", patchA=circles[arrow.start],
                patchB=circles[arrow.end], shrinkA=0, shrinkB=0,
            )
            for bend in bends
        ]  # fmt: skip
        patch.set_arrowstyle("-")
        own = ax.transData.transform(patch._path_original.vertices)
        distances = []
        for other in reference:
            ax.add_patch(other)
            (path,), _ = other._get_path_in_displaycoord()
            distances.append(np.abs(path.vertices - own).max())
        # Pixels.
        assert min(distances) < 1
    plt.close(figure)
