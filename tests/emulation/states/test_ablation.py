"""Ablation in a network whose switches are made by one unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.dynamics.forecasts import Runs, record
from hmmlens.emulation.states.ablation import (
    ablated_transitions,
    ablation_table,
    exit_rate,
    forecast_agreement,
    unit_sets,
)
from hmmlens.emulation.states.state_models import StateModel, build_model, fit_space
from hmmlens.errors import DataError
from hmmlens.hmm.gaussian import GaussianHMM
from tests.dynamics.test_forecasts import generator
from tests.emulation.planted import Kicked

SPLIT = np.repeat(np.array([0, 1, 2], dtype=np.int8), [10, 2, 12])
KICK = 1


def model_of(runs: Runs, means: np.ndarray, transmat: np.ndarray) -> StateModel:
    """Return a model with states at given places of units 0 and 1."""
    space = fit_space(runs.entries[SPLIT == 0].reshape(-1, 8), [8])
    places = np.zeros((len(means), 8))
    places[:, :2] = means
    width = (0.1 * space.scale[0]) ** 2 * np.eye(8)
    hmm = GaussianHMM.from_parameters(
        np.full(len(means), 1 / len(means)), transmat, space.reduce(places),
        np.tile(width, (len(means), 1, 1)), "tied",
    )  # fmt: skip
    return build_model(space, hmm, space.reduce(runs.entries), runs.distribution, SPLIT)


@pytest.fixture(scope="module")
def planted() -> tuple[Kicked, Runs, dict[int, StateModel]]:
    network = Kicked()
    runs = record(network, 24, 200, generator())
    q = network.leave
    four = np.array([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0], [-1.0, 1.0]])
    stay, go = [1 - q, q, 0.0, 0.0], [0.0, 0.0, 1 - q, q]
    models = {
        2: model_of(runs, four[[0, 2]], np.array([[1 - q, q], [q, 1 - q]])),
        4: model_of(runs, four, np.array([stay, go, go, stay])),
    }
    return network, runs, models


def test_four_states_forecast_that_ablation_of_the_kick_ends_all_switches_and_two_do_not(
    planted: tuple[Kicked, Runs, dict[int, StateModel]],
) -> None:
    network, runs, models = planted
    kicks = {0: [KICK], 1: [KICK]}
    table = ablation_table(
        network, runs, models, SPLIT, (0, 2), kicks, np.random.default_rng(0), generator(1)
    )
    kick = table[table["units"] == "kick"]
    assert len(kick) == 4
    # A kick before the first ablated step still flips the sign; none comes after.
    assert (kick["reduction"] > 0.95).all() and (kick["reduction"] < 1).all()
    np.testing.assert_allclose(kick["hazard"], network.leave, atol=0.01)
    np.testing.assert_allclose(kick["dwell"], 1 / kick["hazard"])
    forecast = kick.groupby("n_states")["foretold"]
    assert (forecast.min()[4] > 0.99) and (forecast.max()[2] < 0.3)
    others = table[(table["units"] != "kick") & (table["members"].isin(list("34567")))]
    assert len(others) and (others["reduction"].abs() < 1e-12).all()
    assert (others["reduction_low"] <= 0).all() and (others["reduction_high"] >= 0).all()
    by_model = forecast_agreement(table, np.random.default_rng(0)).set_index(["leave", "n_states"])
    assert (
        by_model.xs(4, level="n_states")["error"] < by_model.xs(2, level="n_states")["error"]
    ).all()


def test_transitions_without_ablation_are_those_of_the_chain(
    planted: tuple[Kicked, Runs, dict[int, StateModel]],
) -> None:
    _, runs, models = planted
    test = np.flatnonzero(SPLIT == 2)
    seen = ablated_transitions(models[4], runs, test, np.empty(0, dtype=np.int64))
    # 2,400 steps, 120 of them kicks.
    np.testing.assert_allclose(seen, models[4].hmm.transmat_, atol=0.1)
    np.testing.assert_allclose(seen.sum(axis=1), 1)


def test_exit_rate_is_that_of_long_visits() -> None:
    two = np.array([[0.9, 0.1], [0.3, 0.7]])
    assert exit_rate(two, np.array([True, False])) == pytest.approx(0.1)
    rng = np.random.default_rng(0)
    chain = rng.dirichlet(np.ones(5), size=5)
    inside = np.array([True, True, True, False, False])
    distribution = np.array([1.0, 0, 0])
    for _ in range(200):
        distribution = distribution @ chain[:3, :3]
        kept, distribution = distribution.sum(), distribution / distribution.sum()
    assert exit_rate(chain, inside) == pytest.approx(1 - kept)
    assert np.isnan(exit_rate(chain, np.zeros(5, bool))) and np.isnan(
        exit_rate(chain, np.ones(5, bool))
    )


def test_agreement_is_distinguished_from_none() -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(size=30)
    rows = {"leave": 0, "units": "random", "n_states": 2, "reduction": seen}
    good = forecast_agreement(pd.DataFrame(rows | {"foretold": 2 * seen}), rng).iloc[0]
    assert good["correlation"] == pytest.approx(1) and good["p"] < 0.01
    bad = forecast_agreement(pd.DataFrame(rows | {"foretold": rng.permutation(seen)}), rng).iloc[0]
    assert bad["p"] > 0.05 and bad["error"] > bad["spread"]
    constant = forecast_agreement(pd.DataFrame(rows | {"foretold": 0.0}), rng).iloc[0]
    assert np.isnan(constant["correlation"]) and np.isnan(constant["p"])


def test_kick_units_that_do_not_exist_are_refused(
    planted: tuple[Kicked, Runs, dict[int, StateModel]],
) -> None:
    runs = planted[1]
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="0 to 7"):
        unit_sets(runs, 8, [3, 8], rng)
    sets = unit_sets(runs, 8, None, rng)
    assert "kick" not in sets and all(len(set(units)) == 3 for units in sets.values())
