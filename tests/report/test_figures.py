"""The contract that the figures of all reports keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from hmmlens.report import document, style
from hmmlens.report.emulation.figures import registry as emulation
from hmmlens.report.explain import typeset
from hmmlens.report.explain.figures import layer, overview
from hmmlens.report.figures import Drawing, FigureRegistry
from hmmlens.report.roundtrip import figures as roundtrip
from hmmlens.report.roundtrip import pipeline
from tests.report.emulation import finished_study
from tests.report.explain.figures.test_layer import draw_layer
from tests.report.roundtrip.test_summary import tables

REGISTRIES = {
    "emulation": emulation.FIGURES,
    "roundtrip": roundtrip.FIGURES,
    "overview": overview.OVERVIEW,
    "layer": layer.LAYER,
}
EVERY = [(report, name) for report, figures in REGISTRIES.items() for name in figures]
#: Needs networks of several sizes; it has a test of its own.
NOT_DRAWN = {("emulation", "network_sizes")}
DRAWN = [figure for figure in EVERY if figure not in NOT_DRAWN]
#: Axes of graphs and of pictures of matrices, which have names of their own instead of labels.
WITHOUT_Y_LABEL = {("emulation", "targets"), ("emulation", "state_regions")}
Made = dict[tuple[str, str], tuple[Figure, pd.DataFrame]]


def study_tables() -> dict[str, pd.DataFrame]:
    """Return tables of a study of one network that is explained."""
    roles = ["trained", "untrained", "raw input"]
    agreement = pd.DataFrame({"role": roles}).assign(
        network="gru", layer="gru", seed=0, rule="true", covariance_type="tied", n_states=3,
        ari=[0.8, 0.3, 0.2], ari_low=[0.7, 0.2, 0.1], ari_high=[0.9, 0.4, 0.3], ceiling_ari=0.95,
        fidelity_test=0.7,
    )  # fmt: skip
    curves = pd.DataFrame({"epoch": [1, 2, 3], "select_mse": [2.0, 1.5, 1.2]})
    bounds = {"name": ["filter", "mean"], "role": ["floor", "baseline"], "value": [1.0, 2.2]}
    methods = pd.DataFrame({"method": ["hmm", "k-means"], "ahead": [0.9, 0.8], "ari": [0.8, 0.7]})
    return {
        "agreement": agreement,
        "verdicts": pd.DataFrame({"network": ["gru"], "layer": "gru", "role": "trained"}).assign(
            grade="D"
        ),
        "training": curves.assign(dataset="tones", network="gru", seed=0, select_nll=np.nan),
        "ceilings": pd.DataFrame(bounds).assign(dataset="tones", metric="mse"),
        "methods": methods.assign(network="gru", layer="gru", seed=0, n_states=3),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Draw every figure of every report from small tables, once."""
    style.use()
    plt.rcParams["figure.max_open_warning"] = 0
    folder = tmp_path_factory.mktemp("emulation")
    finished_study.write(folder)
    trips = tmp_path_factory.mktemp("roundtrip")
    pipeline.make_tables(tables(), trips)
    found = {
        "emulation": emulation.draw(folder / "tables", folder),
        "roundtrip": roundtrip.FIGURES.drawn(lambda name: pd.read_csv(trips / f"{name}.csv")),
        "overview": overview.OVERVIEW.drawn(study_tables().get),
        "layer": draw_layer("D", at_edge=False),
    }
    # Figures of states are named after the pick that they show.
    yield {
        (report, name if name in REGISTRIES[report] else name.split("-")[0]): (figure, source)
        for report, figures in found.items()
        for name, figure, source in figures
    }
    plt.close("all")


def caption(report: str, name: str) -> str:
    return REGISTRIES[report][name].caption


@pytest.mark.parametrize(("report", "name"), EVERY)
def test_captions_are_sentences(report: str, name: str) -> None:
    text = caption(report, name)
    assert text[0].isupper() and text.endswith(".")
    assert len(text.split()) >= 8
    # No markup and no names of the code.
    assert not re.search(r"[`*#{}]|\w_\w|  ", text)
    assert text == REGISTRIES[report].label(name)
    assert name.isidentifier()


@pytest.mark.parametrize(("report", "name"), DRAWN)
def test_a_figure_is_drawn_from_small_tables(made: Made, report: str, name: str) -> None:
    inputs = ", ".join(REGISTRIES[report][name].inputs)
    assert (report, name) in made, f"not all of {inputs} are among the small tables of {report}"
    figure, source = made[report, name]
    assert len(source)
    width, height = figure.get_size_inches()
    # Wider than the text, or higher than the page, it would be scaled down.
    assert width <= style.WIDTH + 0.01 and height <= style.HEIGHT


@pytest.mark.parametrize(("report", "name"), DRAWN)
def test_axes_with_data_are_labelled(made: Made, report: str, name: str) -> None:
    figure, _ = made[report, name]
    for ax in figure.axes:
        place = ax.get_subplotspec()
        if not ax.axison or not ax.has_data() or not place:
            continue
        if place.is_first_col() and (report, name) not in WITHOUT_Y_LABEL:
            assert ax.get_ylabel() or any(t.get_text() for t in ax.get_yticklabels())
        if place.is_last_row():
            ticks = [t.get_text() for t in ax.get_xticklabels()]
            assert ax.get_xlabel() or any(re.search("[a-zA-Z]", t) for t in ticks)


@pytest.mark.parametrize("name", ["metrics", "evolution_all", "state_regions"])
def test_nothing_is_cut_off(made: Made, name: str) -> None:
    # The tight box of a figure is what is drawn; where it sticks out, the page cuts it off.
    figure, _ = made["emulation", name]
    figure.draw_without_rendering()
    box, size = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 > -0.05 and box.y0 > -0.05
    assert box.x1 < size[0] + 0.05 and box.y1 < size[1] + 0.05


def test_a_missing_or_empty_input_leaves_a_figure_out(tmp_path: Path) -> None:
    def draw(*given: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
        return plt.figure(), pd.DataFrame({"n": [len(table) for table in given]})

    figures = FigureRegistry(["A", "B"])
    figures.figure("whole", caption="All.", inputs=["one", "two"], section="B")(draw)
    figures.figure("lenient", caption="Some.", inputs=["one"], optional=["three"], section="A")(
        draw
    )
    figures.figure("nothing", caption="None.", inputs=["one"], section="A")(lambda one: None)
    assert figures["whole"] == Drawing(draw, "All.", ("one", "two"), (), "B", np.inf)
    one, two = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1]})

    def drawn(**given: pd.DataFrame) -> dict[str, list[int]]:
        return {name: source["n"].tolist() for name, _, source in figures.drawn(given.get)}

    assert drawn(one=one) == drawn(one=one, two=two.head(0)) == {"lenient": [2, 0]}
    assert drawn(one=one, two=two) == {"whole": [2, 1], "lenient": [2, 0]}
    assert drawn() == {}
    with pytest.raises(ValueError, match="two figures of the name 'whole'"):
        figures.figure("whole", caption="Again.", inputs=["one"], section="A")(draw)
    with pytest.raises(ValueError, match="no section 'C'; use one of 'A', 'B'"):
        figures.figure("astray", caption="Again.", inputs=["one"], section="C")(draw)
    plt.close("all")


def test_figures_of_a_section_stand_in_order() -> None:
    figures = FigureRegistry(["A", "B"])
    for name, section, order in (("last", "A", np.inf), ("b", "B", 1), ("two", "A", 2)):
        options = {"section": section, "order": order}
        figures.figure(name, caption=f"{name}.", inputs=["one"], **options)(lambda one: None)
    figures.figure("one", caption="one.", inputs=["one"], section="A", order=1)(lambda one: None)
    found = figures.placed(["last", "one", "two"])
    assert [(part, [f["name"] for f in placed]) for part, placed in found.items()] == [
        ("A", ["one", "two", "last"]),
        ("B", []),
    ]
    assert found["A"][0] == {"name": "one", "caption": "one."}


@pytest.mark.parametrize("registry", [overview.OVERVIEW, layer.LAYER])
def test_the_report_prints_every_section_of_figures(registry: FigureRegistry) -> None:
    template = (document.TEMPLATES / "explain.typ").read_text()
    for section in registry.sections:
        assert template.count(f'"{section}"') == 1


def test_figures_of_an_explained_study_are_in_its_report() -> None:
    sections = {
        "first page": ["card"],
        "above the table of states": ["trajectories", "states"],
        "below the table of states": ["bands"],
        "choice of the number of states": ["selection", "scores"],
    }
    drawn = {
        "overview": ["methods", "controls"],
        "gru": ["rnn-bands", "rnn-selection", "rnn-states", "x-y"],
    }
    layers = [("gru", "rnn"), ("lstm", "rnn")]
    found = typeset.place_figures(drawn, layers)
    assert {name: [one["name"] for one in part] for name, part in found["overview"].items()} == {
        "Networks and their tasks": [],
        "Trained networks and their controls": ["controls"],
        "Checks": ["methods"],
    }
    (placed,) = found["networks"]["gru"].values()
    first, above, below, choice = (placed[section] for section in sections)
    assert [one["name"] for one in above] == ["rnn-states"] and "lstm" not in found["networks"]
    assert below == [{"name": "rnn-bands", "caption": caption("layer", "bands")}]
    assert [one["name"] for one in choice] == ["rnn-selection"] and first == []
    # Of every figure of a layer.
    placed = typeset.place_figures(
        {"overview": [], "gru": [f"rnn-{name}" for name in layer.LAYER]}, layers[:1]
    )["networks"]["gru"]["rnn"]
    for section, known in sections.items():
        in_order = [one["name"].removeprefix("rnn-") for one in placed[section]]
        assert [name for name in in_order if name in known] == known
