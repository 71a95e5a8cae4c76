"""Steering in networks where it is known where a move leads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.emulation.states.interchange import sample_states
from hmmlens.emulation.states.steering import displacements, fit_manifold, plan_steering, steer
from tests.dynamics.test_forecasts import EMISSION, TRANSMAT, generator
from tests.emulation.planted import Wells
from tests.emulation.states.test_interchange import SPLIT, planted


def steered(network: Wells, transmat: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    runs, model = planted(network, transmat)
    distributions, far = steer(network, runs, model, SPLIT, np.random.default_rng(0), generator(1))
    return distributions.set_index(["move", "h"]), far.set_index("move")


@pytest.mark.parametrize("parts", [1, 2])
def test_a_chain_of_places_is_steered_as_its_model_forecasts(parts: int) -> None:
    """Of two parts both must be moved: one gives the next place and the other the output."""
    distributions, far = steered(Wells(TRANSMAT, EMISSION, parts=parts), TRANSMAT)
    for move in ("steered", "donor"):
        row = distributions.loc[(move, 0)]
        assert row["slope"] == pytest.approx(1, abs=0.1)
        assert row["r2"] > 0.95 and abs(row["kl"]) < 0.003
    # In 24 directions, one at random does not lead to another place.
    for move in ("random", "inside"):
        assert (
            abs(distributions.loc[(move, 0)]["slope"]) < 0.1
            and distributions.loc[(move, 0)]["r2"] < 0
        )
    assert (
        distributions.loc[("wrong", 0)]["slope_high"]
        < distributions.loc[("steered", 0)]["slope_low"]
    )
    assert far.loc["steered", "far"] < 0.05 and far.loc["donor", "far"] < 0.05
    assert far.loc["random", "far"] == far.loc["inside", "far"] == 1.0
    assert distributions.loc["steered"].index.tolist() == list(range(11))


def test_a_network_without_memory_is_not_steered() -> None:
    network = Wells(np.tile([0.3, 0.3, 0.4], (3, 1)), EMISSION)
    distributions, _ = steered(network, 0.9 * np.eye(3) + 0.1 / 3)
    assert distributions.loc[("steered", 0)]["slope"] == pytest.approx(0, abs=1e-9)
    assert (
        not distributions.loc[("steered", 0)]["r2"] > 0
        and distributions.loc[("steered", 0)]["kl"] > 0.1
    )


def test_two_states_have_no_third_to_be_steered_to_by_mistake() -> None:
    transmat = np.array([[0.9, 0.1], [0.2, 0.8]])
    distributions, _ = steered(Wells(transmat, EMISSION[:2]), transmat)
    assert distributions.loc[("steered", 0)]["slope"] == pytest.approx(1, abs=0.1)
    assert "wrong" not in distributions.index.get_level_values("move")


def test_moves_are_as_long_as_the_steered_one_and_keep_what_else_there_is() -> None:
    network = Wells(TRANSMAT, EMISSION, parts=2)
    runs, model = planted(network, TRANSMAT)
    drawn = sample_states(runs, model, SPLIT, np.random.default_rng(0))
    steps = plan_steering(drawn, 3, np.random.default_rng(0))
    found = displacements(model, drawn, steps, np.random.default_rng(0))
    before = drawn.entries[steps.base].astype(float)
    scale = model.space.scale
    length = np.linalg.norm((found["steered"].entries - before) * scale, axis=1)
    for move in ("random", "inside", "wrong"):
        moved = (found[move].entries - before) * scale
        np.testing.assert_allclose(np.linalg.norm(moved, axis=1), length, rtol=1e-6)
    means = model.hmm.means_
    reduced = model.space.reduce(found["steered"].entries) - model.space.reduce(before)
    np.testing.assert_allclose(reduced, means[steps.after] - means[steps.before], atol=1e-6)
    source = found["donor"].entries
    rows = (np.abs(drawn.entries[None] - source[:, None]).max(axis=2) < 1e-6).argmax(axis=1)
    assert (drawn.state[rows] == steps.after).all()
    assert (drawn.run[rows] != drawn.run[steps.base]).all()


def test_real_states_are_uniform_among_themselves() -> None:
    network = Wells(TRANSMAT, EMISSION)
    runs, model = planted(network, TRANSMAT)
    out = fit_manifold(runs, model, SPLIT)
    # Select runs were used for nothing.
    percent = out.percentiles(runs.entries[SPLIT == 1].reshape(-1, 24).astype(float))
    assert np.median(percent) == pytest.approx(50, abs=5)
    assert np.mean(percent > 90) == pytest.approx(0.1, abs=0.04)
    assert (out.percentiles(runs.entries[SPLIT == 1][0].astype(float) + 3) == 100).all()
