"""The equations of the cells with the weights of torch's layers, for many steps at once.

LSTMs may project their hidden state (Sak et al. 2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hmmlens.rnn.equations import BY_TORCH_NAME, CELLS, Arithmetic, Cell


class Weights(NamedTuple):
    """The weights of one layer in one direction.

    Attributes
    ----------
    kind : str
        Name of torch's kernel, see :class:`hmmlens.rnn.equations.Cell`.
    input : Tensor of shape (gate * unit, feature)
    hidden : Tensor of shape (gate * unit, hidden)
    input_bias, hidden_bias : Tensor of shape (gate * unit,) or None
    projection : Tensor of shape (hidden, unit) or None
        None where the hidden state is not projected.
    """

    kind: str
    input: Tensor
    hidden: Tensor
    input_bias: Tensor | None
    hidden_bias: Tensor | None
    projection: Tensor | None

    @property
    def cell(self) -> Cell:
        """Return the entry of the cell in the registry.

        Returns
        -------
        Cell
            Its gates and equations.
        """
        return CELLS[BY_TORCH_NAME[self.kind]]


class Steps(NamedTuple):
    """Some steps of one layer.

    Attributes
    ----------
    hidden : Tensor of shape (sequence, time, unit)
    cell : Tensor of shape (sequence, time, unit) or None
        The cell state of an LSTM.
    gates, preactivations : mapping of str to Tensor of shape (sequence, time, unit)
    """

    hidden: Tensor
    cell: Tensor | None
    gates: Mapping[str, Tensor]
    preactivations: Mapping[str, Tensor]


def kind_of(module: nn.Module) -> str:
    """Return the name of the kernel that a recurrent layer or cell of torch uses.

    Parameters
    ----------
    module : torch.nn.Module
        A recurrent layer or cell of torch.

    Returns
    -------
    str
        ``rnn_tanh``, ``rnn_relu``, ``gru`` or ``lstm``.
    """
    if isinstance(module, nn.RNNBase):
        return str(module.mode).lower()
    if isinstance(module, nn.RNNCell):
        return f"rnn_{module.nonlinearity}"
    return "gru" if isinstance(module, nn.GRUCell) else "lstm"


def weights_of(module: nn.Module, layer: int = 0, reverse: bool = False) -> Weights:
    """Return the weights that a recurrent layer or cell of torch uses now.

    Parameters
    ----------
    module : torch.nn.Module
        A recurrent layer or cell of torch.
    layer : int, default=0
        Which layer of a stack.
    reverse : bool, default=False
        Whether the direction that reads from the end.

    Returns
    -------
    Weights
        Not copied.
    """
    suffix = f"_l{layer}" if isinstance(module, nn.RNNBase) else ""
    suffix += "_reverse" if reverse else ""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    return Weights(kind_of(module), *(getattr(module, f"{n}{suffix}", None) for n in names))  # type: ignore[arg-type]


def advance(weights: Weights, x: Tensor, before: Tensor, cell: Tensor | None) -> Steps:
    """Compute each step from the state before it, for many steps at once.

    Parameters
    ----------
    weights : Weights
        Those of the layer.
    x : Tensor of shape (sequence, time, feature)
        What the layer reads.
    before : Tensor of shape (sequence, time, unit)
        The hidden state before each step.
    cell : Tensor of shape (sequence, time, unit) or (sequence, unit), or None
        Of an LSTM, the cell state before each step, or before the first one only.

    Returns
    -------
    Steps
        The states after each step, and the gates in it.
    """
    gates: dict[str, Tensor] = {}
    preactivations: dict[str, Tensor] = {}

    def _keep(name: str, preactivation: Tensor, activation: Tensor) -> Tensor:
        preactivations[name] = preactivation
        if name in weights.cell.gates:
            gates[name] = activation
        return activation

    received = nn.functional.linear(x, weights.input, weights.input_bias)
    recurrent = nn.functional.linear(before, weights.hidden, weights.hidden_bias)
    state = (before,) if cell is None else (before, cell)
    hidden, *cells = weights.cell.equations(received, recurrent, state, _ARITHMETIC, _keep)
    if weights.projection is not None:
        hidden = nn.functional.linear(hidden, weights.projection)
    return Steps(hidden, cells[0] if cells else None, gates, preactivations)


def _multiply_add(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return a + b * c (sequence, time, unit).

    A ``c`` (sequence, unit) is the cell state before the first step alone; each step then takes the
    result of the step before it.
    """
    if c.ndim == a.ndim:
        return torch.addcmul(a, b, c)
    for t in range(a.shape[1]):
        # What is written at a step is not needed after it, so its place takes the cell state.
        c = a[:, t].addcmul_(b[:, t], c)
    return a


_ARITHMETIC = Arithmetic(torch.sigmoid, torch.tanh, torch.relu, _multiply_add)


def run(weights: Weights, x: Tensor, hidden: Tensor, cell: Tensor | None) -> Tensor:
    """Run one layer in one direction by torch's fused kernel.

    Parameters
    ----------
    weights : Weights
        Those of the layer.
    x : Tensor of shape (sequence, time, feature)
        What the layer reads.
    hidden, cell : Tensor of shape (sequence, unit)
        The states before the first step; ``cell`` is None but for an LSTM.

    Returns
    -------
    Tensor of shape (sequence, time, unit)
        The hidden state after each step.
    """
    parameters = [w for w in weights[1:] if w is not None]
    # has_biases, num_layers, dropout, train, bidirectional, batch_first
    settings = (weights.input_bias is not None, 1, 0.0, False, False, True)
    state: Any = hidden[None] if cell is None else (hidden[None], cell[None])
    output: Tensor = getattr(torch, weights.kind)(x, state, parameters, *settings)[0]
    return output
