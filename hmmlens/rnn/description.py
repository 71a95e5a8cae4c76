"""What tables report of a network: its cells, units and parameters."""

from __future__ import annotations

from typing import Any

from torch import nn

from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import BY_TORCH_NAME
from hmmlens.rnn.layer_steps import kind_of
from hmmlens.rnn.layers import recurrent
from hmmlens.rnn.recurrent_network import RecurrentNetwork


def described(network: nn.Module) -> dict[str, Any]:
    """Return what tables report of a network.

    Parameters
    ----------
    network : torch.nn.Module
        The network.

    Returns
    -------
    dict
        ``cell``, ``n_units`` (of the largest layer) and ``n_parameters``.
    """
    parts: list[Any] = [part for part in network.modules() if recurrent(part)]
    kinds = sorted({kind_of(part) for part in parts})
    sizes, names = [part.hidden_size for part in parts], [BY_TORCH_NAME[kind] for kind in kinds]
    if isinstance(network, RecurrentNetwork) and network.cell in MODERN:
        sizes, names = [network.n_units], [network.cell]
    return {
        "cell": " and ".join(names),
        "n_units": max(sizes, default=0),
        "n_parameters": sum(p.numel() for p in network.parameters()),
    }
