"""Minimisation of q(h) = |F(h) - h|^2 / 2, the search for fixed and slow points.

See :mod:`hmmlens.dynamics.fixed_points`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import jacobians
from hmmlens.dynamics.protocol import StepNetwork, Values, constant_inputs, takes_tensors
from hmmlens.dynamics.state_vectors import advance


@dataclass(frozen=True)
class FixedPointSettings:
    """Settings of :func:`hmmlens.dynamics.fixed_points.find` and ``decay``.

    Distances are shares of the root mean square length of the initial states.

    Attributes
    ----------
    n_descent : int
        Steps of gradient descent.
    rate : float
        First rate of the descent, as a share of the root mean square of the initial entries.
    n_polish : int
        Maximum number of Levenberg-Marquardt steps.
    flat : float
        Relative gradient at which a minimum of q is reached.
    fixed : float
        A point is fixed when a step moves it by no more than this distance.
    enough : float
        A point is not improved any further below this distance.
    same : float
        Points nearer than this distance are one.
    slow : float
        A minimum of q is a slow point when a step moves it by no more than this share of the median
        speed of the initial states.
    n_unstick : int
        Steps that the network runs from where the search stalled between kinks, before it is
        searched again.
    n_decay : int
        Steps on constant input after which states should have decayed (Torre et al. 2025, code).
    """

    n_descent: int = 300
    rate: float = 0.05
    n_polish: int = 60
    flat: float = 1e-7
    fixed: float = 1e-9
    enough: float = 1e-13
    same: float = 1e-4
    slow: float = 0.1
    n_unstick: int = 100
    n_decay: int = 500


def displacement(network: StepNetwork, entries: Tensor, inputs: Values | None) -> Tensor:
    """Return F(h) - h.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : Tensor of shape (state, entry)
        States h.
    inputs : array of shape (feature) or a number, or None
        The constant input, see :func:`hmmlens.dynamics.protocol.constant_inputs`.

    Returns
    -------
    Tensor of shape (state, entry)
        Displacements by one step.
    """
    return advance(network, entries, constant_inputs(network, entries, inputs)) - entries


def _gradient(network: StepNetwork, entries: Tensor, inputs: Values | None) -> Tensor:
    """Return the gradient of q (state, entry)."""
    if takes_tensors(network):
        at = entries.requires_grad_()
        total = displacement(network, at, inputs).square().sum() / 2
        return torch.autograd.grad(total, at)[0]
    away = displacement(network, entries, inputs)
    given = constant_inputs(network, entries, inputs)
    return (jacobians(network, entries, given).transpose(1, 2) @ away[:, :, None])[:, :, 0] - away


def descend(
    network: StepNetwork, starts: Tensor, inputs: Values | None, settings: FixedPointSettings
) -> Tensor:
    """Return the states after gradient descent on q, each by itself.

    The rule is that of Adam (Kingma & Ba 2015) at a falling rate, written out because torch's own
    takes longer to import than to run here.

    Parameters
    ----------
    network : StepNetwork
        A network in double precision.
    starts : Tensor of shape (state, entry)
        Initial states.
    inputs : array of shape (feature) or a number, or None
        The constant input.
    settings : FixedPointSettings
        Number of steps, and their rate.

    Returns
    -------
    Tensor of shape (state, entry)
        The states after the descent.
    """
    rate = settings.rate * float(starts.square().mean().sqrt() or 1.0)
    entries, mean, square = starts.clone(), torch.zeros_like(starts), torch.zeros_like(starts)
    with torch.inference_mode(False), torch.enable_grad():
        for step in range(1, settings.n_descent + 1):
            slope = _gradient(network, entries, inputs)
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope**2
            size = (square / (1 - 0.999**step)).sqrt() + 1e-12
            now = rate * 0.01 ** (step / settings.n_descent)
            entries = (entries - now * mean / (1 - 0.9**step) / size).detach()
    return entries


def polish(
    network: StepNetwork,
    entries: Tensor,
    inputs: Values | None,
    scale: float,
    settings: FixedPointSettings,
) -> tuple[Tensor, Tensor]:
    """Return the points after Levenberg-Marquardt steps, none of which increases q.

    Parameters
    ----------
    network : StepNetwork
        A network in double precision.
    entries : Tensor of shape (state, entry)
        Initial states.
    inputs : array of shape (feature) or a number, or None
        The constant input.
    scale : float
        Length of states that distances are shares of.
    settings : FixedPointSettings
        Number of steps, and thresholds.

    Returns
    -------
    entries : Tensor of shape (state, entry)
        The points.
    flat : Tensor of shape (state)
        Whether each is a minimum of q, or slower than ``enough``.
    """
    entries = entries.clone()
    damping = entries.new_ones(len(entries))
    flat = torch.zeros(len(entries), dtype=torch.bool, device=entries.device)
    todo = torch.arange(len(entries), device=entries.device)
    identity = torch.eye(entries.shape[1], dtype=entries.dtype, device=entries.device)
    for _ in range(settings.n_polish):
        at = entries[todo]
        away = displacement(network, at, inputs)
        slope = jacobians(network, at, constant_inputs(network, at, inputs)) - identity
        pull = slope.transpose(1, 2) @ away[:, :, None]
        speed = away.norm(dim=1)
        # The identity sets the scale where the slope itself is 0, as at the bottom of a ghost.
        size = (1 + slope.flatten(1).norm(dim=1)) * speed
        going = (pull[:, :, 0].norm(dim=1) > settings.flat * size) & (
            speed > settings.enough * scale
        )
        flat[todo] = ~going
        if not going.any():
            break
        todo, at, away, slope, pull = (x[going] for x in (todo, at, away, slope, pull))
        weight = damping[todo] * away.square().sum(dim=1)
        # A smaller damping vanishes in rounding, and the matrix may be singular without any.
        weight = weight.clamp_min(1e-14)
        normal = slope.transpose(1, 2) @ slope + weight[:, None, None] * identity
        tried = at - torch.linalg.solve(normal, pull)[:, :, 0]
        better = displacement(network, tried, inputs).norm(dim=1) < away.norm(dim=1)
        entries[todo[better]] = tried[better]
        damping[todo] *= torch.where(better, 0.25, 8.0)
    return entries, flat
