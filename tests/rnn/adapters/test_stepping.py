"""Bundled networks, stepped one frame at a time, say what they say of whole sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.dynamics.endpoints import settle
from hmmlens.recording import protocol
from hmmlens.rnn import adapters

#: What one step of each network is.
SHAPES = {"gait-gru": (2,), "silero-vad": (512,)}


def shaken(name: str) -> torch.nn.Module:
    """Return a network whose every weight and running mean has a value of its own, in float64."""
    network: torch.nn.Module = adapters.module(name).build().double()
    rng = np.random.default_rng(4)
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if value.is_floating_point() and "var" not in key:
                scale = max(1.0, np.prod(value.shape[1:])) ** -0.5
                value.copy_(torch.from_numpy(rng.normal(scale=scale, size=value.shape)))
    return network


def inputs(name: str, n_steps: int) -> torch.Tensor:
    values = np.random.default_rng(5).normal(size=(3, n_steps, *SHAPES[name]))
    return torch.from_numpy(values)


@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_steps_equal_the_forward_pass(name: str) -> None:
    network, x = shaken(name), inputs(name, 40)
    assert protocol.follows(network)
    state = network.start(3)
    said = []
    with torch.no_grad():
        for t in range(x.shape[1]):
            state = network.step(state, x[:, t])
            said.append(network.readout(state))
        expected = network(x)
    np.testing.assert_allclose(torch.stack(said, dim=1), expected, atol=1e-12)
    assert float(expected.std()) > 0.01


@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_it_hears_so_many_steps_at_once(name: str) -> None:
    network = shaken(name)
    n, x = network.n_heard, inputs(name, 60)
    heard = []
    layer = network.gru if name == "gait-gru" else network.lstm
    layer.register_forward_pre_hook(lambda _, args: heard.append(args[0]))
    other = x.clone()
    other[:, 30] += 1
    with torch.no_grad():
        network(x), network(other)
    changed = (heard[0] - heard[1]).abs().amax(dim=(0, 2)) > 1e-9
    assert torch.nonzero(changed).flatten().tolist() == list(range(30, 30 + n))


@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_it_is_left_alone_when_its_filters_hear_nothing_else(name: str) -> None:
    network, x = shaken(name), inputs(name, 8)
    settled = settle(network, x, np.array([7, 2, 5]), "zero")
    for row, until in enumerate((7, 2, 5)):
        # What is driven first, then its echo in the filters, then 20 steps.
        n_steps = until + 1 + network.n_heard - 1 + 20
        whole = torch.zeros(1, n_steps, *SHAPES[name], dtype=torch.float64)
        whole[0, : until + 1] = x[row, : until + 1]
        with torch.no_grad():
            expected = network(whole)[0, -1]
        np.testing.assert_allclose(settled[0, row], expected, atol=1e-12)
