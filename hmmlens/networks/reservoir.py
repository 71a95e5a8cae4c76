"""An untrained network with a fitted readout: what the task needs of the input and wiring alone."""

from __future__ import annotations

import torch

from hmmlens.networks.cells import RecurrentNetwork
from hmmlens.networks.training import Sequences

#: Ridge, relative to the mean variance of the units; steps of L-BFGS for symbols.
RIDGE, N_STEPS = 1e-4, 100


def fit_readout(network: RecurrentNetwork, train: Sequences) -> None:
    """Fit the readout of ``network`` in place; its recurrence stays as it is.

    Ridge regression for values, multinomial regression with the same penalty for symbols.

    Parameters
    ----------
    train : sequences to learn from; steps without a target are left out.
    """
    with torch.no_grad():
        hidden = network.hidden(train.inputs)[-1].double()
    if network.symbols_out:
        known = train.target >= 0
        weight, bias = _multinomial(hidden[known], train.target[known], network.out.out_features)
    else:
        known = torch.isfinite(train.target).all(dim=-1)
        weight, bias = _ridge(hidden[known], train.target[known].double())
    with torch.no_grad():
        network.out.weight.copy_(weight)
        network.out.bias.copy_(bias)


def _ridge(hidden: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    centre, middle = hidden.mean(dim=0), target.mean(dim=0)
    away = hidden - centre
    moments = away.T @ away
    penalty = RIDGE * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    weight = torch.linalg.solve(moments + penalty, away.T @ (target - middle)).T
    return weight, middle - weight @ centre


def _multinomial(
    hidden: torch.Tensor, target: torch.Tensor, n_symbols: int
) -> tuple[torch.Tensor, torch.Tensor]:
    centre, size = hidden.mean(dim=0), hidden.std(dim=0).clamp_min(1e-6)
    away = (hidden - centre) / size
    weight = torch.zeros(n_symbols, hidden.shape[1], dtype=hidden.dtype, requires_grad=True)
    bias = torch.zeros(n_symbols, dtype=hidden.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=N_STEPS, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(away @ weight.T + bias, target.long())
        loss = loss + RIDGE * (weight**2).sum()
        loss.backward()
        return float(loss.detach())

    optimiser.step(closure)
    found = weight.detach() / size
    return found, bias.detach() - found @ centre
