"""Models of the states of networks whose states are written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.dynamics.forecasts import record
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_counts import (
    FutureOutputs,
    cell_errors,
    count_table,
    fidelity_elbow,
    sample_future_outputs,
)
from hmmlens.emulation.states.state_models import fit_models, fit_space
from hmmlens.errors import DataError
from tests.dynamics.test_forecasts import EMISSION, TRANSMAT, generator
from tests.emulation.planted import Wells

SPLIT = np.repeat(np.array([0, 1, 2], dtype=np.int8), [8, 4, 4])


@pytest.fixture(scope="module")
def found() -> tuple:
    network = Wells(TRANSMAT, EMISSION)
    runs = record(network, 16, 150, generator())
    space = fit_space(runs.entries[SPLIT == 0].reshape(-1, 24), [24])
    return network, runs, space, *fit_models(space, runs, SPLIT, 0)


def ahead(found: tuple, part: int, settings: StateSettings = DEFAULTS) -> FutureOutputs:
    network, runs = found[:2]
    rng = np.random.default_rng(part)
    return sample_future_outputs(network, runs, SPLIT, part, rng, generator(part), settings)


def test_states_and_chain_are_the_planted_ones(found: tuple) -> None:
    network, runs, _, _, models = found
    model = models[3]
    place = network.place(torch.from_numpy(runs.entries.reshape(-1, 24))).reshape(16, 150).numpy()
    table = np.zeros((3, 3))
    np.add.at(table, (model.path.ravel(), place.ravel()), 1)
    match = table.argmax(axis=1)
    assert sorted(match) == [0, 1, 2]
    assert table[np.arange(3), match].sum() == place.size
    # 1,200 steps of train: a transition's standard error is at most .025.
    assert np.abs(model.hmm.transmat_ - TRANSMAT[np.ix_(match, match)]).max() < 0.1
    np.testing.assert_allclose(model.emission, EMISSION[match], atol=1e-3)
    occupancy = model.posteriors[SPLIT == 0].mean(axis=(0, 1))
    assert (np.diff(occupancy) <= 0).all()
    two = np.linalg.matrix_power(model.hmm.transmat_, 2) @ model.emission
    np.testing.assert_allclose(model.forecast(np.eye(3), 2)[:, 1], two)


def test_elbow_is_at_the_planted_number_and_fidelity_there_is_full(found: tuple) -> None:
    _, runs, space, sweep, models = found
    curve = cell_errors(space, runs, SPLIT, ahead(found, 1), 0)
    top = fidelity_elbow(*curve, np.random.default_rng(0))
    assert top.n_states == 3 and top.same > 0.9 and top.low <= top.height <= top.high
    table, choice = count_table(sweep, models, curve, ahead(found, 2), top, 3)
    by_count = table.set_index("n_states")
    assert by_count["fidelity"][3] > 0.97 > 0.7 > by_count["fidelity"][2]
    assert by_count["fidelity"][1] == pytest.approx(0, abs=0.03)
    assert by_count.index[by_count["is_elbow"]].tolist() == [3]
    assert by_count.index[by_count["is_bic"]].tolist() == [choice.n_states] == [3]
    assert not by_count["bic_at_edge"].any()


def test_noise_of_monte_carlo_counts_as_no_miss(found: tuple) -> None:
    """The exact distribution has no error, however few the samples, due to the correction."""
    network = found[0]
    settings = StateSettings(n_fidelity_noise=8)
    test = ahead(found, 2, settings)
    place = network.place(torch.from_numpy(found[1].entries[test.run, test.time])).numpy()
    exact = [
        np.linalg.matrix_power(TRANSMAT, h)[place] @ EMISSION
        for h in range(1, DEFAULTS.n_fidelity_steps + 1)
    ]
    missed, there = test.squared_errors(np.stack(exact, axis=1), 16).sum(axis=0)
    chance = test.distributions.variance.sum()
    assert chance / there > 0.1
    # What all states share of the noise does not average out over them.
    assert abs(missed) < 0.6 * chance


def test_a_continuum_has_no_elbow() -> None:
    """Cells of a line miss a share that falls by the same factor with each doubling."""
    counts = np.array(DEFAULTS.codebook.counts)
    rng = np.random.default_rng(0)
    missed = rng.uniform(0.9, 1.1, size=(12, 1)) * counts[None] ** -2.0
    parts = np.stack([missed, np.ones((12, len(counts)))], axis=2)
    assert abs(fidelity_elbow(counts, parts, rng).height) < 0.05


def test_a_part_of_a_state_that_is_large_does_not_drown_another() -> None:
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(500, 6)) * np.repeat([1.0, 1000.0], 3)
    space = fit_space(parts, [3, 3])
    share = space.pca.explained_variance_ratio_
    assert share.max() < 0.25
    with pytest.raises(DataError, match="no unit"):
        fit_space(np.ones((5, 6)), [3, 3])
