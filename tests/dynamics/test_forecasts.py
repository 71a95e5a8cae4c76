"""Forecasts of networks whose Markov chain is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.dynamics.forecasts import output_distributions, record
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.emulation.planted import Wells

TRANSMAT = np.array([[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.3, 0.0, 0.7]])
EMISSION = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_forecasts_are_those_of_the_planted_chain() -> None:
    network = Wells(TRANSMAT, EMISSION)
    places = network.centres.numpy()
    distributions = output_distributions(network, places, 6, 4000, generator())
    exact = np.stack([np.linalg.matrix_power(TRANSMAT, h) @ EMISSION for h in range(1, 7)], axis=1)
    # Of 54 normal deviates none is beyond 4.5, but for one seed in 3,000.
    assert np.abs(distributions.mean - exact).max() < 4.5 * np.sqrt(distributions.variance.max())
    assert np.sqrt(distributions.variance.max()) < 0.006


def test_variance_is_that_of_the_mean_over_repetitions() -> None:
    network = Wells(TRANSMAT, EMISSION)
    place = network.centres[:1].numpy()
    again = [output_distributions(network, place, 3, 20, generator(seed)) for seed in range(300)]
    spread = np.array([distributions.mean[0] for distributions in again]).var(axis=0, ddof=1)
    reported = np.mean([distributions.variance[0] for distributions in again], axis=0)
    np.testing.assert_allclose(reported, spread, rtol=0.35, atol=1e-12)


@pytest.mark.parametrize("cell", ["relu", "lstm"])
def test_every_state_meets_the_same_noise_in_batches_of_any_size(cell: str) -> None:
    torch.manual_seed(0)
    network = NoiseDriven(cell, 4, 6)
    runs = record(network, 3, 5, generator())
    assert runs.entries.shape == (3, 5, 12 if cell == "lstm" else 6)
    assert np.allclose(runs.distribution.sum(axis=2), 1)
    entries = runs.entries.reshape(15, -1)
    twice = output_distributions(
        network, np.concatenate([entries, entries]), 4, 8, generator(1)
    ).mean
    np.testing.assert_allclose(twice[:15], twice[15:], atol=1e-6)
    np.testing.assert_allclose(
        output_distributions(network, entries, 4, 8, generator(1), batch=24).mean,
        twice[:15],
        atol=1e-6,
    )
