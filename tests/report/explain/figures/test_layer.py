"""What is picked to be drawn."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from hmmlens.futures.summary import NAMES, Summary
from hmmlens.hmm.models import GaussianHMM
from hmmlens.interpretation.input_events import input_events
from hmmlens.interpretation.states import read_states
from hmmlens.report.explain.figures import layer as figures
from hmmlens.report.explain.figures.layer import find_liveliest
from hmmlens.report.explain.figures.network import spread_apart
from hmmlens.validation.grading import verdict


def test_liveliest_sequence_counts_real_changes_only() -> None:
    truth = np.array([[0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0], [0, 1, 0, 0, -1, -1]])
    length = np.array([6, 6, 4])
    shown = np.arange(6) < length[:, None]
    assert find_liveliest(truth, shown) == 0
    # Without the first, both have two changes; the end of the shorter one is none.
    shown[0] = False
    assert find_liveliest(truth, shown) == 1
    # Where nothing changes, a sequence that counts is still taken.
    assert find_liveliest(np.zeros((3, 6), int), shown) == 1


def test_names_that_lie_on_each_other_are_pushed_apart() -> None:
    places = np.array([[0.0, 0.0], [0.0, 0.0], [0.1, 0.05], [5.0, 0.0], [0.0, 3.0]])
    moved = spread_apart(places, np.array([1.0, 0.5]))
    np.testing.assert_array_equal(moved[:, 0], places[:, 0])
    np.testing.assert_array_equal(moved[3:], places[3:])
    assert np.diff(np.sort(moved[:3, 1])).min() >= 0.5 - 1e-6
    # As far as need be and no farther.
    assert np.ptp(moved[:3, 1]) < 1.5
    assert spread_apart(places[:1], np.array([1.0, 0.5])).tolist() == [[0.0, 0.0]]


def draw_layer(grade: str, at_edge: bool) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Draw the figures of a layer of two states."""
    model = GaussianHMM.from_parameters(
        [0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[-1.0, 0], [1, 0]], np.stack([np.eye(2)] * 2), "tied"
    )
    observed, states = model.sample(60, random_state=0)
    observed, truth = observed[None], states[None]
    length, inputs = np.array([60]), np.random.default_rng(0).integers(0, 2, (1, 60, 1)) * 1.0
    events = input_events(inputs)
    reading = read_states(model, observed, inputs, observed, truth, length, 2, events=events)
    reading = reading.expand_dims(pick=2).assign(n_states=("pick", [2, 2]))
    choices = pd.DataFrame({"pick": ["bic", "explained"], "reducer": "pca", "n_states": 2})
    choices = choices.assign(
        chosen_reducer=True, covariance_type="tied", at_edge=at_edge, exploratory=False
    )
    fits = pd.DataFrame({"n_states": [1, 2], "bic": [9.0, 3.0], "log_likelihood": [-9.0, -3.0]})
    tables = {
        "fits": fits.assign(reducer="pca", exploratory=False, covariance_type="tied", restart=0),
        "choices": choices,
        "by_count": pd.DataFrame({"role": ["trained"], "covariance_type": "tied"}).assign(
            n_states=2, fidelity_test=0.9
        ),
    }
    task = figures.Task(
        inputs, truth, length, np.array([2]),
        {"input": ["x"], "output": ["a", "b"], "truth": ["one", "two"]}, False, False, "step",
    )  # fmt: skip
    about = {"events": list(events.names), "event_parts": [list(p) for p in events.parts]}
    reading = reading.assign_attrs(picks=["bic", "explained"], **about)
    head = verdict.title(grade, 2)
    apart = np.abs(observed[0, :, None, 0] - observed[0, None, :, 0])
    futures = Summary(dict.fromkeys(NAMES, 1.0), states[None], apart, states)
    return figures.draw_figures(
        task, reading, None, {"pca": observed}, tables.get, "bic", np.nan, head, futures=futures
    )


@pytest.mark.parametrize("grade", ["D", "C"])
def test_every_picture_of_states_carries_the_verdict(grade: str) -> None:
    made = {name: figure for name, figure, _ in draw_layer(grade, at_edge=grade == "C")}
    heads = {name: " ".join(figure.get_suptitle().split()) for name, figure in made.items()}
    pictures = {"states", "input_transitions", "trajectories", "bands"}
    assert {name for name, head in heads.items() if head} == pictures
    for name in pictures:
        assert f"Verdict: {verdict.GRADES[grade]}" in heads[name]
        assert heads[name].startswith("No discrete states supported") == (grade == "C")
    # Another model than the explained one is in no picture of states.
    assert made["states"].axes[0].get_title() == "2 regions"
    assert [name for name in made if name.startswith("states")] == ["states"]
    plt.close("all")
