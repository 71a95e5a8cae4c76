"""Figures of many inputs, symbols, outputs, labels and states show the most distinctive ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.interpretation.states import read_states
from hmmlens.naming import state_names
from hmmlens.report import distinctive, style
from hmmlens.report.explain.figures.bands import draw_bands
from hmmlens.report.explain.figures.network import draw_selection, draw_trajectories
from hmmlens.report.explain.figures.state_colours import Band
from hmmlens.report.explain.figures.states import blocks, states
from tests.report.sizes import assert_readable
from tests.test_user_text import NASTY

SLOW, STUDY = pytest.mark.slow, pytest.mark.study
#: Numbers of columns, and whether they are symbols; numbers of states.
MANY = [
    (17, True),
    pytest.param(1000, False, marks=STUDY),
    *(pytest.param(n, False, marks=SLOW) for n in (1, 17, 100)),
    *(pytest.param(n, True, marks=SLOW) for n in (1, 100, 1000)),
]
STATES = [
    1,
    pytest.param(30, marks=STUDY),
    *(pytest.param(n, marks=SLOW) for n in (2, 5, 9, 12, 13, 17, 24, 100)),
]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    style.use()
    yield
    plt.close("all")


def reading(n_states: int, n_in: int, n_out: int, n_truth: int, planted: int = -1) -> xr.Dataset:
    """Return a model's description; states differ in the input ``planted`` most."""
    rng = np.random.default_rng(0)
    occupancy = np.sort(rng.dirichlet(np.full(n_states, 3.0)))[::-1]
    transmat = rng.dirichlet(np.ones(n_states), size=n_states)
    found = {"occupancy": ("state", occupancy), "transmat": (("state", "next_state"), transmat)}
    found |= {
        name: ("state", rng.uniform(2, 90, n_states))
        for name in ("dwell", "dwell_low", "dwell_high", "mean_dwell", "model_dwell")
    }
    for kind, n in (("input", n_in), ("output", n_out)):
        mean = rng.normal(0, 0.05, (n_states, n))
        if kind == "input" and planted >= 0:
            mean[:, planted] = np.linspace(-2, 2, n_states)
        found[f"{kind}_mean"] = ((("state", kind)), mean)
        found[f"{kind}_sd"] = (("state", kind), np.ones((n_states, n)))
    truth = rng.dirichlet(np.full(max(n_truth, 1), 0.1), size=n_states)[:, :n_truth]
    found["truth_share"] = (("state", "truth"), truth)
    return xr.Dataset(found).assign(n_states=n_states)


def names(n_in: int, n_out: int, n_truth: int, end: str = "") -> dict[str, list[str]]:
    sizes = {"input": n_in, "output": n_out, "truth": n_truth}
    return {kind: [f"{kind} {i}{end}" for i in range(n)] for kind, n in sizes.items()}


@pytest.mark.parametrize(("n", "symbols"), MANY)
def test_state_figures_of_many_columns_can_be_read(n: int, symbols: bool) -> None:
    part, axes = reading(5, n, n, n, planted=n - 1), names(n, n, n)
    figure, source = states(part, axes, (symbols, symbols), style.colours(5), "BIC: 5 states")
    assert_readable(figure)
    heat = [ax for ax in figure.axes if ax.axison]
    assert len(heat) == 3
    for ax in heat:
        assert len(ax.get_xticklabels()) == min(n, 16)
        assert (f"and {n - 16:,} more" in ax.get_title()) == (n > 16)
    if n > 16:
        # The input by which states differ most comes first.
        assert heat[0].get_xticklabels()[0].get_text() == f"input {n - 1}"
    # All columns are in the file, as they are.
    np.testing.assert_array_equal(source[f"input input {n - 1}"], part["input_mean"][:, n - 1])
    assert sum(column.startswith("output ") for column in source) == n


@pytest.mark.parametrize("n_states", STATES)
def test_state_figures_of_many_states_can_be_read(n_states: int) -> None:
    part = reading(n_states, 6, 6, 4)
    figure, source = states(
        part, names(6, 6, 4), (False, False), style.colours(n_states), f"BIC: {n_states} states"
    )
    assert_readable(figure)
    graph, heat = figure.axes[0], figure.axes[1]
    shown = state_names(min(n_states, 30))
    assert [label.get_text() for label in heat.get_yticklabels()] == shown
    assert ("and 70 more" in graph.get_title()) == (n_states == 100)
    assert len(source) == n_states
    # Circles of neighbours do not touch.
    circles = [p for p in graph.patches if hasattr(p, "radius")]
    assert len(circles) == len(shown)
    for a, b in pairwise(circles):
        apart = np.hypot(*np.subtract(a.center, b.center))
        assert apart >= a.radius + b.radius


@pytest.mark.parametrize("n", [3, pytest.param(100, marks=SLOW)])
def test_long_names_leave_room_for_the_axes(n: int) -> None:
    axes = names(n, n, n, end="_" + "x" * 80)
    figure, _ = states(reading(4, n, n, n), axes, (False, False), style.colours(4), "BIC: 4 states")
    assert_readable(figure)


def test_states_are_drawn_by_how_they_differ_not_by_their_raw_means() -> None:
    rng = np.random.default_rng(0)
    states_ = np.repeat([0, 1], 300)[None]
    # A clock far from 0 that never changes between states, and an input that does.
    inputs = np.stack([82800 + rng.normal(size=(1, 600)), states_ + rng.normal(size=(1, 600))], -1)
    posteriors = np.eye(2)[states_]

    class Known:
        transmat_, startprob_ = np.full((2, 2), 0.5), np.full(2, 0.5)

        def filter(self, *_: object) -> object:
            return type("Filtered", (), {"posteriors": posteriors})

    part = read_states(
        Known(), states_, inputs, inputs, np.full((1, 600), -1), np.array([600]), 0  # type: ignore[arg-type]
    )  # fmt: skip
    found = blocks(part, {"input": ["clock", "signal"], "output": ["a", "b"]}, (False, False))
    flat = inputs[0]
    for k in (0, 1):
        # By pandas' mean and standard deviation of all steps.
        table = pd.DataFrame(flat)
        expected = (table[states_[0] == k].mean() - table.mean()) / table.std(ddof=0)
        np.testing.assert_allclose(found[0].values[k], expected, atol=1e-6)
    score = distinctive.separation(
        *(part[v].to_numpy() for v in ("input_mean", "input_sd", "occupancy"))
    )
    # The share of variance between groups, as of a one-way analysis of variance.
    groups = pd.DataFrame(flat).groupby(states_[0])
    between = sum(len(g) * (g.mean() - flat.mean(0)) ** 2 for _, g in groups) / len(flat)
    np.testing.assert_allclose(score, between / flat.var(0), atol=1e-6)
    assert score[1] > 0.15 > score[0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 20))
def test_the_most_distinctive_are_those_with_the_highest_score(
    score: list[float], most: int
) -> None:
    values = np.round(score, 9)
    shown = distinctive.most_distinctive(values, most)
    assert len(shown) == min(len(score), most)
    left = np.delete(values, shown)
    if len(left):
        assert values[shown].min() >= left.max()
        assert values[shown].tolist() == sorted(values, reverse=True)[:most]
    else:
        assert shown.tolist() == list(range(len(score)))
    assert distinctive.and_more(len(score), len(shown)) == (
        f"and {len(left)} more" if len(left) else ""
    )


def test_constants_and_states_never_met_show_nothing() -> None:
    mean = np.array([[1e9, 0.0, np.nan], [1e9, 1.0, np.nan]])
    sd = np.array([[0.0, 0.0, np.nan], [0.0, 0.0, np.nan]])
    assert distinctive.separation(mean, sd, np.array([0.5, 0.5])).tolist() == [0.0, 1.0, 0.0]


def band(n_states: int, label: str, end: str = "") -> Band:
    path = np.random.default_rng(1).integers(0, n_states, size=(2, 40)).repeat(5, axis=1)
    return Band(label, path, [f"{n}{end}" for n in state_names(n_states)], style.colours(n_states))


@pytest.mark.parametrize(("n", "symbols"), MANY)
def test_sequences_of_many_inputs_can_be_read(n: int, symbols: bool) -> None:
    rng = np.random.default_rng(0)
    signals = rng.integers(0, n, (2, 200)) if symbols else rng.normal(size=(2, 200, n))
    score = np.zeros(n)
    score[-1] = 1.0
    rows = [band(30, "truth", "_" + "y" * 80), band(30, "BIC: 30"), band(2, "explained: 2")]
    inputs = names(n, 0, 0, "_" + "x" * 80)["input"]
    figure, source = draw_bands(signals, inputs, rows, 1, 200, symbols, score=score)
    assert_readable(figure)
    if symbols:
        shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        np.testing.assert_array_equal(source["input"], signals[1])
    else:
        shown = [text.get_text() for text in figure.legends[0].get_texts()]
        np.testing.assert_array_equal(source[inputs[-1]], signals[1, :, -1])
        assert len(figure.axes[0].lines) == min(n, 16)
    assert len(shown) == min(n, 16) + (n > 16)
    if n > 16:
        assert shown[-1] == f"and {n - 16:,} more"
        assert shown[0].startswith(f"input {n - 1}"[:9])
    assert {"truth", "BIC: 30", "explained: 2"} <= set(source)


def test_an_input_named_as_another_column_keeps_its_own() -> None:
    signals = np.random.default_rng(0).normal(size=(1, 50, 3))
    rows = [band(2, "truth")]
    _, source = draw_bands(signals, ["step", "truth", "step"], rows, 0, 50, False)
    assert list(source) == ["step", "step (2)", "truth", "step (3)", "truth (2)"]
    np.testing.assert_array_equal(source["step"], np.arange(50))
    np.testing.assert_array_equal(source["step (3)"], signals[0, :, 2])


@pytest.mark.parametrize(
    ("n_states", "n_maps"), [(1, 1), pytest.param(30, 2, marks=pytest.mark.slow), (300, 40)]
)
def test_maps_of_many_states_can_be_read(n_states: int, n_maps: int) -> None:
    rng = np.random.default_rng(0)
    maps = {f"map-{i}": rng.normal(size=(2, 200, 2)) for i in range(n_maps)}
    rows = [band(n_states, "truth", "_" + "y" * 80), band(n_states, "BIC")]
    figure, source = draw_trajectories(maps, rows, np.ones((2, 200), bool))
    assert_readable(figure)
    assert len(figure.axes) == 2 * min(n_maps, 4)
    footer = " ".join(text.get_text() for text in figure.texts)
    supx = figure.get_supxlabel()
    assert ("and 36 more maps" in footer + supx) == (n_maps == 40)
    assert f"map-{n_maps - 1} 2" in source


@pytest.mark.parametrize("n", [1, pytest.param(12, marks=pytest.mark.slow), 100])
def test_many_reducers_are_shown_by_their_fidelity(n: int) -> None:
    reducers = [f"r{i}-{'x' * 30}" for i in range(n)]
    fits = pd.DataFrame({"reducer": np.repeat(reducers, 3), "n_states": [1, 2, 3] * n})
    fits = fits.assign(
        bic=9.0 - fits["n_states"], log_likelihood=1.0 * fits["n_states"], restart=0,
        covariance_type="tied", exploratory=False,
    )  # fmt: skip
    chosen = pd.DataFrame({"reducer": reducers, "fidelity_select": np.linspace(0, 1, n)})
    chosen = chosen.assign(pick="bic", covariance_type="tied", n_states=3, at_edge=True)
    figure, source = draw_selection(fits, chosen, "bic")
    assert_readable(figure)
    titles = [ax.get_title() for ax in figure.axes if ax.axison]
    assert len(titles) == min(n, 12)
    # The last ones are the most faithful.
    assert titles[-1].startswith(f"r{n - 1}-")
    assert figure.get_supxlabel().startswith("and 88 more reducers") == (n == 100)
    assert len(source) == len(fits)


@pytest.mark.filterwarnings("error")
def test_names_of_any_kind_are_drawn_as_they_are() -> None:
    n = len(NASTY)
    axes = {kind: NASTY for kind in ("input", "output", "truth")}
    part = reading(3, n, n, n)
    figure, _ = states(part, axes, (False, True), style.colours(3), "BIC: 3 states")
    figure.draw_without_rendering()
    rows = [band(2, "truth")._replace(names=["$a_b$", "</b>"])]
    signals = np.random.default_rng(0).normal(size=(2, 200, n))
    # Those that come first are shown.
    for start in (0, n // 2):
        order = NASTY[start:] + NASTY[:start]
        figure, source = draw_bands(signals, order, rows, 0, 200, False)
        figure.draw_without_rendering()
        assert len(source.columns) == n + 2
    texts = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "_private" in texts and "$" not in "".join(texts).replace("\\$", "")
    figure, _ = draw_trajectories({"$m$": signals[:, :, :2]}, rows, np.ones((2, 200), bool))
    figure.draw_without_rendering()
