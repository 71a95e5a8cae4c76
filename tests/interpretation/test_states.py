"""What is read from states equals what was planted in them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

from hmmlens.hmm.models import GaussianHMM
from hmmlens.interpretation.states import read_states

#: State 2 is the most frequent, then 0, then 1; state 3 is never visited.
TRUE_PATHS = np.array([[2, 2, 0, 0, 0, 2, 2, 2, 1, 2, 2, 2], [0, 0, 2, 2, 2, 2, 1, 1, 2, 2, 0, 0]])
LENGTHS = np.array([12, 11])
ORDER = [2, 0, 1, 3]


@pytest.fixture(scope="module")
def planted() -> tuple[GaussianHMM, xr.Dataset]:
    """A model that cannot mistake its states, and what is read from it."""
    transmat = np.array(
        [[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.1, 0.1, 0.75, 0.05], [0.3, 0.3, 0.4, 0.0]]
    )
    means = np.array([[0.0], [100], [200], [300]])
    model = GaussianHMM.from_parameters(
        np.array([0.4, 0.3, 0.2, 0.1]), transmat, means, np.ones((4, 1, 1)), "diag"
    )
    inside = np.arange(12) < LENGTHS[:, None]
    observed = np.where(inside[..., None], means[TRUE_PATHS], np.nan)
    inputs = np.arange(24.0).reshape(2, 12, 1)
    outputs = np.stack([TRUE_PATHS == 2, TRUE_PATHS == 1], axis=2).astype(float)
    inputs[~inside], outputs[~inside] = 1e6, 1e6
    truth = np.array([0, 1, 1, 0])[TRUE_PATHS]
    truth[0, :2] = -1
    return model, read_states(model, observed, inputs, outputs, truth, LENGTHS, n_truth=3)


def visited(state: int) -> np.ndarray:
    inside = np.arange(12) < LENGTHS[:, None]
    return inside & np.equal(TRUE_PATHS, state)


def test_states_stand_in_the_order_of_their_occupancy(
    planted: tuple[GaussianHMM, xr.Dataset],
) -> None:
    model, read = planted
    shares = [visited(state).sum() / 23 for state in ORDER]
    assert shares == sorted(shares, reverse=True)
    np.testing.assert_allclose(read["occupancy"], shares, atol=1e-12)
    rank = np.argsort(ORDER)
    expected = np.where(np.arange(12) < LENGTHS[:, None], rank[TRUE_PATHS], -1)
    np.testing.assert_array_equal(read["path"], expected)
    np.testing.assert_array_equal(read["startprob"], model.startprob_[ORDER])
    for (i, one), (j, two) in itertools.product(enumerate(ORDER), repeat=2):
        assert read["transmat"][i, j] == model.transmat_[one, two]
    posteriors = read["posteriors"].to_numpy()
    np.testing.assert_allclose(posteriors.sum(axis=2), expected >= 0, atol=1e-6)


def test_dwell_times(planted: tuple[GaussianHMM, xr.Dataset]) -> None:
    model, read = planted
    # Visits that lie whole within a sequence, counted by hand.
    by_hand = {2: [3, 4, 2], 0: [3], 1: [1, 2], 3: [np.nan]}
    np.testing.assert_allclose(read["mean_dwell"], [np.mean(by_hand[s]) for s in ORDER])
    # A visit in a state left with probability p lasts 1 / p steps.
    leave = 1 - np.diag(model.transmat_)[ORDER]
    np.testing.assert_allclose(read["model_dwell"], 1 / leave)


def test_inputs_and_outputs_of_states(planted: tuple[GaussianHMM, xr.Dataset]) -> None:
    _, read = planted
    inputs = np.arange(24.0).reshape(2, 12)
    for i, state in enumerate(ORDER[:3]):
        seen = inputs[visited(state)]
        assert read["input_mean"][i, 0] == pytest.approx(seen.mean())
        assert read["input_sd"][i, 0] == pytest.approx(seen.std())
    np.testing.assert_allclose(read["output_mean"][:3], [[1, 0], [0, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(read["output_sd"][:3], 0, atol=1e-6)
    # A state that is never met has the average output.
    everything = inputs[np.arange(12) < LENGTHS[:, None]]
    assert read["input_mean"][3, 0] == pytest.approx(everything.mean())


def test_truth_that_states_meet(planted: tuple[GaussianHMM, xr.Dataset]) -> None:
    _, read = planted
    # States 0 and 3 are truth 0, states 1 and 2 are truth 1; truth 2 never occurs.
    np.testing.assert_allclose(
        read["truth_share"], [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]], atol=1e-12
    )


def test_truth_that_is_unknown_stays_so(planted: tuple[GaussianHMM, xr.Dataset]) -> None:
    model, _ = planted
    observed = model.means_[TRUE_PATHS]
    zeros = np.zeros((2, 12, 1))
    truth = np.full((2, 12), -1)
    read = read_states(model, observed, zeros, zeros, truth, np.array([12, 12]), n_truth=2)
    assert read["truth_share"].shape == (4, 2)
    assert read["truth_share"].isnull().all()


def test_soft_states_share_their_steps() -> None:
    # Both states emit alike, so every posterior is one half, and so is every share.
    model = GaussianHMM.from_parameters(
        np.array([0.5, 0.5]), np.full((2, 2), 0.5), np.zeros((2, 1)), np.ones((2, 1, 1)), "diag"
    )
    inputs = np.arange(6.0).reshape(1, 6, 1)
    truth = np.array([[0, 0, 0, 1, 1, 1]])
    observed = np.random.default_rng(0).normal(size=(1, 6, 1))
    read = read_states(model, observed, inputs, inputs, truth, np.array([6]), n_truth=2)
    np.testing.assert_allclose(read["occupancy"], 0.5)
    np.testing.assert_allclose(read["input_mean"], 2.5)
    np.testing.assert_allclose(read["input_sd"], np.arange(6).std())
    np.testing.assert_allclose(read["truth_share"], 0.5)


def test_state_that_is_never_left_dwells_for_ever() -> None:
    model = GaussianHMM.from_parameters(
        np.array([1.0]), np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1, 1)), "diag"
    )
    zeros = np.zeros((1, 6, 1))
    read = read_states(model, zeros, zeros, zeros, np.zeros((1, 6), int), np.array([6]), n_truth=1)
    assert np.isinf(read["model_dwell"][0])
    assert np.isnan(read["mean_dwell"][0])
