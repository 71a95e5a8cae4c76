"""Interchange interventions in networks where their effect is known."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.dynamics.forecasts import Runs, record
from hmmlens.emulation.states.interchange import (
    interchange,
    interchange_effects,
    mean_by_state,
    most_increased,
    sample_states,
    scores,
)
from hmmlens.emulation.states.state_models import ReducedSpace, StateModel, build_model, fit_space
from hmmlens.errors import DataError
from hmmlens.hmm.gaussian import GaussianHMM
from tests.dynamics.test_forecasts import EMISSION, TRANSMAT, generator
from tests.emulation.planted import Wells

SPLIT = np.repeat(np.array([0, 1, 2], dtype=np.int8), [8, 4, 8])


def planted(network: Wells, transmat: np.ndarray) -> tuple[Runs, StateModel]:
    """Return runs, and the model whose states are the places, with the transitions given."""
    runs = record(network, 20, 120, generator())
    flat = runs.entries[SPLIT == 0].reshape(-1, runs.entries.shape[2])
    space: ReducedSpace = fit_space(flat, [network.n_units] * network.parts)
    centres = np.tile(network.centres.numpy(), (1, network.parts))
    means = space.reduce(centres)
    width = (network.jitter * space.scale.mean()) ** 2 * np.eye(means.shape[1])
    hmm = GaussianHMM.from_parameters(
        np.full(len(means), 1 / len(means)),
        transmat,
        means,
        np.tile(width, (len(means), 1, 1)),
        "tied",
    )
    return runs, build_model(space, hmm, space.reduce(runs.entries), runs.distribution, SPLIT)


def of(table, name: str):
    return table.set_index("statistic").loc[name]


@pytest.mark.parametrize("parts", [1, 2])
def test_interchange_within_places_does_nothing_and_between_them_as_the_chain_forecasts(
    parts: int,
) -> None:
    network = Wells(TRANSMAT, EMISSION, parts=parts)
    runs, model = planted(network, TRANSMAT)
    table, pairs = interchange(network, runs, model, SPLIT, np.random.default_rng(0), generator(1))
    assert of(table, "js_within")["value"] == pytest.approx(0, abs=1e-9)
    assert of(table, "js_between")["value"] > 0.01
    assert of(table, "js_between")["low"] > of(table, "js_floor")["value"]
    assert of(table, "ratio")["high"] < 1e-6 and of(table, "ratio")["p"] == 1 / 201
    assert of(table, "accuracy")["value"] == 1.0 and of(table, "accuracy")["null"] < 0.7
    # Divergences of the exact distributions, state by state.
    exact = np.stack([np.linalg.matrix_power(TRANSMAT, h) @ EMISSION for h in range(1, 11)], axis=1)
    # States are in the order of their occupancy, which is not that of the places.
    names = np.abs(model.emission[:, None] - EMISSION).sum(axis=2).argmin(axis=1)
    apart = interchange_effects(np.arange(3), exact[names]).divergence
    found = pairs.pivot(index="receiver", columns="donor", values="js").to_numpy()
    np.testing.assert_allclose(found, apart, atol=0.02)


def test_interchange_has_no_effect_where_the_next_place_is_independent() -> None:
    """The model takes independent places for lasting states."""
    network = Wells(np.tile([0.3, 0.3, 0.4], (3, 1)), EMISSION)
    sticky = 0.9 * np.eye(3) + 0.1 / 3
    runs, model = planted(network, sticky)
    table, _ = interchange(network, runs, model, SPLIT, np.random.default_rng(0), generator(1))
    assert of(table, "js_between")["value"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(of(table, "ratio")["value"]) and np.isnan(of(table, "ratio")["p"])


def test_states_that_cut_across_the_places_do_no_better_than_chance() -> None:
    network = Wells(TRANSMAT, EMISSION)
    runs, model = planted(network, TRANSMAT)
    mixed = np.random.default_rng(1).permuted(model.posteriors, axis=1)
    table, _ = interchange(
        network, runs, model._replace(posteriors=mixed), SPLIT, np.random.default_rng(0),
        generator(1),
    )  # fmt: skip
    assert of(table, "ratio")["value"] == pytest.approx(1, abs=0.2)
    assert of(table, "ratio")["p"] > 0.05 and of(table, "accuracy")["p"] > 0.05


def test_means_by_state_are_those_counted_one_by_one() -> None:
    rng = np.random.default_rng(0)
    run, state = rng.integers(4, size=15), rng.integers(3, size=15)
    found = interchange_effects(run, rng.dirichlet(np.ones(3), size=(15, 2)))
    weight = rng.integers(1, 4, size=15).astype(float)
    means = mean_by_state(found.divergence, found, state, 3, weight)
    for i in range(3):
        for j in range(3):
            some = [
                (found.divergence[a, b], weight[a] * weight[b])
                for a in range(15) for b in range(15)
                if state[a] == i and state[b] == j and run[a] != run[b]
            ]  # fmt: skip
            values, weights = np.array(some).T
            assert means[i, j] == pytest.approx(np.average(values, weights=weights))
    table = scores(np.array([[1.0, 4.0], [6.0, 3.0]]), np.array([[0.0, 0.5], [0.7, 0.0]]))
    assert table == {"js_within": 2.0, "js_between": 5.0, "ratio": 0.4, "accuracy": 0.6}
    distributions = np.array([[[0.5, 0.5]], [[0.9, 0.1]]])
    assert most_increased(distributions)[0, 1] == 0 and most_increased(distributions)[1, 0] == 1


def test_a_state_that_occurs_in_one_run_alone_cannot_be_interchanged() -> None:
    network = Wells(TRANSMAT, EMISSION)
    runs, model = planted(network, TRANSMAT)
    alone = np.zeros_like(model.posteriors)
    alone[..., 0] = 1
    with pytest.raises(DataError, match="more than one test run"):
        sample_states(runs, model._replace(posteriors=alone), SPLIT, np.random.default_rng(0))
