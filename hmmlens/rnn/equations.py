"""The published cell equations, once, with gates and pre-activations.

Written for torch's weights: Elman 1990 (tanh or relu); GRU of Cho et al. 2014, the reset applied
after the product; LSTM of Hochreiter and Schmidhuber 1997 with a forget gate (Gers et al. 2000),
and with the projection of Sak et al. 2014.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

#: kind -> its gates, in the order in which torch stacks their weights.
GATES: dict[str, tuple[str, ...]] = {
    "rnn_tanh": ("hidden",),
    "rnn_relu": ("hidden",),
    "gru": ("reset_gate", "update_gate", "candidate"),
    "lstm": ("input_gate", "forget_gate", "candidate", "output_gate"),
}


class Weights(NamedTuple):
    """The weights of one layer in one direction.

    input : (gate * unit, feature)
    hidden : (gate * unit, hidden)
    input_bias, hidden_bias : (gate * unit), or None
    projection : (hidden, unit), or None where the hidden state is not projected
    """

    kind: str
    input: Tensor
    hidden: Tensor
    input_bias: Tensor | None
    hidden_bias: Tensor | None
    projection: Tensor | None

    @property
    def n_cells(self) -> int:
        """Units of the cell: as many as of the hidden state, unless that is projected."""
        return self.input.shape[0] // len(GATES[self.kind])


class Steps(NamedTuple):
    """Some steps of one layer.

    hidden : (sequence, time, unit)
    cell : (sequence, time, unit) of an LSTM, else None
    gates, preactivations : name -> (sequence, time, unit)
    """

    hidden: Tensor
    cell: Tensor | None
    gates: Mapping[str, Tensor]
    preactivations: Mapping[str, Tensor]


def kind_of(module: nn.Module) -> str:
    """Return which equations a recurrent layer or cell of torch follows."""
    if isinstance(module, nn.RNNBase):
        return str(module.mode).lower()
    if isinstance(module, nn.RNNCell):
        return f"rnn_{module.nonlinearity}"
    return "gru" if isinstance(module, nn.GRUCell) else "lstm"


def weights_of(module: nn.Module, layer: int = 0, reverse: bool = False) -> Weights:
    """Return the weights that a recurrent layer or cell of torch uses now."""
    suffix = f"_l{layer}" if isinstance(module, nn.RNNBase) else ""
    suffix += "_reverse" if reverse else ""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    return Weights(kind_of(module), *(getattr(module, f"{n}{suffix}", None) for n in names))  # type: ignore[arg-type]


def advance(weights: Weights, x: Tensor, before: Tensor, cell: Tensor | None) -> Steps:
    """Compute each step from the state before it, for many steps at once.

    Parameters
    ----------
    x : (sequence, time, feature), what the layer reads.
    before : (sequence, time, unit), the hidden state before each step.
    cell : of an LSTM, the cell state before each step (sequence, time, unit), or before the
        first one only (sequence, unit).
    """
    kind = weights.kind
    from_input = nn.functional.linear(x, weights.input, weights.input_bias)
    from_hidden = nn.functional.linear(before, weights.hidden, weights.hidden_bias)
    if kind == "gru":
        a, r = (part.chunk(3, dim=-1) for part in (from_input, from_hidden))
        reset_in, update_in = a[0] + r[0], a[1] + r[1]
        reset, update = reset_in.sigmoid(), update_in.sigmoid()
        candidate_in = torch.addcmul(a[2], reset, r[2])
        candidate = candidate_in.tanh()
        hidden = candidate + update * (before - candidate)
        named = (
            _named(kind, (reset, update, candidate)),
            _named(kind, (reset_in, update_in, candidate_in)),
        )
        return Steps(hidden, None, *named)
    total = from_input.add_(from_hidden)
    if kind != "lstm":
        hidden = total.tanh() if kind == "rnn_tanh" else total.relu()
        return Steps(hidden, None, {}, _named(kind, (total,)))
    assert cell is not None
    parts = total.chunk(4, dim=-1)
    i, f, g, o = parts[0].sigmoid(), parts[1].sigmoid(), parts[2].tanh(), parts[3].sigmoid()
    cells = _cells(f, i * g, cell)
    hidden = o * cells.tanh()
    if weights.projection is not None:
        hidden = nn.functional.linear(hidden, weights.projection)
    return Steps(hidden, cells, _named(kind, (i, f, g, o)), _named(kind, parts))


def _cells(forget: Tensor, written: Tensor, cell: Tensor) -> Tensor:
    """Return the cell states (sequence, time, unit) after each step."""
    if cell.ndim == 3:
        return torch.addcmul(written, forget, cell)
    for t in range(written.shape[1]):
        # What was written at a step is not needed after it, so its place takes the cell state.
        cell = written[:, t].addcmul_(forget[:, t], cell)
    return written


def _named(kind: str, parts: Any) -> dict[str, Tensor]:
    return dict(zip(GATES[kind], parts, strict=True))


def run(weights: Weights, x: Tensor, hidden: Tensor, cell: Tensor | None) -> Tensor:
    """Run one layer in one direction by torch's fused kernel.

    Parameters
    ----------
    x : (sequence, time, feature).
    hidden, cell : (sequence, unit), the states before the first step; cell of an LSTM only.

    Returns
    -------
    hidden : (sequence, time, unit)
    """
    parameters = [w for w in weights[1:] if w is not None]
    # has_biases, num_layers, dropout, train, bidirectional, batch_first
    settings = (weights.input_bias is not None, 1, 0.0, False, False, True)
    if cell is not None:
        output: Tensor = torch.lstm(x, (hidden[None], cell[None]), parameters, *settings)[0]
        return output
    functions: dict[str, Any] = {
        "gru": torch.gru,
        "rnn_tanh": torch.rnn_tanh,
        "rnn_relu": torch.rnn_relu,
    }
    output = functions[weights.kind](x, hidden[None], parameters, *settings)[0]
    return output
