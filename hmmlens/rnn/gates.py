"""The steps of gated cells of noise-driven networks, in which one gate can be held at a value.

The equations are those of :mod:`hmmlens.rnn.equations`; gates have the names that they have in the
tables of emulation studies.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.rnn.equations import CELLS, EMULATING, Arithmetic
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State

#: The gates of each cell that has some, in torch's order of the rows of its weights.
GATES: dict[str, tuple[str, ...]] = {
    name: tuple(CELLS[cell].gates.values()) for name, cell in EMULATING.items() if CELLS[cell].gates
}

#: The output of a unit, which can be held as a gate can; held at 0 the unit is ablated.
SENT = "sent"

_ARITHMETIC = Arithmetic(torch.sigmoid, torch.tanh, torch.relu, lambda a, b, c: a + b * c)


class Hold(NamedTuple):
    """One gate of some units that is held at a value.

    Attributes
    ----------
    gate : str
        Its name in :data:`GATES`, or :data:`SENT`.
    units : Tensor of shape (sequence, unit) or (unit,)
        The units whose gate is held, as a mask.
    value : Tensor of shape (sequence, unit) or (unit,)
        The value that it is held at.
    """

    gate: str
    units: Tensor
    value: Tensor


class GatedStep(NamedTuple):
    """One step of a gated cell.

    Attributes
    ----------
    state : tuple of tuple of Tensor
        The state after the step.
    gates : dict of str to Tensor of shape (sequence, unit)
        Activation of each gate in the step, and the output ``sent``.
    """

    state: State
    gates: dict[str, Tensor]


def received(network: NoiseDriven, noise: Tensor) -> Tensor:
    """Return what the gates receive from the noise.

    Parameters
    ----------
    network : NoiseDriven
        A network of a gated cell.
    noise : Tensor of shape (..., noise)
        The noise.

    Returns
    -------
    Tensor of shape (..., gate * unit)
        What :func:`advance` takes, which is the same for all copies of a network.

    Raises
    ------
    DataError
        When the cell has no gates.
    """
    if network.cell not in GATES:
        raise DataError(f"a {network.cell} cell has no gates")
    cell = network.gates
    drive: Tensor = torch.nn.functional.linear(noise, cell.weight_ih, cell.bias_ih)
    return drive


def advance(
    network: NoiseDriven, state: State, drive: Tensor, hold: Hold | None = None
) -> GatedStep:
    """Advance by one step from what the gates receive from the noise.

    Parameters
    ----------
    network : NoiseDriven
        A network of a gated cell.
    state : tuple of tuple of Tensor
        The state before the step.
    drive : Tensor of shape (sequence, gate * unit)
        See :func:`received`.
    hold : Hold, optional
        The gate that is held at a value.

    Returns
    -------
    GatedStep
        The state after the step, and the gates in it.

    Raises
    ------
    DataError
        When the cell has no gate of the name that is to be held.
    """
    entry = CELLS[EMULATING[network.cell]]
    if hold is not None and hold.gate not in (*GATES[network.cell], SENT):
        raise DataError(f"a {network.cell} cell has no gate {hold.gate!r}")
    gates: dict[str, Tensor] = {}

    def _used(name: str, value: Tensor) -> Tensor:
        if hold is not None and hold.gate == name:
            value = torch.where(hold.units, hold.value, value)
        gates[name] = value
        return value

    def _keep(name: str, preactivation: Tensor, activation: Tensor) -> Tensor:
        return _used(entry.gates[name], activation)

    cell = network.gates
    recurrent = torch.nn.functional.linear(state[0][0], cell.weight_hh, cell.bias_hh)
    hidden, *memory = entry.equations(drive, recurrent, state[0], _ARITHMETIC, _keep)
    return GatedStep(((_used(SENT, hidden), *memory),), gates)
