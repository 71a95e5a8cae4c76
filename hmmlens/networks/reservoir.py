"""An untrained network with a fitted readout: what the task needs of the input and wiring alone."""

from __future__ import annotations

import numpy as np
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
    # SciPy's, because torch's optimisers take a second to import.
    from scipy.optimize import minimize

    centre, size = hidden.mean(dim=0), hidden.std(dim=0).clamp_min(1e-6)
    design = torch.cat([(hidden - centre) / size, hidden.new_ones(len(hidden), 1)], dim=1)
    wanted = torch.nn.functional.one_hot(target.long(), n_symbols).to(hidden.dtype)
    penalised = torch.ones(design.shape[1], 1, dtype=hidden.dtype)
    penalised[-1] = 0

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = torch.from_numpy(flat).view(design.shape[1], n_symbols)
        kept = penalised * weight
        law = (design @ weight).log_softmax(dim=1)
        value = -(wanted * law).sum(dim=1).mean() + RIDGE * (kept**2).sum()
        slope = design.T @ (law.exp() - wanted) / len(wanted) + 2 * RIDGE * kept
        return float(value), slope.numpy().ravel()

    start = np.zeros(design.shape[1] * n_symbols)
    best = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": N_STEPS, "maxcor": 50, "ftol": 1e-12},
    )
    found = torch.from_numpy(best.x).view(design.shape[1], n_symbols).T
    weight = found[:, :-1] / size
    return weight, found[:, -1] - weight @ centre
