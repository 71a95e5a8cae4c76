"""Figures of a study of emulating networks: all are drawn, and show what the tables say."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from hmmlens.report import style
from hmmlens.report.emulation.figures import kick_tests, plateaus, registry, states
from hmmlens.report.emulation.figures.axes import errors, from_zero
from hmmlens.report.emulation.figures.common import (
    Published,
    displayed,
    examples,
    in_order,
    mark_published,
    published,
)
from hmmlens.report.emulation.figures.metrics import network_sizes
from hmmlens.report.emulation.figures.training import losses
from tests.report.emulation import finished_study


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torre")
    finished_study.write(folder)
    style.use()
    return folder


@pytest.fixture
def networks():
    return finished_study.networks()


def paper(**row):
    empty = {"what": "rotation", "target": "chain2", "paper": "0.5"}
    empty |= {"paper_low": 0.4, "paper_high": 0.6}
    return pd.DataFrame([empty | row])


def test_every_section_has_figures_each_at_a_place_of_its_own():
    places = [(drawing.section, drawing.order) for drawing in registry.FIGURES.values()]
    assert len(set(places)) == len(places)
    assert {section for section, _ in places} == set(registry.FIGURES.sections)


def test_every_module_of_figures_is_loaded():
    shared = {"__init__", "axes", "common", "registry"}
    names = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} - shared
    assert {module.__name__.rpartition(".")[2] for module in registry.MODULES} == names


def test_a_study_without_analyses_has_the_figures_of_its_training(results, tmp_path):
    for name in ("networks", "targets", "trained_history"):
        (tmp_path / f"{name}.csv").write_bytes((results / "tables" / f"{name}.csv").read_bytes())
    assert [name for name, *_ in registry.draw(tmp_path, tmp_path)] == ["targets", "losses"]
    plt.close("all")


def test_pictures_are_those_of_the_first_training_that_has_them(tmp_path, networks):
    for seed in (1, 2):
        folder = tmp_path / "chain2" / str(seed) / "reverse" / "pictures"
        folder.mkdir(parents=True)
        pd.DataFrame({"pc1": [seed]}).to_csv(folder / "states.csv", index=False)
    found = registry.pictures(tmp_path, networks, "pictures/states")
    assert found[["network", "seed", "pc1"]].to_numpy().tolist() == [["chain2", 1, 1]]
    assert registry.pictures(tmp_path, networks, "pictures/orbits") is None


def test_the_example_is_the_first_of_the_papers_kind_that_did_not_diverge(networks):
    networks = networks.iloc[::-1].sort_values("seed", kind="stable")
    networks.loc[networks["network"].eq("chain2") & networks["seed"].eq(0), "diverged"] = True
    found = examples(networks).set_index("target")
    assert found.loc["chain2", ["network", "seed"]].tolist() == ["chain2", 1]
    # Of the paper's targets without a training by its objective there is one all the same.
    assert found.loc["fully3", "network"] == "fully3"
    assert list(found.index) == ["chain2", "chain3", "fully3", "cyclic4"]


def test_of_many_networks_those_of_the_papers_size_are_displayed(networks):
    few = displayed(networks)
    assert set(few["network"]) == {row[0] for row in finished_study.NETWORKS}
    more = [networks.assign(network=f"n{i}", n_units=50 + 50 * (i % 3)) for i in range(30)]
    assert set(displayed(pd.concat(more))["n_units"]) == {150}


def test_targets_stand_in_the_papers_order_others_after_them():
    assert in_order(["own", "cyclic4", "chain2", "own"]) == ["chain2", "cyclic4", "own"]


def test_the_papers_number_is_found_by_what_and_target():
    assert published(paper(), "rotation", "chain2") == (0.4, 0.6, 0.5)
    assert np.isnan(published(paper(paper="0.4 to 0.6"), "rotation", "chain2").number)
    assert published(paper(), "rotation", "chain3") is None
    assert published(paper(target=np.nan), "rotation") == (0.4, 0.6, 0.5)
    assert published(paper(paper_low=np.nan), "rotation", "chain2") is None
    assert published(pd.DataFrame(), "rotation", "chain2") is None


def test_the_papers_numbers_are_compared_with_networks_like_its_own_only(networks):
    numbers = pd.concat([paper(), paper(target="chain5"), paper(target=np.nan)])
    assert registry.comparable_numbers(numbers, networks)["target"].fillna("").tolist() == [
        "chain2",
        "",
    ]
    small = networks.assign(n_units=50)
    assert registry.comparable_numbers(numbers, small)["target"].fillna("").tolist() == [""]


def test_the_papers_number_is_drawn_where_it_is():
    _, ax = plt.subplots()
    mark_published(ax, 2.0, Published(0.4, 0.6, 0.45), width=0.5)
    low, high = ax.dataLim.intervaly
    assert (low, high) == (0.4, 0.6)
    assert ax.dataLim.intervalx.tolist() == [1.5, 2.5]
    (line,) = (c for c in ax.collections if isinstance(c, LineCollection))
    assert line.get_segments()[0][:, 1].tolist() == [0.45, 0.45]
    plt.close()


def test_bars_have_no_length_without_an_interval_and_never_a_negative_one():
    table = pd.DataFrame({"v": [1.0, 2.0, 3.0], "l": [0.5, np.nan, 3.5], "h": [2.0, np.nan, 3.0]})
    assert errors(table["v"], table["l"], table["h"]).tolist() == [[0.5, 0, 0], [1.0, 0, 0]]


def test_an_axis_from_zero_keeps_what_is_below_it():
    _, ax = plt.subplots()
    ax.plot([0, 1], [2.0, 3.0])
    from_zero(ax)
    assert ax.get_ylim()[0] == 0
    ax.plot([0, 1], [-4.0, 3.0])
    ax.autoscale(axis="y")
    from_zero(ax)
    assert ax.get_ylim()[0] <= -4
    plt.close()


def test_losses_show_the_history_and_its_levels(networks):
    history, plateau = finished_study.history(), finished_study.plateau()
    figure, _ = losses(networks, history, plateau)
    ax = figure.axes[0]
    curves = [line for line in ax.lines if len(line.get_xdata()) > 100]
    assert len(curves) == len(finished_study.SEEDS)
    own = history[(history["network"] == "chain2") & (history["seed"] == 0)]["loss"]
    smooth = own.rolling(5, center=True, min_periods=1).median()
    np.testing.assert_allclose(curves[0].get_ydata(), smooth)
    heights = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() in ("--", ":")]
    mine = plateau[plateau["network"] == "chain2"]
    assert heights == pytest.approx([mine["level"].mean(), mine["floor"].mean()])
    # Networks that are not scored have figures of their own.
    assert len([ax for ax in figure.axes if ax.has_data()]) == len(finished_study.NETWORKS)
    plt.close(figure)


def test_network_sizes_need_both_sizes_varied(networks):
    scores = finished_study.metrics()
    assert network_sizes(networks, scores) is None
    grid = [
        (networks.iloc[[0]].assign(network=f"u{units}", n_units=units, n_noise=noise, seed=noise))
        for units in (50, 150)
        for noise in (1, 10)
    ]
    found = scores[scores["metric"] == "aligned distance"].iloc[[0]]
    parts = [
        found.assign(network=row["network"].iloc[0], seed=row["seed"].iloc[0], value=i)
        for i, row in enumerate(grid)
    ]
    figure, source = network_sizes(pd.concat(grid), pd.concat(parts))
    assert source.groupby(["n_units", "n_noise"])["value"].first().tolist() == [0, 1, 2, 3]
    plt.close(figure)


def test_losses_without_plateaus_are_drawn_too(networks):
    figure, _ = losses(networks, finished_study.history(), pd.DataFrame())
    plt.close(figure)


def test_kick_effects_distinguish_kick_units_from_other_groups():
    tables = finished_study.kicks()
    figure, _ = kick_tests.kick_effects(
        finished_study.networks(), tables["kicks_kicks"], tables["kicks_gated"]
    )
    groups = tables["kicks_kicks"][tables["kicks_kicks"]["kind"] == "group"]
    ax = figure.axes[0]
    points = [line for line in ax.lines if line.get_marker() == "o"]
    heights = np.concatenate([line.get_ydata() for line in points])
    assert sorted(heights) == pytest.approx(sorted(groups["reduction"]))
    filled = sum(len(p.get_ydata()) for p in points if p.get_markerfacecolor() != "white")
    assert filled == groups["kicks"].sum()
    plt.close(figure)


def test_the_faithful_model_of_each_training_is_shown():
    tables = finished_study.states()
    counts = tables["states_counts"]
    found = states.faithful(tables["states_information"], counts)
    assert set(found["n_states"]) == {5, 7, 9}
    true = states.of_true(tables["states_information"], counts)
    assert set(true["n_states"]) == {2, 3, 4}


def test_a_setting_is_varied_where_nothing_else_is():
    rows = [
        {"batch_size": batch, "n_steps": steps, "learning_rate": 1e-3, "radius": radius}
        for batch, steps, radius in
        [(512, 30, np.nan)] * 3 + [(256, 30, np.nan), (512, 20, np.nan), (256, 20, 0.9)]
    ]  # fmt: skip
    found = plateaus.varied(pd.DataFrame(rows))
    assert set(found) == {"batch_size", "n_steps"}
    assert sorted(found["batch_size"]["batch_size"]) == [256, 512, 512, 512]
