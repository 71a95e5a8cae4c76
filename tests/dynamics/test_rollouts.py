"""Driven runs: flat states go back into states, noise is the one that led into a state."""

from __future__ import annotations

import pytest
import torch

from hmmlens.dynamics.rollouts import drive, rollout, sample_noise, sample_states
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven


def network(cell: str, **options: float) -> NoiseDriven:
    torch.manual_seed(0)
    return NoiseDriven(cell, 4, 6, 3, **options)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
def test_flat_states_are_states(cell: str) -> None:
    net = network(cell)
    run = drive(net, 3, 5, seeded())
    assert run.states.shape == (3, 5, 12 if cell == "lstm" else 6)
    entries = run.states[:, 2]
    assert torch.equal(flatten(unflatten(entries, net)), entries)
    with torch.inference_mode():
        moved = net.step(unflatten(entries, net), run.noise[:, 3])
        torch.testing.assert_close(flatten(moved), run.states[:, 3])
        torch.testing.assert_close(net.readout(moved), run.logits[:, 3])


def test_run_agrees_with_the_networks_own() -> None:
    net = network("lstm")
    noise = sample_noise(net, seeded(), 2, 7)
    states, logits = rollout(net, noise)
    with torch.inference_mode():
        hidden, last = net.run(noise)
        torch.testing.assert_close(states[..., :6], hidden)
        torch.testing.assert_close(states[:, -1], flatten(last))
        torch.testing.assert_close(logits[:, -1], net.readout(last))
    again, _ = rollout(net, noise[:, 4:], states[:, 3])
    torch.testing.assert_close(again, states[:, 4:])


def test_generator_alone_decides() -> None:
    net = network("relu")
    one, two = drive(net, 2, 4, seeded()), drive(net, 2, 4, seeded())
    assert torch.equal(one.states, two.states)
    assert not torch.equal(one.states, drive(net, 2, 4, seeded(2)).states)
    louder = drive(net, 2, 4, seeded(), scale=2.0)
    assert torch.equal(louder.noise, 2 * one.noise)


def test_picked_states_are_different_steps_of_their_run() -> None:
    net = network("relu")
    run = drive(net, 4, 9, seeded())
    entries, runs = sample_states(run, 9, seeded(3))
    assert runs.tolist() == [r for r in range(4) for _ in range(9)]
    for r in range(4):
        mine = entries[runs == r]
        order = (mine[:, None] == run.states[r][None]).all(dim=2)
        # Each step of the run once, in an order that is not its own.
        assert order.sum() == 9 and order.any(dim=0).all()
        assert not torch.equal(mine, run.states[r])
    with pytest.raises(DataError, match="runs have 9 steps"):
        sample_states(run, 10, seeded())


def test_divergence_is_refused() -> None:
    net = network("relu")
    with torch.no_grad():
        net.recurrent.weight.copy_(1e3 * torch.eye(6))
    with pytest.raises(DataError, match="diverges"):
        drive(net, 2, 50, seeded())
