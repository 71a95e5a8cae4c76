"""Colours tie found states to the truth that they meet."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from hmmlens.naming import state_names
from hmmlens.report import style
from hmmlens.report.explain.figures.state_colours import match_colours


def test_found_states_take_the_colour_of_the_truth_they_meet() -> None:
    truth = np.array([[0, 0, 1, 1, 2, 2]])
    found = np.array([[2, 2, 0, 0, 1, 3]])
    colours = match_colours(found, 4, truth, 3)
    palette = style.colours(7)
    assert [colours[2], colours[0]] == palette[:2]
    # The last truth is met by two states: one takes its colour, the other a new one.
    assert {colours[1], colours[3]} == {palette[2], palette[3]}


def test_without_a_truth_states_take_the_palette_in_order() -> None:
    unknown = np.full((1, 4), -1)
    assert match_colours(np.array([[0, 1, 1, 2]]), 3, unknown, 0) == style.colours(3)


def test_states_are_named_by_letters_without_end() -> None:
    names = state_names(30)
    assert names[:3] == ["A", "B", "C"]
    assert names[25:28] == ["Z", "A2", "B2"]
    assert len(set(names)) == 30


def test_numbers_that_round_to_zero_have_no_sign() -> None:
    figure, ax = plt.subplots()
    style.heatmap(ax, np.array([[-0.001, -0.004], [-0.25, np.nan]]), "AB", "xy", "", True)
    assert [text.get_text() for text in ax.texts] == ["0.00", "0.00", "-0.25"]
    plt.close(figure)
