"""sLSTM and mLSTM, the cells of xLSTM with exponential gates (Beck et al. 2024).

Both keep a running maximum of the logarithms of their gates, ``stabiliser``, by which the other
parts of the memory are divided, so that no exponential overflows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmmlens.rnn.cells.layer import LOWEST, CellLayer, Entry, joined
from hmmlens.rnn.cells.registry import head_size
from hmmlens.rnn.cells.scans import exponential_gates, linear_scan

#: Biases of forget gates at the start of training are evenly spaced between these.
FORGET_BIAS = (3.0, 6.0)
#: Largest exponent whose exponential is not infinite in single precision.
LARGEST_EXPONENT = 80.0


class SLSTM(CellLayer):
    """A cell and a normaliser for each unit; gates read the hidden units.

    With m' = max(log f + m, i): c' = exp(log f + m - m') c + exp(i - m') tanh(z),
    n' = exp(log f + m - m') n + exp(i - m') and h' = sigmoid(o) c' / n', where (i, f, z, o) =
    W x + R h + b and log f = log sigmoid(f). The recurrent weights have one head.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units.
    """

    def __init__(self, n_inputs: int, n_units: int) -> None:
        names = ("cell", "normaliser", "stabiliser")
        super().__init__(n_units, dict.fromkeys(names, (n_units,)), {"stabiliser": LOWEST})
        self.input = nn.Linear(n_inputs, 4 * n_units, bias=False)
        self.recurrent = nn.Linear(n_units, 4 * n_units, bias=False)
        self.bias = nn.Parameter(torch.empty(4 * n_units))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set the biases to their initial values."""
        self.bias.zero_()
        self.bias[self.n_units : 2 * self.n_units] = torch.linspace(*FORGET_BIAS, self.n_units)

    def run(self, inputs: Tensor, entry: Entry) -> tuple[Tensor, Tensor]:
        """Run the layer from a state.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time, feature)
            What the layer reads.
        entry : tuple of Tensor
            ``(hidden, memory)`` before the first step.

        Returns
        -------
        hidden : Tensor of shape (sequence, time, unit)
            After each step.
        memory : Tensor of shape (sequence, entry)
            After the last step.
        """
        hidden, (cell, normaliser, stabiliser) = entry[0], self.split(entry[1])
        emitted = []
        for drive in (self.input(inputs) + self.bias).unbind(dim=1):
            put, forget, candidate, output = (drive + self.recurrent(hidden)).chunk(4, dim=1)
            decayed = nn.functional.logsigmoid(forget) + stabiliser
            stabiliser = torch.maximum(decayed, put)
            kept, taken = torch.exp(decayed - stabiliser), torch.exp(put - stabiliser)
            cell = kept * cell + taken * torch.tanh(candidate)
            normaliser = kept * normaliser + taken
            hidden = torch.sigmoid(output) * cell / normaliser
            emitted.append(hidden)
        return torch.stack(emitted, dim=1), joined([cell, normaliser, stabiliser])


class MLSTM(CellLayer):
    """A matrix memory for each head, written by the outer products of values and keys.

    With u = E x, q, k, v = W u and gates that read u: C' = f C + i v k^T, n' = f n + i k, and
    h' = sigmoid(o) C' q / max(abs(n' q), 1), where i is an exponential, f a sigmoid and keys are
    divided by the root of their size. C and n are kept divided by exp(m), see
    :func:`hmmlens.rnn.cells.scans.exponential_gates`. The memory holds C as
    ``matrix[head,value,key]``.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units. Their heads have the size :func:`hmmlens.rnn.cells.registry.head_size`.
    """

    def __init__(self, n_inputs: int, n_units: int) -> None:
        size = head_size(n_units)
        n_heads = n_units // size
        parts = {
            "matrix": (n_heads, size, size),
            "normaliser": (n_heads, size),
            "stabiliser": (n_heads,),
        }
        super().__init__(n_units, parts, {"stabiliser": LOWEST})
        self.n_heads = n_heads
        self.encoder = nn.Linear(n_inputs, n_units)
        self.query, self.key, self.value, self.output = (
            nn.Linear(n_units, n_units) for _ in range(4)
        )
        self.gates = nn.Linear(n_units, 2 * n_heads, bias=False)
        self.gate_bias = nn.Parameter(torch.empty(2 * n_heads))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set the biases of the gates to their initial values."""
        self.gate_bias.zero_()
        self.gate_bias[self.n_heads :] = torch.linspace(*FORGET_BIAS, self.n_heads)

    def run(self, inputs: Tensor, entry: Entry) -> tuple[Tensor, Tensor]:
        """Run the layer from a state.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time, feature)
            What the layer reads.
        entry : tuple of Tensor
            ``(hidden, memory)`` before the first step.

        Returns
        -------
        hidden : Tensor of shape (sequence, time, unit)
            After each step.
        memory : Tensor of shape (sequence, entry)
            After the last step.
        """
        matrix, normaliser, stabiliser = self.split(entry[1])
        u = self.encoder(inputs)
        query, key, value = (
            part(u).unflatten(-1, (self.n_heads, -1)) for part in (self.query, self.key, self.value)
        )
        key = key * key.shape[-1] ** -0.5
        put, forget = (self.gates(u) + self.gate_bias).chunk(2, dim=-1)
        decay, gate, maximum = exponential_gates(nn.functional.logsigmoid(forget), put, stabiliser)
        keys = linear_scan(decay[..., None].expand(key.shape), gate[..., None] * key, normaliser)
        products = gate[..., None, None] * value[..., :, None] * key[..., None, :]
        matrices = linear_scan(decay[..., None, None].expand(products.shape), products, matrix)
        length = (keys * query).sum(dim=-1).abs()
        one = torch.exp((-maximum).clamp(max=LARGEST_EXPONENT))
        read = (matrices @ query[..., None]).squeeze(-1) / torch.maximum(length, one)[..., None]
        hidden = torch.sigmoid(self.output(u)) * read.flatten(2)
        return hidden, joined([matrices[:, -1], keys[:, -1], maximum[:, -1]])
