"""The contract of the registry of cells: one text of the equations, equal to torch's layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import ConfigError
from hmmlens.rnn import layer_steps
from hmmlens.rnn.equations import BY_TORCH_NAME, CELLS, EMULATING, TRAINABLE, numpy_step
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import RecurrentNetwork


@pytest.mark.parametrize("name", CELLS)
@given(
    n_units=st.integers(1, 6),
    n_features=st.integers(1, 4),
    bias=st.booleans(),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=15, deadline=None)
def test_equations_equal_the_layer_of_torch(
    name: str, n_units: int, n_features: int, bias: bool, seed: int
) -> None:
    entry = CELLS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = entry.layer_type()(
            n_features, n_units, bias=bias, batch_first=True, dtype=torch.float64, **entry.options
        )
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(3, 5, n_features))
    first = tuple(rng.normal(size=(3, n_units)) for _ in range(entry.n_states))
    weights = {k.removesuffix("_l0"): v.detach().numpy() for k, v in layer.named_parameters()}
    assert len(weights["weight_ih"]) == entry.n_blocks * n_units
    states = [first]
    parts = []
    for t in range(inputs.shape[1]):
        after, *own = numpy_step(name, weights, inputs[:, t], states[-1])
        states.append(after)
        parts.append(own)
    given_states = tuple(torch.from_numpy(values)[None] for values in first)
    with torch.no_grad():
        x = torch.from_numpy(inputs)
        expected, last = layer(x, given_states if len(given_states) > 1 else given_states[0])
        last = last if isinstance(last, tuple) else (last,)
        hidden = np.stack([state[0] for state in states], axis=1)
        cell = np.stack([state[-1] for state in states], axis=1)
        steps = layer_steps.advance(
            layer_steps.weights_of(layer), x, torch.from_numpy(hidden[:, :-1]),
            torch.from_numpy(cell[:, :-1]) if entry.n_states > 1 else None,
        )  # fmt: skip
    np.testing.assert_allclose(hidden[:, 1:], expected, atol=1e-12)
    for values, own in zip(states[-1], last, strict=True):
        np.testing.assert_allclose(values, own[0], atol=1e-12)
    np.testing.assert_allclose(steps.hidden, expected, atol=1e-12)
    assert list(steps.gates) == list(entry.gates)
    assert list(steps.preactivations) == (list(entry.gates) or ["hidden"])
    for t, (gates, preactivations) in enumerate(parts):
        for gate, values in gates.items():
            np.testing.assert_allclose(steps.gates[gate][:, t], values, atol=1e-12)
        for gate, values in preactivations.items():
            np.testing.assert_allclose(steps.preactivations[gate][:, t], values, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_is_found_by_its_other_names(name: str) -> None:
    entry = CELLS[name]
    for module in (entry.layer_type(), entry.cell_type()):
        assert layer_steps.kind_of(module(2, 3, **entry.options)) == entry.torch_name
    assert BY_TORCH_NAME[entry.torch_name] == name and EMULATING[entry.emulation_name] == name
    assert callable(getattr(torch, entry.torch_name))
    assert callable(getattr(torch, f"{entry.torch_name}_cell"))
    assert len(NoiseDriven(entry.emulation_name, 2, 3).start(1)[0]) == entry.n_states
    if name in TRAINABLE:
        network = RecurrentNetwork(name, 2, 1, 3, symbols_in=False, symbols_out=False)
        assert isinstance(network.layers[0], entry.layer_type())
        assert len(network.start(1)[0]) == entry.n_states


def test_a_cell_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no cell 'elman'; use one of vanilla relu, "):
        CELLS["elman"]
