"""The correlation between steps, and its growth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.datasets.synthetic.generators import HMMParameters, preset_hmm, sample_hmm
from hmmlens.emulation.analysis.plateau.escape import escape_row, growth, window
from hmmlens.emulation.analysis.plateau.step_correlation import (
    Correlations,
    correlations,
    excess,
    of_target,
)
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.emulation.training import train
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven


def test_correlation_of_the_target_is_that_of_its_samples() -> None:
    hmm = preset_hmm("chain3")
    symbols, _ = sample_hmm(hmm, 20_000, 12, np.random.default_rng(0))
    hot = np.eye(3)[symbols]
    seen = excess(hot, np.ones((1, len(hot))))[0]
    assert of_target(hmm, 12) == pytest.approx(seen, abs=0.005)
    # Of two states with outputs of their own, in closed form.
    two = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]), np.eye(2))
    assert of_target(two, 10) == pytest.approx(0.5 * 0.8**3)


def test_excess_does_not_depend_on_the_number_of_sequences() -> None:
    """Distributions that differ between sequences and never in time: their variance."""
    rng = np.random.default_rng(0)
    spread = []
    for _ in range(400):
        p = rng.uniform(0.2, 0.8, size=(6, 1))
        distribution = np.repeat(np.stack([p, 1 - p], axis=2), 8, axis=1)
        spread.append(excess(distribution, np.ones((1, 6)))[0])
    # The variance of each probability is .6^2 / 12, and there are two.
    assert np.mean(spread) == pytest.approx(2 * 0.36 / 12, rel=0.1)


def of(value: np.ndarray, noise: float = 0.02) -> Correlations:
    rng = np.random.default_rng(0)
    drawn = value * np.exp(noise * rng.normal(size=(100, len(value))))
    return Correlations(10.0 * np.arange(len(value)), value, drawn)


def test_exponential_growth_predicts_its_end() -> None:
    t = 10.0 * np.arange(30)
    found = growth(of(np.minimum(1e-4 * np.exp(0.04 * t), 1.0)))
    assert found is not None
    end = np.log(0.5 / 1e-4) / 0.04
    assert found.rate.value == pytest.approx(0.04) and found.speeding.value == pytest.approx(0)
    assert found.exponential.value == pytest.approx(end)
    assert found.early.value == pytest.approx(end)
    assert found.reached == 10 * np.ceil(end / 10)
    assert found.last < end and found.exponential.low < end < found.exponential.high
    # Growth that speeds up would have ended long before.
    assert found.hyperbolic.value < end - 20


def test_accelerating_growth_is_distinguished_from_an_exponential() -> None:
    t = 10.0 * np.arange(30)
    left = np.maximum(255 - t, 0.1)
    found = growth(of(np.minimum(0.1 / left, 1.0)))
    assert found is not None and found.speeding.low > 0
    assert found.hyperbolic.value == pytest.approx(255, abs=3)
    assert found.exponential.value > 300 > found.reached


def test_growth_is_fitted_from_the_last_minimum_to_the_last_small_value() -> None:
    value = np.array([0.0, 0.4, 0.008, 0.004, 0.002, 0.003, 0.006, 0.009, 0.2, 0.7, 0.005, 1.0])
    np.testing.assert_array_equal(window(of(value)), [4, 5, 6, 7])
    assert growth(of(value[2:6])) is None
    assert growth(of(np.full(6, 0.8))) is None
    noisy = of(value)
    assert not len(window(noisy._replace(resampled=noisy.resampled - 1.0)))


def test_values_that_shrink_never_end_the_plateau() -> None:
    found = growth(of(np.geomspace(8e-3, 1e-3, 8)[[7, 6, 5, 4, 3, 2, 1, 0]][::-1].copy()))
    assert found is None or np.isnan(found.exponential.value)


def test_correlations_follow_the_weights() -> None:
    """Weights that keep the state's sign repeat their output; those at 0 emit at random."""
    network = NoiseDriven("tanh", 2, 2, 3)
    alone = {k: torch.zeros_like(v) for k, v in network.state_dict().items()}
    keeps = {
        "recurrent.weight": 3 * torch.eye(2),
        "noise.weight": torch.eye(2),
        "out.weight": torch.tensor([[4.0, 0.0], [-9.0, 0.0], [-4.0, 0.0]]),
    }
    found = correlations(
        network, [(0, alone), (10, keeps)], preset_hmm("chain2"), 30,
        torch.Generator().manual_seed(0), np.random.default_rng(0),
    )  # fmt: skip
    assert found.updates.tolist() == [0, 10]
    assert abs(found.value[0]) < 1e-12 and found.value[1] > 0.9
    assert found.resampled.shape == (200, 2)
    low, high = np.quantile(found.resampled[:, 1], [0.025, 0.975])
    assert low < found.value[1] < high
    flat = HMMParameters(np.full(2, 0.5), np.full((2, 2), 0.5), np.eye(2))
    with pytest.raises(DataError, match="no more often"):
        correlations(network, [(0, alone)], flat, 30, torch.Generator(), np.random.default_rng(0))


def test_a_training_gives_one_row() -> None:
    settings = Emulation(n_updates=6, batch_size=16, n_steps=12, n_data=None, checkpoint_every=3)
    chain = preset_hmm("chain2")
    trained = train(settings, EmulationNetwork(n_units=8, n_noise=3), chain, 0)
    row, same, other = (
        escape_row(trained.network, trained.checkpoints.items(), chain, 12, seed)
        for seed in (0, 0, 1)
    )
    assert row.equals(same) and row["initial"].item() != other["initial"].item()
    # Hardly begun: there is nothing that grows.
    assert abs(row["initial"].item()) < 0.1 and row["rate"].isna().all()
    assert {"reached", "exponential_low", "hyperbolic_high"} <= set(row.columns)
