"""Residency of a network with a fixed sequence of outputs, and of one with independent outputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.dynamics.rollouts import drive, sample_states
from hmmlens.emulation.analysis.residency import (
    REGIONS,
    Residency,
    ResidencySettings,
    regions,
    regions_table,
    residency,
    states_table,
)
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Script:
    """A network whose only unit counts steps and whose logits are in a table (step, symbol)."""

    n_noise = n_units = 1

    def __init__(self, table: list[list[float]]) -> None:
        self.table = torch.tensor(table)

    def start(self, n_sequences: int) -> State:
        return ((torch.zeros(n_sequences, 1),),)

    def step(self, state: State, noise: torch.Tensor) -> State:
        return ((state[0][0] + 1,),)

    def readout(self, state: State) -> torch.Tensor:
        return self.table[state[0][0][:, 0].long().clamp_max(len(self.table) - 1)]


def test_residency_of_a_fixed_sequence() -> None:
    # The logit of symbol 0 goes 5 4 6 5 7 7 1 ...: changes - + - + 0 -, the label changes at 6.
    # The rare symbol 1 is the most likely one at step 3, which changes no label.
    first = [5.0, 4, 6, 5, 7, 7, 1, 3, 3]
    net = Script([[x, 9.0 * (t == 3), 2.0 if t == 6 else 1.0] for t, x in enumerate(first)])
    entries = torch.tensor([[0.0], [2], [5], [6], [7]])
    found = residency(net, entries, (0, 2), seeded(), ResidencySettings(n_rollouts=3, n_steps=10))
    np.testing.assert_array_equal(found.label, [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(found.time, [6, 4, 1, 1, 10])
    np.testing.assert_array_equal(found.ended, [1, 1, 1, 1, 0])
    # Turns before the change: - + - + from step 1 to 4, and 0 is none.
    np.testing.assert_array_equal(found.sign_changes, [3, 1, 0, 0, 0])
    np.testing.assert_allclose(found.sure[2], np.exp(7) / (np.exp(7) + 1 + np.e), rtol=1e-5)
    # With the rare symbol among the labels, the label of 5 4 6 | 9 changes at step 3.
    assert residency(
        net, entries[:1], (0, 1, 2), seeded(), ResidencySettings(1, 10)
    ).time.tolist() == [3]


def coin(chance: float) -> NoiseDriven:
    """Return a network that emits 0 when its noise is below a quantile, whatever its state."""
    net = NoiseDriven("relu", 1, 2, 2, bias=True)
    bound = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(chance))
    with torch.no_grad():
        net.recurrent.weight.zero_()
        net.noise.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        net.recurrent.bias.copy_(torch.stack([bound, -bound]))
        net.out.weight.copy_(torch.eye(2))
        net.out.bias.zero_()
    return net


@pytest.mark.parametrize("batch", [4096, 100])
def test_independent_outputs_stay_for_geometric_times(batch: int) -> None:
    settings = ResidencySettings(n_rollouts=20, n_steps=10, batch=batch)
    net = coin(0.8)
    entries, _ = sample_states(drive(net, 20, 20, seeded(1)), 20, seeded(2))
    found = residency(net, entries, (0, 1), seeded(3), settings)
    for label, stay in ((0, 0.8), (1, 0.2)):
        at = found.label == label
        # E min(G, 10) with G geometric.
        wanted = (1 - stay**10) / (1 - stay)
        assert found.time[at].mean() == pytest.approx(wanted, rel=0.05)
        assert found.ended[at].mean() == pytest.approx(1 - stay**10, abs=0.02)


def test_batches_of_states_do_not_mix() -> None:
    """States that leave at once and never alternate, in batches cut across them."""
    net = Script([[1.0, 0], [0, 1], [0, 1], [0, 1]])
    settings = ResidencySettings(n_rollouts=4, n_steps=6, batch=7)
    entries = torch.tensor([[0.0], [1]]).repeat(5, 1)
    found = residency(net, entries, (0, 1), seeded(), settings)
    assert found.time.tolist() == [1, 6] * 5


def test_regions_by_their_bounds() -> None:
    time = np.array([1.95, 2.0, 8.0, 8.05, 8.05])
    sure = np.array([0.99, 0.99, 0.99, 0.81, 0.79])
    zero = np.zeros(5)
    found = Residency(time, zero, zero, sure, zero.astype(np.int64))
    assert [REGIONS[r] for r in regions(found)] == [
        "transition", "kick", "kick", "cluster", "unsure",
    ]  # fmt: skip


def test_jacobians_of_states_are_those_without_noise() -> None:
    net = NoiseDriven("relu", 1, 2, 2)
    with torch.no_grad():
        # A rotation by 10 degrees, of both units when both are on after it.
        c, s = np.cos(np.deg2rad(10)), np.sin(np.deg2rad(10))
        net.recurrent.weight.copy_(1.01 * torch.tensor([[c, -s], [s, c]]))
    entries = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    table = states_table(
        net,
        entries,
        torch.zeros(3),
        residency(net, entries, (0, 1), seeded(), ResidencySettings(1)),
    )
    # Both on; only the second on, whose own weight is 1.01 cos < 1; none on.
    assert table["n_unstable"].tolist() == [2, 0, 0]
    assert table["n_critical"].tolist() == [1, 0, 0]


def test_region_means_by_hand_and_intervals_over_runs() -> None:
    states = pd.DataFrame(
        {
            "run": [0, 0, 1, 1],
            "label": 0,
            "region": ["kick", "cluster", "kick", "cluster"],
            "residency": [3.0, 20.0, 5.0, 30.0],
            "ended": 1.0,
            "sign_changes": [1.0, 9.0, 1.0, 11.0],
            "sure": 0.9,
            "n_unstable": [2, 0, 4, 0],
            "n_critical": [1, 0, 0, 0],
        }
    )
    table = regions_table(states, np.random.default_rng(0)).set_index(["region", "measure"])
    kick = table.loc["kick"]
    assert kick.loc["share", ["value", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
    assert kick.loc["residency", ["value", "low", "high"]].tolist() == [4, 3, 5]
    assert kick.loc["n_unstable", "value"] == 3 and kick.loc["any_unstable", "value"] == 1
    assert table.loc[("cluster", "any_unstable"), "value"] == 0
    assert table.loc[("cluster", "sign_changes"), "value"] == 10
    empty = table.loc["transition"]
    assert empty.loc["share", "value"] == 0 and np.isnan(empty.loc["residency", "value"])
    assert (table["n_states"] == [0] * 6 + [2] * 12 + [0] * 6).all()
