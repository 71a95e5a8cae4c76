"""A recurrent network driven by white noise, whose readout is the distribution of a symbol.

It follows the recurrence protocol of :mod:`hmmlens.rnn.recurrent_network`: ``state = step(state,
noise)`` and ``logits = readout(state)``; a state is ``((hidden,),)``, or ``((hidden, cell),)`` for
an LSTM. The network does not receive the symbols that it emitted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hmmlens.rnn.equations import CELLS, EMULATING
from hmmlens.rnn.recurrent_network import State

#: Cells with one drive per unit, whose activation is the function named here.
ACTIVATIONS: dict[str, Any] = {"relu": torch.relu, "tanh": torch.tanh}


class Modulation(NamedTuple):
    """Factors on units while the network runs.

    Attributes
    ----------
    drive : float or Tensor of shape (unit,) or (sequence, unit), default=1.0
        On what a unit receives from other units.
    noise : float or Tensor of shape (unit,) or (sequence, unit), default=1.0
        On what it receives from the noise.
    output : float or Tensor of shape (unit,) or (sequence, unit), default=1.0
        On its output, after the activation; 0 ablates the unit.
    """

    drive: Tensor | float = 1.0
    noise: Tensor | float = 1.0
    output: Tensor | float = 1.0


class NoiseDriven(nn.Module):
    """One recurrent layer that is driven by noise, and a linear readout.

    With ``relu``: h_t = (1 - leak) h_(t-1) + leak relu(W h_(t-1) + U x_t + b), logits A h_t + c,
    x_t standard normal. Torre et al. 2025 have ``relu``, no biases and ``leak`` 1.

    Parameters
    ----------
    cell : str, default="relu"
        A name of :data:`hmmlens.rnn.equations.EMULATING`: ``relu``, ``tanh``, ``gru`` or ``lstm``.
    n_noise : int, default=100
        Dimensions of the noise.
    n_units : int, default=150
        Units of the layer.
    n_symbols : int, default=3
        Symbols of the readout.
    bias : bool, default=False
        Whether units and readout have biases.
    leak : float, default=1.0
        Share of the state that is renewed in a step, above 0 and at most 1; of ``relu`` and
        ``tanh`` only.

    Examples
    --------
    >>> network = NoiseDriven("gru", n_noise=4, n_units=8, n_symbols=3)
    >>> hidden, state = network.run(torch.randn(2, 10, 4))
    >>> hidden.shape, network.readout(state).shape
    (torch.Size([2, 10, 8]), torch.Size([2, 3]))
    """

    def __init__(
        self,
        cell: str = "relu",
        n_noise: int = 100,
        n_units: int = 150,
        n_symbols: int = 3,
        *,
        bias: bool = False,
        leak: float = 1.0,
    ) -> None:
        super().__init__()
        self.cell, self.n_noise, self.n_units, self.n_symbols = cell, n_noise, n_units, n_symbols
        self.bias, self.leak = bias, leak
        if cell in ACTIVATIONS:
            self.recurrent = nn.Linear(n_units, n_units, bias=bias)
            self.noise = nn.Linear(n_noise, n_units, bias=False)
            # The bound of torch's own recurrent layers, that of the units, for both.
            nn.init.uniform_(self.noise.weight, -(n_units**-0.5), n_units**-0.5)
        else:
            self.gates = CELLS[EMULATING[cell]].cell_type()(n_noise, n_units, bias=bias)
        self.out = nn.Linear(n_units, n_symbols, bias=bias)

    def start(self, n_sequences: int) -> State:
        """Return the zero state.

        Parameters
        ----------
        n_sequences : int
            Sequences that run at once.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, unit)
            Hidden state and, of an LSTM, cell state.
        """
        zero = self.out.weight.new_zeros(n_sequences, self.n_units)
        return ((zero,) * CELLS[EMULATING[self.cell]].n_states,)

    def received(self, noise: Tensor) -> Tensor:
        """Return what each unit receives from the noise; of ``relu`` and ``tanh`` only.

        The same noise can then be received to many changed copies of a network at no further cost.

        Parameters
        ----------
        noise : Tensor of shape (..., noise)
            The noise.

        Returns
        -------
        Tensor of shape (..., unit)
            U x.
        """
        received: Tensor = self.noise(noise)
        return received

    def drive(self, state: State, noise: Tensor, modulation: Modulation | None = None) -> Tensor:
        """Return the pre-activation of a step; of ``relu`` and ``tanh`` only.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, unit)
            The state before the step.
        noise : Tensor of shape (sequence, noise)
            The noise of the step.
        modulation : Modulation, optional
            Factors on what the units receive.

        Returns
        -------
        Tensor of shape (sequence, unit)
            W h + U x + b.
        """
        return self._drive(state, self.received(noise), modulation)

    def _drive(self, state: State, received: Tensor, modulation: Modulation | None) -> Tensor:
        own = self.recurrent(state[0][0])
        if modulation is not None:
            own, received = modulation.drive * own, modulation.noise * received
        total: Tensor = own + received
        return total

    def advance(
        self, state: State, received: Tensor, modulation: Modulation | None = None
    ) -> State:
        """Advance by one step, as :meth:`step`, from what the units receive from the noise.

        Of ``relu`` and ``tanh`` only.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, unit)
            The state before the step.
        received : Tensor of shape (sequence, unit)
            See :meth:`received`.
        modulation : Modulation, optional
            Factors on the units.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, unit)
            The state after the step.
        """
        new = ACTIVATIONS[self.cell](self._drive(state, received, modulation))
        if self.leak != 1:
            new = state[0][0] + self.leak * (new - state[0][0])
        return ((new if modulation is None else modulation.output * new,),)

    def step(self, state: State, noise: Tensor, modulation: Modulation | None = None) -> State:
        """Advance by one step.

        In ``gru`` and ``lstm`` a modulation's ``drive`` acts on the state that the gates read and
        ``noise`` on nothing, as there is not one drive per unit.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, unit)
            The state before the step.
        noise : Tensor of shape (sequence, noise)
            The noise of the step.
        modulation : Modulation, optional
            Factors on the units.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, unit)
            The state after the step.
        """
        if self.cell in ACTIVATIONS:
            return self.advance(state, self.received(noise), modulation)
        before = state[0]
        if modulation is not None:
            before = (modulation.drive * before[0], *before[1:])
        one = len(before) == 1
        after = self.gates(noise, before[0] if one else before)
        entry = (after,) if one else tuple(after)
        if modulation is not None:
            entry = (modulation.output * entry[0], *entry[1:])
        return (entry,)

    def readout(self, state: State) -> Tensor:
        """Return the logits of a state.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, unit)
            A state.

        Returns
        -------
        Tensor of shape (sequence, symbol)
            Logits.
        """
        logits: Tensor = self.out(state[0][0])
        return logits

    def run(self, noise: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run the network along noise.

        Parameters
        ----------
        noise : Tensor of shape (sequence, time, noise)
            The noise.
        state : tuple of tuple of Tensor of shape (sequence, unit), optional
            The state before the first step; by default zero.

        Returns
        -------
        hidden : Tensor of shape (sequence, time, unit)
            The hidden state after each step.
        state : tuple of tuple of Tensor of shape (sequence, unit)
            The state after the last step.
        """
        state = self.start(len(noise)) if state is None else state
        hidden = []
        for t in range(noise.shape[1]):
            state = self.step(state, noise[:, t])
            hidden.append(state[0][0])
        return torch.stack(hidden, dim=1), state
