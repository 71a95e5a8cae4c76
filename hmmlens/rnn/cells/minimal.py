"""minGRU and minLSTM, whose gates read the input alone (Feng et al. 2024).

The recurrence is linear in the state, with positive coefficients. As in the paper's blocks a small
nonlinear network follows, here h + W2 gelu(W1 h), which is what the layer emits.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from hmmlens.rnn.cells.layer import CellLayer, Entry, joined
from hmmlens.rnn.cells.scans import linear_scan


class _Minimal(CellLayer):
    """A linear recurrence with one state for each unit and a nonlinear network behind it."""

    def __init__(self, n_inputs: int, n_units: int, n_gates: int) -> None:
        super().__init__(n_units, {"h": (n_units,)})
        self.gates = nn.Linear(n_inputs, n_gates * n_units)
        self.candidate = nn.Linear(n_inputs, n_units)
        self.block = nn.Sequential(
            nn.Linear(n_units, n_units), nn.GELU(), nn.Linear(n_units, n_units)
        )

    def reset_parameters(self) -> None:
        """Do nothing: all parameters are those of linear maps."""

    @abstractmethod
    def _coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Return the factors of the state and of the candidate from the gates' inputs."""

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
        (initial,) = self.split(entry[1])
        kept, taken = self._coefficients(self.gates(inputs))
        states = linear_scan(kept, taken * self.candidate(inputs), initial)
        return states + self.block(states), joined([states[:, -1]])


class MinGRU(_Minimal):
    """h' = (1 - z) h + z c with z = sigmoid(Wz x), c = Wc x.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units.
    """

    def __init__(self, n_inputs: int, n_units: int) -> None:
        super().__init__(n_inputs, n_units, 1)

    def _coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        update = torch.sigmoid(gates)
        return 1 - update, update


class MinLSTM(_Minimal):
    """h' = f h + i c with f = F / (F + I), i = I / (F + I), F, I = sigmoid(W x), c = Wc x.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units.
    """

    def __init__(self, n_inputs: int, n_units: int) -> None:
        super().__init__(n_inputs, n_units, 2)

    def _coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        forget, put = torch.sigmoid(gates).chunk(2, dim=-1)
        return forget / (forget + put), put / (forget + put)
