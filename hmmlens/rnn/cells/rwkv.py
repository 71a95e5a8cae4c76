"""The time mixing of RWKV-4 (Peng et al. 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hmmlens.rnn.cells.layer import LOWEST, CellLayer, Entry, joined
from hmmlens.rnn.cells.scans import exponential_gates, linear_scan


class RWKV(CellLayer):
    """An average of values, weighted by exponentials of keys that decay at a constant rate.

    With u = E x and inputs that are mixed with those of the step before: r, k, v = W u; the
    average is (a + exp(b + k) v) / (n + exp(b + k)); then a' = exp(-w) a + exp(k) v and
    n' = exp(-w) n + exp(k), where w = exp(``log_rate``) and b is ``bonus``. The layer emits
    O (sigmoid(r) times the average). The memory holds u of the last step (``previous``), and a and
    n (``numerator``, ``denominator``) divided by the exponential of ``maximum``.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units.
    """

    def __init__(self, n_inputs: int, n_units: int) -> None:
        names = ("previous", "numerator", "denominator", "maximum")
        super().__init__(n_units, dict.fromkeys(names, (n_units,)), {"maximum": LOWEST})
        self.encoder = nn.Linear(n_inputs, n_units)
        self.receptance, self.key, self.value, self.output = (
            nn.Linear(n_units, n_units, bias=False) for _ in range(4)
        )
        self.log_rate, self.bonus = (nn.Parameter(torch.empty(n_units)) for _ in range(2))
        #: Shares of the present input in receptance, key and value.
        self.mix = nn.Parameter(torch.empty(3, n_units))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set rates, bonus and mixing to the initial values of a first layer."""
        place = torch.arange(self.n_units)
        self.log_rate.copy_(-5 + 8 * (place / max(1, self.n_units - 1)) ** 0.7)
        self.bonus.copy_(math.log(0.3) + 0.5 * ((place + 1) % 3 - 1))
        share = place / self.n_units
        self.mix.copy_(torch.stack([share.sqrt(), share, share]))

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
        previous, numerator, denominator, highest = self.split(entry[1])
        u = self.encoder(inputs)
        before = torch.cat([previous[:, None], u[:, :-1]], dim=1)
        mixed = [before + share * (u - before) for share in self.mix]
        receptance, key, value = (
            part(x) for part, x in zip((self.receptance, self.key, self.value), mixed, strict=True)
        )
        log_decay = -self.log_rate.exp().expand(key.shape)
        decay, gate, maximum = exponential_gates(log_decay, key, highest)
        sums = linear_scan(decay, gate * value, numerator)
        weights = linear_scan(decay, gate, denominator)
        # The average weighs the present value by its bonus, next to the sums of the step before.
        sums_before, weights_before, maximum_before = (
            torch.cat([first[:, None], later[:, :-1]], dim=1)
            for first, later in ((numerator, sums), (denominator, weights), (highest, maximum))
        )
        own = self.bonus + key
        largest = torch.maximum(maximum_before, own)
        old, new = torch.exp(maximum_before - largest), torch.exp(own - largest)
        average = (old * sums_before + new * value) / (old * weights_before + new)
        hidden = self.output(torch.sigmoid(receptance) * average)
        return hidden, joined([u[:, -1], sums[:, -1], weights[:, -1], maximum[:, -1]])
