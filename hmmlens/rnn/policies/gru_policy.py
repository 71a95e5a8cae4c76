"""A recurrent actor and critic whose state is reset where an episode starts."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GRUPolicy(nn.Module):
    """A GRU with two readouts: probabilities of actions, and the value of the state.

    It follows the recurrence protocol (:mod:`hmmlens.recording.protocol`). Its input is the
    observation and, as the last feature, a flag that is 1 in the first step of an episode
    (``episode_starts``): there the state before the step is set to zero.

    Parameters
    ----------
    n_observed : int
        Features of an observation.
    n_actions : int
        Actions.
    n_units : int, default=16
        Units of the GRU.
    """

    def __init__(self, n_observed: int, n_actions: int, n_units: int = 16) -> None:
        super().__init__()
        self.n_units = n_units
        shapes = ((3 * n_units, n_observed), (3 * n_units, n_units), (3 * n_units,), (3 * n_units,))
        self.weights = nn.ParameterList(torch.empty(shape) for shape in shapes)
        self.actor, self.critic = nn.Linear(n_units, n_actions), nn.Linear(n_units, 1)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Sample the weights of the GRU as torch does."""
        for weight in self.weights:
            weight.uniform_(-(self.n_units**-0.5), self.n_units**-0.5)

    def start(self, n_sequences: int) -> Tensor:
        """Return the state before the first step.

        Parameters
        ----------
        n_sequences : int
            Environments that run at once.

        Returns
        -------
        Tensor of shape (sequence, unit)
            Zeros.
        """
        return self.actor.weight.new_zeros(n_sequences, self.n_units)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the state after one step.

        Parameters
        ----------
        state : Tensor of shape (sequence, unit)
            The state before it.
        inputs : Tensor of shape (sequence, feature)
            Observation, and the flag of an episode's first step.

        Returns
        -------
        Tensor of shape (sequence, unit)
            The state after it.
        """
        kept = state * (1 - inputs[:, -1:])
        moved: Tensor = torch.gru_cell(inputs[:, :-1], kept, *self.weights)
        return moved

    def readout(self, state: Tensor) -> Tensor:
        """Return what the policy makes of a state.

        Parameters
        ----------
        state : Tensor of shape (sequence, unit)
            The state.

        Returns
        -------
        Tensor of shape (sequence, action + 1)
            Probabilities of the actions, and the value.
        """
        return torch.cat([self.actor(state).softmax(dim=-1), self.critic(state)], dim=-1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output of each step.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time, feature)
            Observations and flags.

        Returns
        -------
        Tensor of shape (sequence, time, action + 1)
            Probabilities of the actions, and the values.
        """
        state, outputs = self.start(len(inputs)), []
        for given in inputs.unbind(dim=1):
            state = self.step(state, given)
            outputs.append(self.readout(state))
        return torch.stack(outputs, dim=1)
