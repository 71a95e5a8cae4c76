"""Mamba: a state space whose step, input and output depend on the input (Gu & Dao 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hmmlens.rnn.cells.layer import CellLayer, Entry, joined
from hmmlens.rnn.cells.registry import MAMBA_EXPANSION, MAMBA_STATES, MAMBA_WINDOW
from hmmlens.rnn.cells.scans import linear_scan


class Mamba(CellLayer):
    """The block of Mamba-1, after a linear encoder u of the input.

    (x, z) = W u; x = silu(causal convolution of x); (r, B, C) = V x; d = softplus(T r + b);
    h' = exp(d A) h + d B x; y = C h + D x; the layer emits O (y silu(z)). The memory holds h as
    ``state[channel,state]`` and the inputs of the convolution in the steps before as
    ``window[channel,step]``, the latest last.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units.
    expansion : int, default=2
        Channels of the block for each unit.
    n_states : int, default=4
        States of each channel.
    n_window : int, default=4
        Steps of the convolution.
    steps : tuple of float, default=(0.001, 0.1)
        Steps d at the start of training, for an input of zero, are log-uniform between these.
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        expansion: int = MAMBA_EXPANSION,
        n_states: int = MAMBA_STATES,
        n_window: int = MAMBA_WINDOW,
        steps: tuple[float, float] = (0.001, 0.1),
    ) -> None:
        n = expansion * n_units
        super().__init__(n_units, {"state": (n, n_states), "window": (n, n_window - 1)})
        self.n_states, self.steps = n_states, steps
        self.rank = -(-n_units // 16)
        self.encoder = nn.Linear(n_inputs, n_units)
        self.project_in = nn.Linear(n_units, 2 * n, bias=False)
        self.convolution = nn.Conv1d(n, n, n_window, groups=n)
        self.select = nn.Linear(n, self.rank + 2 * n_states, bias=False)
        self.step_size = nn.Linear(self.rank, n, bias=False)
        self.step_bias, self.direct = (nn.Parameter(torch.empty(n)) for _ in range(2))
        self.log_rate = nn.Parameter(torch.empty(n, n_states))
        self.project_out = nn.Linear(n, n_units, bias=False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Sample the steps anew, and set rates and direct connections to their initial values."""
        low, high = (math.log(step) for step in self.steps)
        step = torch.empty_like(self.step_bias).uniform_(low, high).exp()
        # The inverse of softplus.
        self.step_bias.copy_(step + torch.log(-torch.expm1(-step)))
        rates = torch.arange(1, self.n_states + 1).float()
        self.log_rate.copy_(rates.log().expand_as(self.log_rate))
        self.direct.fill_(1.0)

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
        initial, window = self.split(entry[1])
        x, z = self.project_in(self.encoder(inputs)).chunk(2, dim=-1)
        seen = torch.cat([window, x.transpose(1, 2)], dim=2)
        x = nn.functional.silu(self.convolution(seen).transpose(1, 2))
        sizes = [self.rank, self.n_states, self.n_states]
        narrow, put, read = self.select(x).split(sizes, dim=-1)
        step = nn.functional.softplus(self.step_size(narrow) + self.step_bias)
        decay = torch.exp(-step[..., None] * self.log_rate.exp())
        states = linear_scan(decay, (step * x)[..., None] * put[:, :, None], initial)
        y = (states * read[:, :, None]).sum(dim=-1) + self.direct * x
        hidden = self.project_out(y * nn.functional.silu(z))
        kept = seen[:, :, seen.shape[2] - window.shape[2] :]
        return hidden, joined([states[:, -1], kept])
