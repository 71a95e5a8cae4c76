"""Linear recurrences over time, and the running maxima that stabilise exponential gates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def linear_scan(decay: Tensor, drive: Tensor, initial: Tensor) -> Tensor:
    """Return all states of h[t] = decay[t] h[t - 1] + drive[t], elementwise.

    Parameters
    ----------
    decay, drive : Tensor of shape (sequence, time, ...)
        Real or complex, of one shape.
    initial : Tensor of shape (sequence, ...)
        The state before the first step.

    Returns
    -------
    Tensor of shape (sequence, time, ...)
        The state after each step.

    Examples
    --------
    >>> linear_scan(torch.full((1, 3), 0.5), torch.ones(1, 3), torch.zeros(1)).tolist()
    [[1.0, 1.5, 1.75]]
    """
    if drive.shape[1] == 1:
        # Single steps are differentiated in other ways too, such as with respect to the state.
        return drive + decay * initial[:, None]
    scan: Any = _LinearScan
    states: Tensor = scan.apply(decay, drive, initial)
    return states


class _LinearScan(torch.autograd.Function):
    """The recurrence with its adjoint, without a graph of single steps."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, drive: Tensor, initial: Tensor) -> Tensor:
        """Return the states (sequence, time, ...)."""
        states, state = torch.empty_like(drive), initial
        for t in range(drive.shape[1]):
            state = torch.addcmul(drive[:, t], decay[:, t], state)
            states[:, t] = state
        ctx.save_for_backward(decay, states, initial)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of decay, drive and initial state."""
        decay, states, initial = ctx.saved_tensors
        total, carried = torch.empty_like(gradient), torch.zeros_like(initial)
        for t in reversed(range(gradient.shape[1])):
            carried = carried + gradient[:, t]
            total[:, t] = carried
            carried = carried * decay[:, t].conj()
        before = torch.cat([initial[:, None], states[:, :-1]], dim=1)
        return total * before.conj(), total, carried


def maximum_scan(change: Tensor, candidate: Tensor, initial: Tensor) -> Tensor:
    """Return all states of m[t] = max(m[t - 1] + change[t], candidate[t]), elementwise.

    Parameters
    ----------
    change, candidate : Tensor of shape (sequence, time, ...)
        Of one shape.
    initial : Tensor of shape (sequence, ...)
        The state before the first step.

    Returns
    -------
    Tensor of shape (sequence, time, ...)
        The state after each step.

    Examples
    --------
    >>> change, candidate = -torch.ones(1, 3), torch.tensor([[2.0, 0.0, 5.0]])
    >>> maximum_scan(change, candidate, torch.zeros(1)).tolist()
    [[2.0, 1.0, 5.0]]
    """
    # Cumulative sums of changes would round off what candidates differ by.
    states = []
    for step, other in zip(change.unbind(dim=1), candidate.unbind(dim=1), strict=True):
        initial = torch.maximum(initial + step, other)
        states.append(initial)
    return torch.stack(states, dim=1)


def exponential_gates(
    log_decay: Tensor, log_gate: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return exponential gates, divided by a running maximum that keeps them below 1.

    A sum ``s[t] = exp(log_decay[t]) s[t - 1] + exp(log_gate[t]) x[t]`` is ``exp(m[t])`` times
    the sum of the returned gates, whatever m is, which cannot overflow.

    Parameters
    ----------
    log_decay, log_gate : Tensor of shape (sequence, time, ...)
        Logarithms of the gates.
    initial : Tensor of shape (sequence, ...)
        The maximum before the first step.

    Returns
    -------
    decay, gate, maximum : Tensor of shape (sequence, time, ...)
        The gates that are used, and m after each step.
    """
    maximum = maximum_scan(log_decay, log_gate, initial)
    before = torch.cat([initial[:, None], maximum[:, :-1]], dim=1)
    decay = torch.exp(log_decay + before - maximum)
    return decay, torch.exp(log_gate - maximum), maximum
