"""Homogeneity where it must hold and where it must not, and resonances that were planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.emulation.analysis.stochastic_resonance import (
    ResonanceSettings,
    homogeneity,
    is_homogeneous,
    labels_at,
    resonance,
    sweep,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.emulation.renewals import renewal

SETTINGS = ResonanceSettings(scales=(0.25, 0.5, 1.0, 2.0, 4.0))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(cell: str, **options: float) -> NoiseDriven:
    torch.manual_seed(0)
    net = NoiseDriven(cell, 5, 20, 3, **options)
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(2)
    return net


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_relu_without_biases_is_homogeneous_with_any_leak(leak: float) -> None:
    net = network("relu", leak=leak)
    table = homogeneity(net, (0, 2), seeded())
    assert is_homogeneous(net) and table["by_design"].all()
    assert (table["deviation"] < 1e-12).all() and (table["same_labels"] == 1).all()
    labels = labels_at(
        net, (0, 2), seeded(), ResonanceSettings(scales=(0.5, 1.0, 4.0), n_runs=6, n_steps=50)
    )
    assert labels.shape == (3, 6, 50)
    # Powers of 2 change no digit.
    np.testing.assert_array_equal(labels[0], labels[2])
    assert 0 < (labels[1, :, 1:] != labels[1, :, :-1]).mean() < 1


@pytest.mark.parametrize(
    ("cell", "bias"), [("relu", True), ("tanh", False), ("gru", False), ("lstm", True)]
)
def test_biases_tanh_and_gates_are_not(cell: str, bias: bool) -> None:
    net = network(cell, bias=bias)
    table = homogeneity(net, (0, 2), seeded())
    assert not is_homogeneous(net) and not table["by_design"].any()
    assert (table["deviation"] > 0.01).all()
    assert table["same_labels"].min() < 1


def test_sweep_is_a_tidy_table() -> None:
    labels = np.stack([renewal(1, 10, 8, 400, seed=0), np.zeros((8, 400), dtype=np.int64)])
    table = sweep(labels, 2, rng(), ResonanceSettings(scales=(1.0, 2.0)))
    assert len(table) == 14 and not table.duplicated(["noise_sd", "measure"]).any()
    rate = table[table["measure"] == "switching_rate"].set_index("noise_sd")
    assert rate["low"][1.0] < rate["value"][1.0] < rate["high"][1.0]
    assert rate["value"][2.0] == 0 and rate["n_dwells"][2.0] == 0
    cv = table[(table["measure"] == "dwell_cv") & (table["noise_sd"] == 2.0)]
    assert cv["value"].isna().all()


def planted(shapes: list[float], seed: int = 0, **size: int) -> np.ndarray:
    return np.stack([renewal(s, 15, seed=100 * seed + i, **size) for i, s in enumerate(shapes)])


def test_planted_resonance_is_found() -> None:
    table = resonance(planted([1, 2, 9, 2, 1]), 2, rng(), SETTINGS).set_index("measure")
    for name in ("dwell_cv", "cycle_cv"):
        assert table["resonant"][name] and table["best_sd"][name] == 1.0
    # From a CV of about 1 to 1 / 3.
    assert table["gain"]["dwell_cv"] == pytest.approx(0.64, abs=0.08)
    assert table["low"]["dwell_cv"] < table["gain"]["dwell_cv"] < table["high"]["dwell_cv"]
    assert table["weakest_sd"]["dwell_cv"] == 0.25 and table["strongest_sd"]["dwell_cv"] == 4.0


def test_regularity_that_only_grows_is_no_resonance() -> None:
    table = resonance(planted([1, 2, 4, 8, 16]), 2, rng(), SETTINGS).set_index("measure")
    assert not table["resonant"]["dwell_cv"] and table["high"]["dwell_cv"] < 0


def test_same_labels_gain_nothing_at_all() -> None:
    labels = np.repeat(renewal(2, 15, 10, 1000)[None], 5, axis=0)
    table = resonance(labels, 2, rng(), SETTINGS)
    assert (table[["gain", "low", "high"]] == 0).all().all() and not table["resonant"].any()


def test_choice_among_equals_is_seldom_called_a_resonance() -> None:
    """Twenty sweeps of one process, sampled again at every strength; 2.5 % should be called one.

    More than three of twenty have a chance of 1 in 600.
    """
    called = 0
    for seed in range(1, 21):
        labels = planted([2.0] * 5, seed, n_runs=48, n_steps=300)
        table = resonance(labels, 2, np.random.default_rng(seed), SETTINGS)
        called += int(table.set_index("measure")["resonant"]["dwell_cv"])
    assert called <= 3


def test_strengths_that_hardly_switch_are_no_ends() -> None:
    labels = planted([1, 1, 9, 1, 1])
    labels[0] = 0
    table = resonance(labels, 2, rng(), SETTINGS).set_index("measure")
    assert table["weakest_sd"]["dwell_cv"] == 0.5 and table["resonant"]["dwell_cv"]
    labels[1:4] = 0
    none = resonance(labels, 2, rng(), SETTINGS)
    assert none["gain"].isna().all() and not none["resonant"].any()


def test_divergence_is_refused() -> None:
    net = network("relu")
    with torch.no_grad():
        net.recurrent.weight.copy_(100 * torch.eye(20))
    with pytest.raises(DataError, match="diverges"):
        labels_at(net, (0, 2), seeded(), ResonanceSettings(scales=(1.0,), n_runs=2, n_steps=40))
