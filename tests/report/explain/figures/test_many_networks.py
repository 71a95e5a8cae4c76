"""Figures of studies with many networks, datasets, methods and tasks can be read."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hmmlens.report import style
from hmmlens.report.emulation.figures import training
from hmmlens.report.explain.figures import overview
from hmmlens.report.roundtrip import figures
from tests.report.emulation import finished_study
from tests.report.sizes import assert_readable

slow = pytest.mark.slow


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    style.use()
    yield
    plt.close("all")


def networks(n: int) -> list[str]:
    return [f"network-{i}-{'x' * 28}" for i in range(n)]


@pytest.mark.parametrize("n", [1, pytest.param(30, marks=slow), 300])
def test_controls_of_many_networks(n: int) -> None:
    table = pd.DataFrame({"network": np.repeat(networks(n), 3)})
    table = table.assign(
        role=["trained", "untrained", "raw input"] * n, layer="rnn", seed=0, rule="true",
        covariance_type="tied", n_states=3, ari=0.5, ari_low=0.4, ari_high=0.6, ceiling_ari=0.9,
        fidelity_test=0.7,
    )  # fmt: skip
    # The networks at the end differ from their controls.
    table.loc[table.index[-54:][::3], "ari"] = 0.8
    verdicts = pd.DataFrame({"network": networks(n), "layer": "rnn", "role": "trained"})
    figure, source = overview.draw_controls(table, verdicts.assign(grade="D"))
    assert_readable(figure)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == min(n, 18)
    assert all(
        name.startswith(f"network-{i}-") for name, i in zip(names, range(n)[-18:], strict=True)
    )
    assert (f"and {n - 18} more" in figure.get_supxlabel()) == (n > 18)
    assert len(source) == len(table)


@pytest.mark.parametrize("n", [pytest.param(2, marks=slow), 100])
def test_methods_of_many_networks(n: int) -> None:
    methods = [f"package.module:method_{i}" for i in range(20)]
    index = pd.MultiIndex.from_product([networks(n), methods], names=["network", "method"])
    table = index.to_frame(index=False).assign(layer="rnn", seed=0, n_states=3, ari=0.5)
    table["ahead"] = np.linspace(0, 1, len(table))
    # For the second network alone it matters which method is taken.
    table.loc[20:39, "ahead"] = np.linspace(-0.2, 1, 20)
    figure, source = overview.draw_methods(table)
    assert_readable(figure)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == min(n, 18)
    assert names[1].startswith("network-1-")
    assert len(source) == len(table)


@pytest.mark.parametrize(("n_datasets", "n"), [(1, 100), pytest.param(40, 3, marks=slow)])
def test_training_of_many_networks(n_datasets: int, n: int) -> None:
    rows = [
        {"dataset": f"d{d}-{'x' * 36}", "network": name, "seed": 0, "epoch": e}
        for d in range(n_datasets)
        for name in networks(n)
        for e in (1, 2)
    ]
    curves = pd.DataFrame(rows).assign(select_nll=np.nan)
    curves["select_mse"] = np.linspace(2, 1, len(curves))
    ceilings = pd.DataFrame(columns=["dataset", "name", "role", "metric", "value"])
    ceilings = ceilings.astype({"value": float})
    figure, source = overview.draw_training(curves, ceilings)
    assert_readable(figure)
    assert sum(ax.axison for ax in figure.axes) == min(n_datasets, 6)
    legend = figure.axes[0].get_legend()
    inside = figure.axes[0].get_window_extent()
    assert n == 3 or legend.get_window_extent().y1 < inside.y0
    texts = [text.get_text() for text in legend.get_texts()]
    if n == 100:
        # The lowest loss is that of the last network.
        assert texts[-1] == "and 92 more"
        assert texts[-2].startswith("network-9")
    else:
        assert figure.get_supxlabel().startswith("and 34 more datasets")
    assert len(source) == len(curves)


@pytest.mark.parametrize("n", [pytest.param(1, marks=slow), 50])
def test_round_trips_of_many_tasks(n: int) -> None:
    tasks = [f"task-{i}-{'x' * 33}" for i in range(n)]
    verdicts = pd.DataFrame({"trip": tasks, "role": "trained", "expected": "D", "grade": "D"})
    verdicts["half"] = np.nan
    figure, source = figures.grades(verdicts)
    assert_readable(figure)
    assert len(source) == n
    assert len(figure.axes[0].get_yticklabels()) == min(n, 32)
    methods = [f"package.module:method_{i}" for i in range(20)]
    index = pd.MultiIndex.from_product([tasks, methods], names=["trip", "method"])
    table = index.to_frame(index=False).assign(share=0.5, share_low=0.4, share_high=0.6)
    figure, source = figures.recovery(table, table)
    assert_readable(figure)
    assert len(figure.axes[0].get_xticklabels()) == min(n, 40)
    looks = {
        (line.get_color(), line.get_marker())
        for line in figure.axes[0].lines
        if line.get_marker() != "None"
    }
    # No two methods look the same.
    assert len(looks) == 20


@pytest.mark.parametrize("n", [*(pytest.param(n, marks=slow) for n in (1, 2, 8)), 30])
def test_targets_of_many_states(n: int) -> None:
    square = np.random.default_rng(0).dirichlet(np.ones(n), size=n)
    rows = [
        {"target": f"mine-{k}", "matrix": kind, "row": i, "column": j, "value": square[i, j]}
        for k in range(12)
        for kind in ("transmat", "emissionprob")
        for i in range(n)
        for j in range(n)
    ]
    figure, source = training.targets(pd.DataFrame(rows))
    assert_readable(figure)
    assert len(figure.axes) == 16
    assert figure.get_supxlabel().startswith("and 4 more targets")
    assert len(source) == len(rows)


@pytest.mark.study
def test_trainings_of_many_emulating_networks() -> None:
    one, loss = finished_study.networks().iloc[:2], finished_study.history()
    loss = loss[loss["network"] == one["network"].iloc[0]]
    many = [f"mine-{i}" for i in range(100)]
    # Of another size than the paper's, so that none is picked by it.
    networks = pd.concat([one.assign(network=name, n_units=20) for name in many])
    history = pd.concat([loss.assign(network=name) for name in many])
    found = training.losses(networks, history, pd.DataFrame())
    assert found is not None
    assert_readable(found[0])
    assert len(found[0].axes) == 16
    assert found[0].get_supxlabel().startswith("and 84 more networks")
    stable = finished_study.stability()
    stable = pd.concat([stable.iloc[:2].assign(network=name) for name in many])
    figure, _ = training.stability(networks, stable)
    assert len(figure.axes[0].get_xticklabels()) == 40
    assert figure.get_supxlabel().startswith("and 60 more networks")
