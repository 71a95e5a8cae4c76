"""The steps of GRU and LSTM cells written out, so that one of their gates can be held.

As torch has them. GRU: r, z = sigmoid(U x + W h), n = tanh(U x + r * W h),
h' = (1 - z) n + z h (Cho et al. 2014). LSTM: i, f, o = sigmoid(U x + W h), g = tanh(U x + W h),
c' = f c + i g, h' = o tanh(c') (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State

#: The gates of each cell, in torch's order of the rows of its weights.
GATES: dict[str, tuple[str, ...]] = {
    "gru": ("reset", "update", "candidate"),
    "lstm": ("input", "forget", "cell", "output"),
}

#: What a unit sends out, which can be held as a gate can; held at 0 the unit is silenced.
SENT = "sent"


class Hold(NamedTuple):
    """One gate of some units that is kept at a value.

    gate : its name in :data:`GATES`, or :data:`SENT`.
    units : (sequence, unit) or (unit), whose gate is kept.
    value : the same, what it is kept at.
    """

    gate: str
    units: Tensor
    value: Tensor


class Moved(NamedTuple):
    """A step.

    state : after it
    gates : each gate's activation in it (sequence, unit), by name, and ``sent``
    """

    state: State
    gates: dict[str, Tensor]


def received(network: NoiseDriven, noise: Tensor) -> Tensor:
    """Return what noise (..., noise) gives the gates (..., gate and unit).

    Raises
    ------
    DataError
        When the cell has no gates.
    """
    if network.cell not in GATES:
        raise DataError(f"a {network.cell} cell has no gates")
    cell = network.gates
    given: Tensor = torch.nn.functional.linear(noise, cell.weight_ih, cell.bias_ih)
    return given


def advance(network: NoiseDriven, state: State, given: Tensor, hold: Hold | None = None) -> Moved:
    """Advance by one step from what the noise gives (sequence, gate and unit).

    Raises
    ------
    DataError
        When the cell has no gate of the name that is to be held.
    """
    if hold is not None and hold.gate not in (*GATES[network.cell], SENT):
        raise DataError(f"a {network.cell} cell has no gate {hold.gate!r}")
    gates: dict[str, Tensor] = {}

    def kept(name: str, value: Tensor) -> Tensor:
        if hold is not None and hold.gate == name:
            value = torch.where(hold.units, hold.value, value)
        gates[name] = value
        return value

    cell, hidden = network.gates, state[0][0]
    own = torch.nn.functional.linear(hidden, cell.weight_hh, cell.bias_hh)
    if network.cell == "gru":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = given.chunk(3, dim=-1), own.chunk(3, dim=-1)
        reset = kept("reset", torch.sigmoid(x_r + h_r))
        update = kept("update", torch.sigmoid(x_z + h_z))
        candidate = kept("candidate", torch.tanh(x_n + reset * h_n))
        sent = kept(SENT, candidate + update * (hidden - candidate))
        return Moved(((sent,),), gates)
    i, f, g, o = (given + own).chunk(4, dim=-1)
    put, forget = kept("input", torch.sigmoid(i)), kept("forget", torch.sigmoid(f))
    memory = forget * state[0][1] + put * kept("cell", torch.tanh(g))
    sent = kept(SENT, kept("output", torch.sigmoid(o)) * torch.tanh(memory))
    return Moved(((sent, memory),), gates)
