"""Layers with gradients of their own against torch's layers, in values and in all gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hmmlens.rnn import sequence_gradients

LAYERS = {
    "gru": nn.GRU,
    "vanilla": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "lstm": nn.LSTM,
}


def made(name: str, n_inputs: int = 3, n_units: int = 7) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layer: nn.Module = LAYERS[name](n_inputs, n_units, batch_first=True)
    return layer


def results(run: Any, layer: nn.Module, inputs: Tensor, weight: Tensor) -> list[Tensor]:
    """Return the states, and the gradients of a weighted sum of them."""
    given = inputs.clone().requires_grad_()
    states = run(layer, given)
    sources = [given, *layer.parameters()]
    return [states.detach(), *torch.autograd.grad((states * weight).sum(), sources)]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("shape", [(5, 40), (1, 40), (5, 1)])
def test_states_and_gradients_are_those_of_torch(name: str, shape: tuple[int, int]) -> None:
    layer, source = made(name), torch.Generator().manual_seed(0)
    inputs = torch.randn(*shape, 3, generator=source)
    weight = torch.randn(*shape, 7, generator=source)
    found = results(sequence_gradients.run, layer, inputs, weight)
    expected = results(lambda one, x: one(x)[0], layer, inputs, weight)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["gru", "vanilla"])
def test_layers_of_a_stack_pass_gradients_on(name: str) -> None:
    lower, upper = made(name, 3, 7), made(name, 7, 4)
    inputs = torch.randn(6, 20, 3, generator=torch.Generator().manual_seed(0))
    found = []
    for run in (sequence_gradients.run, lambda one, x: one(x)[0]):
        states = run(upper, run(lower, inputs))
        found.append(torch.autograd.grad(states.square().sum(), list(lower.parameters())))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["gru", "vanilla"])
def test_saturated_units_have_finite_gradients(name: str) -> None:
    layer = made(name)
    inputs = 1e4 * torch.randn(4, 30, 3, generator=torch.Generator().manual_seed(0))
    for array in results(sequence_gradients.run, layer, inputs, torch.ones(4, 30, 7)):
        assert torch.isfinite(array).all()


def test_double_precision_is_left_to_torch() -> None:
    layer = made("gru").double()
    inputs = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(sequence_gradients.run(layer, inputs), layer(inputs)[0])
