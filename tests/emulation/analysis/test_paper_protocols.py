"""The paper's protocols on chains whose rates are known, and on a script whose spreads are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.dynamics.rollouts import rollout, sample_noise
from hmmlens.emulation.analysis.paper_protocols import (
    ProtocolSettings,
    alignment,
    mean_inverse_dwell,
    single_switches,
    transition_rates,
    windows,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State
from tests.emulation.planted import Wells


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def symmetric_chain(q: float, n_steps: int, seed: int) -> np.ndarray:
    """Return labels of a chain of two states that are left with probability q."""
    moves = np.random.default_rng(seed).random(n_steps) < q
    return (np.cumsum(moves) % 2)[None]


def exact_rate(q: float, n_steps: int | None = None) -> float:
    """Return the expected mean inverse dwell of such a chain, in windows or in an endless run.

    A dwell of d steps is complete in a window of n at n - 1 - d places.
    """
    if n_steps is None:
        return q * np.log(1 / q) / (1 - q)
    d = np.arange(1, n_steps - 1)
    seen = (n_steps - 1 - d) * q * (1 - q) ** (d - 1)
    return float((seen / d).sum() / seen.sum())


@pytest.mark.parametrize(("q", "bias"), [(0.05, 0.04), (0.025, 0.10)])
def test_short_windows_bias_the_rate_and_long_runs_do_not(q: float, bias: float) -> None:
    labels = symmetric_chain(q, 2_000_000, 3)
    whole, cut = mean_inverse_dwell(labels), mean_inverse_dwell(windows(labels, 240))
    assert whole == pytest.approx(exact_rate(q), rel=0.01)
    assert cut == pytest.approx(exact_rate(q, 240), rel=0.01)
    assert exact_rate(q, 240) / exact_rate(q) - 1 > bias
    # The paper's run is long enough.
    assert exact_rate(q, 5000) == pytest.approx(exact_rate(q), rel=0.01)


def test_rates_of_the_checkpoints_that_the_paper_shows() -> None:
    torch.manual_seed(0)
    network = NoiseDriven("relu", 4, 12, 3).requires_grad_(False)
    weights = network.state_dict()
    other = {name: value + 0.3 * torch.randn_like(value) for name, value in weights.items()}
    broken = {name: value * 1e6 for name, value in weights.items()}
    kept = [(0, weights), (4, other), (10, broken), (20, weights), (30, other)]
    settings = ProtocolSettings(n_rate_steps=480, n_converged=2)
    table = transition_rates(network, kept, 4, seeded(), settings)
    assert list(table["when"]) == ["before training", "epoch 1", "converged", "converged"]
    assert list(table["update"]) == [0, 4, 20, 30]
    noise = sample_noise(network, seeded(), 1, 490)
    labels = rollout(network, noise)[1][:, 10:].argmax(dim=2).numpy()
    assert table["rate"].iloc[0] == table["rate"].iloc[2] == mean_inverse_dwell(labels)
    halves = mean_inverse_dwell(labels.reshape(2, 240))
    assert table["rate_windows"].iloc[0] == halves
    assert "epoch 1" not in set(transition_rates(network, kept, None, seeded(), settings)["when"])
    # States of the broken one overflow.
    assert transition_rates(network, [(10, broken)], None, seeded(), settings).empty


class Script:
    """A network that changes its label by a script, and whose second unit adds up noise.

    Its noise is three times as large more than ten steps from any switch.
    """

    n_noise, n_units = 1, 2

    def __init__(self, *lengths: int) -> None:
        labels = np.repeat(np.arange(len(lengths)) % 2, lengths)
        switches = np.flatnonzero(np.diff(labels)) + 1
        away = np.abs(np.arange(len(labels))[:, None] - switches).min(axis=1)
        self.table = torch.eye(2)[torch.as_tensor(labels)]
        self.scale = torch.as_tensor(np.where(away > 10, 3.0, 1.0), dtype=torch.float32)

    def start(self, n_sequences: int) -> State:
        return ((torch.tensor([[-1.0, 0.0]]).repeat(n_sequences, 1),),)

    def at(self, state: State) -> torch.Tensor:
        return state[0][0][:, 0].long().clamp(0, len(self.table) - 1)

    def step(self, state: State, noise: torch.Tensor) -> State:
        time = state[0][0][:, 0] + 1
        now = time.long().clamp(0, len(self.scale) - 1)
        return ((torch.stack([time, state[0][0][:, 1] + self.scale[now] * noise[:, 0]], dim=1),),)

    def readout(self, state: State) -> torch.Tensor:
        return self.table[self.at(state)]


def test_one_switch_is_that_after_the_longest_dwell_of_a_run() -> None:
    # The longest dwell of all ends before the warm-up does.
    network = Script(190, 60, 100, 180, 40, 150, *[40] * 32)
    settings = ProtocolSettings(n_runs=12, n_run_steps=800)
    table = single_switches(network, 2, seeded(), settings)
    assert list(table["run"]) == list(range(12)) and (table["dwell"] == 180).all()
    # Five steps of variance 9 and of variance 1; 100 rollouts each.
    assert table["cluster"].mean() == pytest.approx(45, rel=0.15)
    assert table["kick"].mean() == pytest.approx(5, rel=0.15)
    assert np.allclose(table["ratio"], table["cluster"] / table["kick"])


def test_without_a_certain_switch_there_is_no_result() -> None:
    chain = np.array([[0.9, 0.1], [0.1, 0.9]])
    settings = ProtocolSettings(n_runs=3, n_run_steps=300)
    with pytest.raises(DataError, match="the longest dwell of no run"):
        single_switches(Wells(chain, np.eye(2) * 0.98 + 0.01), 2, seeded(), settings)


class Stationary(Wells):
    """Wells that begin in all places alike."""

    def start(self, n_sequences: int) -> State:
        return ((self.centres[torch.arange(n_sequences) % len(self.centres)],),)


def test_a_network_that_is_its_target_is_as_near_as_the_target() -> None:
    hmm = preset_hmm("fully3")

    def aligned(n: int, transmat: np.ndarray) -> pd.Series:
        settings, rng = ProtocolSettings(n_sequences=n), np.random.default_rng(1)
        network = Stationary(transmat, hmm.emissionprob)
        return alignment(network, hmm, 20, seeded(1), rng, settings).iloc[0]

    few, many = aligned(50, hmm.transmat), aligned(500, hmm.transmat)
    assert many["ratio"] == pytest.approx(1, abs=0.08)
    assert many["n_sequences"] == 500 and many["n_steps"] == 20
    # Among more sequences a nearer partner is found, in both.
    assert many["distance"] < 0.9 * few["distance"] and many["baseline"] < few["baseline"]
    # One that forgets its state at once is far.
    assert aligned(200, np.full((3, 3), 1 / 3))["ratio"] > 1.2
