"""Adam takes the steps of torch.optim.Adam, to the last bit."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from hmmlens.rnn.adam import Adam

BETAS = (0.8, 0.99)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.GRU(3, 5, num_layers=2)


def gradients(model: nn.Module, step: int, skip: int | None = None) -> None:
    """Set gradients of all parameters but one."""
    generator = torch.Generator().manual_seed(step)
    for i, parameter in enumerate(model.parameters()):
        random = torch.randn(parameter.shape, generator=generator)
        parameter.grad = None if i == skip else random * 10.0 ** -(i % 7)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().ravel() for parameter in model.parameters()])


@pytest.mark.parametrize("skip", [None, 2])
def test_steps_are_those_of_torch(skip: int | None) -> None:
    mine, theirs = network(), network()
    optimiser = Adam(mine.parameters(), 0.01, BETAS)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=BETAS)
    for step in range(30):
        optimiser.zero_grad()
        assert all(parameter.grad is None for parameter in mine.parameters())
        gradients(mine, step, skip)
        gradients(theirs, step, skip)
        rate = 0.01 * 0.9**step
        optimiser.learning_rate = reference.param_groups[0]["lr"] = rate
        optimiser.step()
        reference.step()
        assert torch.equal(weights(mine), weights(theirs))


@pytest.mark.parametrize("by_torch", [False, True])
def test_a_state_continues_whoever_wrote_it(by_torch: bool) -> None:
    whole = network()
    without_break = Adam(whole.parameters(), 0.01, BETAS)
    first = network()
    begun = (
        torch.optim.Adam(first.parameters(), lr=0.01, betas=BETAS)
        if by_torch
        else Adam(first.parameters(), 0.01, BETAS)
    )
    for step in range(10):
        gradients(whole, step)
        without_break.step()
        gradients(first, step)
        begun.step()
    second = copy.deepcopy(first)
    continued = Adam(second.parameters(), 0.01, BETAS)
    continued.load_state_dict(begun.state_dict())
    # The state is a copy: steps of the first leave the second as it is.
    gradients(first, 99)
    begun.step()
    for step in range(10, 20):
        gradients(whole, step)
        without_break.step()
        gradients(second, step)
        continued.step()
    assert torch.equal(weights(second), weights(whole))


LOADED = """
import sys
import torch
{code}
weight = torch.nn.Parameter(torch.ones(3))
optimiser = Adam([weight], 0.1)
optimiser.zero_grad()
weight.sum().backward()
torch.nn.utils.clip_grad_norm_([weight], 1.0)
optimiser.step()
optimiser.load_state_dict(optimiser.state_dict())
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize(
    "code, compiler",
    [("from hmmlens.rnn.adam import Adam", False), ("Adam = torch.optim.Adam", True)],
)
def test_the_compiler_of_torch_is_not_imported(code: str, compiler: bool) -> None:
    run = [sys.executable, "-c", LOADED.format(code=code)]
    assert subprocess.check_output(run, text=True).strip() == str(compiler)
