"""The contract of the registry of bundled networks, and their recurrence one step at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hmmlens.datasets.published_packages import PACKAGES, fetch
from hmmlens.dynamics.endpoints import settle
from hmmlens.recording import protocol
from hmmlens.rnn import adapters, loading
from hmmlens.rnn.layers import find
from hmmlens.rnn.settings import AdapterNetwork

#: Shape of one step of each network's input.
SHAPES = {"gait-gru": (2,), "silero-vad": (512,)}


def perturbed(name: str) -> torch.nn.Module:
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
def test_declared_layers_are_those_of_the_network(name: str) -> None:
    settings = AdapterNetwork(kind="adapter", dataset="data", adapter=name)
    network = loading.architecture(settings.model_dump(), Path())
    assert settings.layers == [item.node for item in find(network, None)]
    assert not network.training
    assert adapters.ADAPTERS[name].source in PACKAGES.values()


@pytest.mark.slow
@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_published_weights_load(name: str, tmp_path: Path) -> None:
    source = adapters.ADAPTERS[name].source
    fetch(source, tmp_path / "data" / source.file)
    network = loading.load({"kind": "adapter", "adapter": name}, tmp_path)
    initial = adapters.module(name).build().state_dict()
    layer = adapters.ADAPTERS[name].layers[0]
    weight = f"{layer}.weight_hh_l0"
    assert not torch.equal(network.state_dict()[weight], initial[weight])


@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_steps_equal_the_forward_pass(name: str) -> None:
    network, x = perturbed(name), inputs(name, 40)
    assert protocol.follows(network)
    state = network.start(3)
    outputs = []
    with torch.no_grad():
        for t in range(x.shape[1]):
            state = network.step(state, x[:, t])
            outputs.append(network.readout(state))
        expected = network(x)
    np.testing.assert_allclose(torch.stack(outputs, dim=1), expected, atol=1e-12)
    assert float(expected.std()) > 0.01


@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_filters_span_the_declared_number_of_steps(name: str) -> None:
    network = perturbed(name)
    n, x = network.n_input_steps, inputs(name, 60)
    layer_inputs = []
    layer = getattr(network, adapters.ADAPTERS[name].layers[0])
    layer.register_forward_pre_hook(lambda _, args: layer_inputs.append(args[0]))
    other = x.clone()
    other[:, 30] += 1
    with torch.no_grad():
        network(x), network(other)
    changed = (layer_inputs[0] - layer_inputs[1]).abs().amax(dim=(0, 2)) > 1e-9
    assert torch.nonzero(changed).flatten().tolist() == list(range(30, 30 + n))


@pytest.mark.parametrize("name", adapters.ADAPTERS)
def test_settling_on_zero_input_waits_for_the_filters(name: str) -> None:
    network, x = perturbed(name), inputs(name, 8)
    settled = settle(network, x, np.array([7, 2, 5]), "zero")
    for row, until in enumerate((7, 2, 5)):
        # The driven steps, then their echo in the filters, then 20 steps.
        n_steps = until + 1 + network.n_input_steps - 1 + 20
        whole = torch.zeros(1, n_steps, *SHAPES[name], dtype=torch.float64)
        whole[0, : until + 1] = x[row, : until + 1]
        with torch.no_grad():
            expected = network(whole)[0, -1]
        np.testing.assert_allclose(settled[0, row], expected, atol=1e-12)
