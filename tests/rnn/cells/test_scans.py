"""Scans equal loops, and their gradients equal differences."""

from __future__ import annotations

import pytest
import torch

from hmmlens.rnn.cells.scans import exponential_gates, linear_scan, maximum_scan


def arrays(dtype: torch.dtype, n_steps: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    shapes = [(2, n_steps, 3), (2, n_steps, 3), (2, 3)]
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("n_steps", [1, 7])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_linear_scan_and_its_gradient(dtype: torch.dtype, n_steps: int) -> None:
    decay, drive, state = arrays(dtype, n_steps)
    found = linear_scan(decay, drive, state)
    for t in range(n_steps):
        state = decay[:, t] * state + drive[:, t]
        torch.testing.assert_close(found[:, t], state)
    assert torch.autograd.gradcheck(linear_scan, arrays(dtype, n_steps))


@pytest.mark.parametrize("n_steps", [1, 7])
def test_maximum_scan_and_its_gradient(n_steps: int) -> None:
    change, candidate, state = arrays(torch.float64, n_steps)
    found = maximum_scan(change, candidate, state)
    for t in range(n_steps):
        state = torch.maximum(state + change[:, t], candidate[:, t])
        torch.testing.assert_close(found[:, t], state)
    assert torch.autograd.gradcheck(maximum_scan, arrays(torch.float64, n_steps))


def test_exponential_gates_give_the_sum_of_exponentials_without_overflow() -> None:
    log_decay, log_gate, _ = arrays(torch.float64, 30)
    log_gate = 500 * log_gate
    decay, gate, maximum = exponential_gates(log_decay, log_gate, torch.full((2, 3), -1e30))
    assert decay.max() <= 1 and gate.max() <= 1
    sums = linear_scan(decay, gate, torch.zeros(2, 3, dtype=torch.float64))
    total = log_decay.cumsum(dim=1)
    wanted = torch.logcumsumexp(log_gate - total, dim=1) + total
    torch.testing.assert_close(maximum + sums.log(), wanted)
