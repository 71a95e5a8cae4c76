"""Networks whose readout alone is fitted: what a task needs of the input and the wiring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hmmlens.stats.surrogates import permuted_weights
from hmmlens.validation.baselines.registry import baseline
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings

if TYPE_CHECKING:
    import torch

    from hmmlens.rnn.recurrent_network import RecurrentNetwork
    from hmmlens.rnn.training import Sequences

#: Names of the two baselines: a fitted readout, and permuted weights before it is fitted.
FITTED, PERMUTED = "reservoir", "permuted"


@baseline(FITTED, "network")
def fit_readout(
    network: RecurrentNetwork, train: Sequences, settings: BaselineSettings = DEFAULT_BASELINES
) -> None:
    """Fit the readout of a network in place; its recurrence stays as it is.

    Ridge regression for values, multinomial regression with the same penalty for symbols.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    train : Sequences
        Sequences to learn from; steps without a target are ignored.
    settings : BaselineSettings, optional
        Its penalty, and the largest number of steps for symbols.

    Examples
    --------
    >>> import torch
    >>> from hmmlens.rnn.recurrent_network import initialise
    >>> from hmmlens.rnn.training import Sequences
    >>> network = initialise(
    ...     0, cell="gru", n_inputs=2, n_outputs=2, n_units=4, symbols_in=True, symbols_out=True
    ... )
    >>> symbols = torch.tensor([[0, 1] * 20] * 5)
    >>> fit_readout(network, Sequences(symbols, symbols))
    >>> bool((network(symbols).argmax(dim=2) == symbols).all())
    True
    """
    import torch

    with torch.no_grad():
        hidden = network.hidden(train.inputs)[-1].double().cpu()
    target = train.target.cpu()
    if network.symbols_out:
        known = target >= 0
        weight, bias = _multinomial(
            hidden[known], target[known], network.out.out_features, settings
        )
    else:
        known = torch.isfinite(target).all(dim=-1)
        weight, bias = _ridge(hidden[known], target[known].double(), settings.ridge)
    with torch.no_grad():
        network.out.weight.copy_(weight)
        network.out.bias.copy_(bias)


@baseline(PERMUTED, "network")
def permute(network: RecurrentNetwork, rng: np.random.Generator) -> RecurrentNetwork:
    """Put the entries of every weight matrix of a network in random order, in place.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    RecurrentNetwork
        The same network.
    """
    import torch

    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    moved = permuted_weights(weights, rng)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in moved.items()})
    return network


def _ridge(
    hidden: torch.Tensor, target: torch.Tensor, ridge: float
) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    centre, middle = hidden.mean(dim=0), target.mean(dim=0)
    away = hidden - centre
    moments = away.T @ away
    penalty = ridge * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    weight = torch.linalg.solve(moments + penalty, away.T @ (target - middle)).T
    return weight, middle - weight @ centre


def _multinomial(
    hidden: torch.Tensor, target: torch.Tensor, n_symbols: int, settings: BaselineSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    # SciPy's, because torch's optimisers take a second to import.
    import torch
    from scipy.optimize import minimize

    centre, size = hidden.mean(dim=0), hidden.std(dim=0).clamp_min(1e-6)
    design = torch.cat([(hidden - centre) / size, hidden.new_ones(len(hidden), 1)], dim=1)
    wanted = torch.nn.functional.one_hot(target.long(), n_symbols).to(hidden.dtype)
    penalised = torch.ones(design.shape[1], 1, dtype=hidden.dtype)
    penalised[-1] = 0

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = torch.from_numpy(flat).view(design.shape[1], n_symbols)
        kept = penalised * weight
        distribution = (design @ weight).log_softmax(dim=1)
        value = -(wanted * distribution).sum(dim=1).mean() + settings.ridge * (kept**2).sum()
        slope = design.T @ (distribution.exp() - wanted) / len(wanted) + 2 * settings.ridge * kept
        return float(value), slope.numpy().ravel()

    start = np.zeros(design.shape[1] * n_symbols)
    best = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": settings.n_readout_steps, "maxcor": 50, "ftol": 1e-12},
    )
    found = torch.from_numpy(best.x).view(design.shape[1], n_symbols).T
    weight = found[:, :-1] / size
    return weight, found[:, -1] - weight @ centre
