"""Tables, sentences and graphs of transitions given the input, of planted machines."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hmmlens.interpretation.input_events import InputEvents, input_events
from hmmlens.interpretation.states import given_input
from hmmlens.report.explain import transition_tables
from hmmlens.report.explain.figures.graph_layout import layout
from hmmlens.report.explain.figures.input_matrices import input_transitions
from hmmlens.report.explain.figures.states import graph, states
from hmmlens.report.explain.figures.transition_arrows import event_arrows
from hmmlens.report.style import colours


def reading_of(path: np.ndarray, events: InputEvents, n_states: int) -> xr.Dataset:
    """Return what the figures and tables read of a model whose states are known."""
    share = np.bincount(path.ravel(), minlength=n_states) / path.size
    ones = np.ones(n_states)
    variables = {
        "n_states": n_states,
        "occupancy": ("state", share),
        "transmat": (("state", "next_state"), np.full((n_states, n_states), 1 / n_states)),
        "truth_share": (("state", "truth"), np.full((n_states, 1), np.nan)),
        **{
            f"{block}_{name}": (("state", block), ones[:, None])
            for block in ("input", "output")
            for name in ("mean", "sd")
        },
        **{
            name: ("state", 2 * ones)
            for name in ("dwell", "dwell_low", "dwell_high", "mean_dwell", "model_dwell")
        },
    }
    return xr.Dataset(variables | given_input(path, events, n_states)).assign_attrs(
        events=list(events.names),
        neutral_event=-1 if events.neutral is None else events.neutral,
        neutral_condition=events.condition,
        event_parts=[list(parts) for parts in events.parts],
        averaged_inputs=list(events.averaged),
    )


@pytest.fixture(scope="module")
def parity() -> xr.Dataset:
    bits = np.random.default_rng(0).integers(0, 2, size=(60, 50))
    events = input_events(bits[..., None].astype(float))
    return reading_of(bits.cumsum(axis=1) % 2, events, 2)


@pytest.fixture(scope="module")
def flipflop() -> xr.Dataset:
    """Three bits, each set by the pulses of its input; state 4 a + 2 b + c."""
    rng = np.random.default_rng(1)
    pulses = rng.choice([-1.0, 0.0, 1.0], size=(200, 50, 3), p=[0.06, 0.88, 0.06])
    bits, path = np.zeros((200, 3), dtype=int), np.zeros((200, 50), dtype=int)
    for t in range(50):
        bits = np.where(pulses[:, t] == 0, bits, (pulses[:, t] > 0).astype(int))
        path[:, t] = bits @ [4, 2, 1]
    return reading_of(path, input_events(pulses, names=["a", "b", "c"]), 8)


def drawn_texts(reading: xr.Dataset, n: int) -> list[str]:
    figure, ax = plt.subplots()
    graph(ax, reading, n, colours(n), "title")
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    plt.close(figure)
    return texts


def test_parity_stays_with_0_and_swaps_with_1(parity: xr.Dataset) -> None:
    assert transition_tables.event_words(parity) == "0: stay; 1: swap"
    assert transition_tables.moves(parity, 0) == "0: stay; 1: to B"
    assert transition_tables.moves(parity, 1) == "0: stay; 1: to A"
    sentence = transition_tables.entropy_sentence(parity)
    assert sentence.startswith("Given its input the next state is ")
    assert "certain: 0.0" in sentence and sentence.endswith("1.00 without the input.")
    assert transition_tables.neutral_dwell(parity, 0).startswith("longer than ")
    table = transition_tables.transition_rows(parity)
    found = table[["event", "state", "next_state", "probability"]].to_numpy().tolist()
    assert found == [
        ["0", "A", "A", 1.0], ["0", "B", "B", 1.0], ["1", "A", "B", 1.0], ["1", "B", "A", 1.0]
    ]  # fmt: skip
    assert table["count"].sum() == 60 * 49


def test_the_graph_of_parity_has_one_arrow_with_1_and_loops_with_0(parity: xr.Dataset) -> None:
    counts = parity["event_counts"].to_numpy()
    arrows = {(a.start, a.end): a.events for a in event_arrows(counts, [0, 1])}
    assert arrows == {
        (0, 0): ((0, 1.0),), (0, 1): ((1, 1.0),), (1, 0): ((1, 1.0),), (1, 1): ((0, 1.0),)
    }  # fmt: skip
    texts = drawn_texts(parity, 2)
    # The swap is one arrow with two heads.
    assert texts.count("1") == 1 and texts.count("0") == 2
    assert {"A", "B"} <= set(texts) and not any("." in text for text in texts)


def test_the_graph_of_flip_flops_has_the_arrows_of_single_pulses(flipflop: xr.Dataset) -> None:
    events = flipflop.attrs["events"]
    single = [k for k, parts in enumerate(flipflop.attrs["event_parts"]) if not parts]
    assert len(single) == 7
    arrows = event_arrows(flipflop["event_counts"].to_numpy(), single)
    found = {(a.start, a.end, events[k]) for a in arrows for k, p in a.events if a.start != a.end}
    wanted = set()
    for bits in product((0, 1), repeat=3):
        for i, name in enumerate("abc"):
            flipped = np.array(bits)
            flipped[i] = 1 - flipped[i]
            sign = "+" if flipped[i] else "\N{MINUS SIGN}"
            wanted.add((int(np.dot(bits, [4, 2, 1])), int(flipped @ [4, 2, 1]), f"{name}={sign}1"))
    assert found == wanted
    # Too many names for arrows are colours with a legend.
    figure, ax = plt.subplots()
    graph(ax, flipflop, 8, colours(8), "title")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    plt.close(figure)
    assert labels == events[1:7]


def test_uncertain_moves_have_their_probabilities() -> None:
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2, size=(200, 50))
    path = (bits * (rng.random(bits.shape) < 0.75)).cumsum(axis=1) % 2
    reading = reading_of(path, input_events(bits, names=["x", "y"]), 2)
    assert transition_tables.event_words(reading) == "x: stay; y: A mostly to B, B mostly to A"
    words = transition_tables.moves(reading, 0)
    share = reading["event_counts"].to_numpy()[1, 0]
    share = share / share.sum()
    assert words == f"x: stay; y: to B ({share[1]:.2f}) or stay ({share[0]:.2f})"
    assert f"y .{100 * share[1]:.0f}" in "\n".join(drawn_texts(reading, 2))


def test_an_event_that_sets_a_state_and_one_that_resets_it() -> None:
    rng = np.random.default_rng(3)
    symbols = rng.integers(0, 3, size=(60, 50))
    path = np.zeros_like(symbols)
    for t in range(1, 50):
        path[:, t] = np.choose(symbols[:, t], [path[:, t - 1], 2, (path[:, t - 1] + 1) % 3])
    reading = reading_of(path, input_events(symbols, names=["keep", "set", "next"]), 3)
    wanted = "keep: stay; set: to C; next: A to B, B to C, C to A"
    assert transition_tables.event_words(reading) == wanted


def test_inputs_that_are_no_events_keep_the_plain_graph() -> None:
    rng = np.random.default_rng(4)
    path = rng.integers(0, 3, size=(20, 50))
    reading = reading_of(path, input_events(rng.normal(size=(20, 50, 1)), names=["speed"]), 3)
    assert not transition_tables.driven(reading)
    assert transition_tables.event_words(reading) == transition_tables.moves(reading, 0) == ""
    assert "averages over inputs" in transition_tables.entropy_sentence(reading)
    assert "0.33" in drawn_texts(reading, 3)
    assert input_transitions(reading) is None


def test_stores_without_events_are_read_as_before(parity: xr.Dataset) -> None:
    old = parity.drop_vars([name for name in parity if str(name).startswith("event")])
    old.attrs = {}
    assert transition_tables.transition_rows(old).empty
    assert transition_tables.entropy_sentence(old) == transition_tables.moves(old, 0) == ""
    assert "0.50" in drawn_texts(old, 2)


def test_matrices_are_drawn_for_each_event_with_their_average(flipflop: xr.Dataset) -> None:
    made = input_transitions(flipflop)
    assert made is not None
    figure, table = made
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    plt.close(figure)
    assert titles[0].startswith("average over inputs\nn = 9800")
    assert titles[1].startswith("no event\n") and len(titles) == 8
    assert "more input events" in figure.get_supxlabel()
    sums = table.groupby(["event", "state"])["probability"].sum()
    np.testing.assert_allclose(sums, 1)
    assert table["count"].sum() == 9800 and set(table["event"]) <= set(flipflop.attrs["events"])


def test_the_figure_of_states_and_its_source_have_all_states(flipflop: xr.Dataset) -> None:
    names = {"input": ["x"], "output": ["y"], "truth": ["z"]}
    figure, table = states(flipflop, names, (False, False), colours(8), "8 states")
    plt.close(figure)
    assert isinstance(table, pd.DataFrame) and len(table) == 8


@pytest.mark.parametrize("n", [2, 5, 16, 30])
def test_states_of_a_ring_stand_on_a_ring(n: int) -> None:
    place = layout([(i, (i + 1) % n) for i in range(n)], n)
    step = np.linalg.norm(place - np.roll(place, 1, axis=0), axis=1)
    assert step.min() > 0.6 * step.max() and np.abs(place).max() == pytest.approx(1)
    np.testing.assert_array_equal(place, layout([(i, (i + 1) % n) for i in range(n)], n))
    # No two states stand in one place.
    apart = np.linalg.norm(place[:, None] - place[None], axis=2) + 9 * np.eye(n)
    assert apart.min() > 0.5 * step.mean()


def test_parts_of_a_graph_without_a_way_between_them_stand_apart() -> None:
    place = layout([(0, 1), (2, 3)], 4)
    within = np.linalg.norm(place[0] - place[1]), np.linalg.norm(place[2] - place[3])
    between = np.linalg.norm(place[:2, None] - place[None, 2:], axis=2).min()
    assert between > max(within)
    assert layout([], 1).tolist() == [[0, 0]]


def test_a_dwell_at_rest_names_its_condition_and_the_inputs_that_vary() -> None:
    """Speed varies at every step; the reset sets state 0, which is then left at random."""
    rng = np.random.default_rng(6)
    reset = rng.random((60, 50)) < 0.1
    path = np.zeros((60, 50), dtype=int)
    for t in range(1, 50):
        path[:, t] = np.where(reset[:, t], 0, np.maximum(path[:, t - 1], rng.random(60) < 0.2))
    inputs = np.stack([rng.normal(size=reset.shape), reset], axis=2)
    events = input_events(inputs, names=["speed", "reset"])
    reading = reading_of(path, events, 2)
    condition = "reset is 0 (speed varies)"
    assert transition_tables.neutral_condition(reading) == condition
    assert transition_tables.neutral_dwell(reading, 0).startswith(("4.", "5."))
    figure, ax = plt.subplots()
    graph(ax, reading, 2, colours(2), "title")
    texts = [text.get_text() for text in ax.texts]
    plt.close(figure)
    assert f"number at a state: mean dwell while {condition}" in texts
    # A store that was written before conditions had names.
    del reading.attrs["neutral_condition"]
    assert "neutral values (speed varies)" in transition_tables.neutral_condition(reading)
    many = reading.assign_attrs(averaged_inputs=["a", "b", "c", "d"])
    assert transition_tables.neutral_condition(many).endswith("(a, b and 2 more vary)")
