"""Explanations of networks of modern cells, whose weights are set so that the answer is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hmmlens import explain
from hmmlens.rnn import recurrent_network
from hmmlens.rnn.recurrent_network import RecurrentNetwork

PAGE = Path(__file__).parents[3] / "docs" / "modern_cells.md"


def network(cell: str, n_inputs: int, n_units: int) -> RecurrentNetwork:
    made = recurrent_network.initialise(
        0, cell=cell, n_inputs=n_inputs, n_outputs=1, n_units=n_units,
        symbols_in=False, symbols_out=False,
    )  # fmt: skip
    with torch.no_grad():
        for value in made.parameters():
            value.zero_()
    return made


def latch() -> tuple[RecurrentNetwork, np.ndarray]:
    """Return a minGRU that a pulse of the first channel sets, and one of the second resets."""
    net = network("mingru", 2, 1)
    layer: Any = net.layers[0]
    with torch.no_grad():
        # The gate opens at a pulse, and lets the candidate through, 1 or -1.
        layer.gates.weight[:] = 30.0
        layer.gates.bias[:] = -15.0
        layer.candidate.weight[:] = torch.tensor([[1.0, -1.0]])
        net.out.weight[:] = 1.0
    kinds = np.random.default_rng(0).choice(3, p=[0.8, 0.1, 0.1], size=(60, 50))
    return net, np.eye(3, dtype=np.float32)[kinds][..., 1:]


def sum_of_inputs() -> tuple[RecurrentNetwork, np.ndarray]:
    """Return an LRU whose one state is the sum of all inputs."""
    net = network("lru", 1, 2)
    layer: Any = net.layers[0]
    with torch.no_grad():
        layer.encoder.weight[0] = 1.0
        layer.log_rate[:], layer.log_phase[:] = -20.0, -20.0
        layer.read_in[0, 0, 0] = 1.0
        # gelu(y) - gelu(-y) is y.
        layer.read_out[0, 0, 0], layer.read_out[1, 0, 0] = 1.0, -1.0
        layer.block[1].weight[0] = torch.tensor([1.0, -1.0])
        layer.block[1].bias[2:] = 30.0
        net.out.weight[0] = torch.tensor([1.0, 0.0])
    inputs = np.random.default_rng(0).normal(size=(60, 50, 1)).astype(np.float32)
    return net, inputs


def test_set_weights_do_what_they_are_meant_to() -> None:
    net, inputs = sum_of_inputs()
    with torch.no_grad():
        found = net(torch.from_numpy(inputs))
    # The connection past the recurrence adds the present input once more.
    np.testing.assert_allclose(found, inputs.cumsum(axis=1) + inputs, atol=1e-4)
    net, pulses = latch()
    with torch.no_grad():
        found = net(torch.from_numpy(pulses))[..., 0].numpy()
    held = np.zeros(len(pulses))
    for t in range(pulses.shape[1]):
        held = np.where(pulses[:, t].any(axis=1), pulses[:, t] @ [1, -1], held)
        np.testing.assert_allclose(found[:, t], held, atol=1e-4)


def test_the_code_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        exec(block, {})
    names = "['real[0]', 'real[1]', 'real[2]', 'imaginary[0]', 'imaginary[1]', 'imaginary[2]']"
    assert capsys.readouterr().out == f"(4, 10, 6) {names}\n"


@pytest.mark.study
def test_a_latch_has_states_and_a_sum_has_none() -> None:
    net, pulses = latch()
    options: Any = {"n_states": range(1, 5), "n_restarts": 2, "untrained": None}
    found = explain(net, pulses, **options)
    # Set, reset, and neither before the first pulse.
    assert (found.verdict["grade"], found.verdict["n_states"]) == ("D", 3)
    assert found.activations.attrs["replay_error"] < 1e-6
    net, inputs = sum_of_inputs()
    assert explain(net, inputs, **options).verdict["grade"] == "C"
