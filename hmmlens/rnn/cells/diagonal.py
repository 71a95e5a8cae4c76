"""Linear recurrences with constant complex coefficients: LRU and S4D.

Their complex state is the parts ``real`` and ``imaginary`` of the memory. A gated linear unit
follows, as in the blocks of both papers: the layer emits u + a sigmoid(b) with (a, b) = W gelu(y),
for u = E x, what the recurrence is driven by, and y, its output.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from hmmlens.rnn.cells.layer import CellLayer, Entry, joined
from hmmlens.rnn.cells.registry import S4D_STATES
from hmmlens.rnn.cells.scans import linear_scan


class _Diagonal(CellLayer):
    """A complex state of any shape with constant decay, and a gated linear unit."""

    def __init__(self, n_inputs: int, n_units: int, shape: tuple[int, ...]) -> None:
        super().__init__(n_units, {"real": shape, "imaginary": shape})
        self.encoder = nn.Linear(n_inputs, n_units)
        self.block = nn.Sequential(nn.GELU(), nn.Linear(n_units, 2 * n_units), nn.GLU(dim=-1))

    @abstractmethod
    def _decay(self) -> Tensor:
        """Return the complex factors of the state."""

    @abstractmethod
    def _drive(self, inputs: Tensor) -> Tensor:
        """Return what is added to the state, from inputs (sequence, time, unit)."""

    @abstractmethod
    def _emitted(self, states: Tensor, inputs: Tensor) -> Tensor:
        """Return the output of the recurrence (sequence, time, unit)."""

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
        u = self.encoder(inputs)
        drive = self._drive(u)
        initial = torch.complex(*self.split(entry[1]))
        states = linear_scan(self._decay().expand(drive.shape), drive, initial)
        last = states[:, -1]
        return u + self.block(self._emitted(states, u)), joined([last.real, last.imag])


class LRU(_Diagonal):
    """Linear Recurrent Unit (Orvieto et al. 2023).

    x' = a x + g B u and y = Re(C x) + D u, with a = exp(-exp(v) + i exp(w)); at the start of
    training a is uniform in a ring of the complex plane and g = sqrt(1 - abs(a)^2).

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units, and complex states.
    ring : tuple of float, default=(0.9, 0.999)
        Radii of the ring.
    largest_phase : float, default=2 pi
        Phases are between 0 and this.
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        ring: tuple[float, float] = (0.9, 0.999),
        largest_phase: float = 2 * math.pi,
    ) -> None:
        super().__init__(n_inputs, n_units, (n_units,))
        self.ring, self.largest_phase = ring, largest_phase
        self.log_rate, self.log_phase, self.log_scale, self.direct = (
            nn.Parameter(torch.empty(n_units)) for _ in range(4)
        )
        # Real and imaginary parts are along the last axis.
        self.read_in, self.read_out = (
            nn.Parameter(torch.empty(n_units, n_units, 2)) for _ in range(2)
        )
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Sample the recurrence anew."""
        low, high = (radius**2 for radius in self.ring)
        square = low + (high - low) * torch.rand(self.n_units)
        self.log_rate.copy_(torch.log(-0.5 * torch.log(square)))
        phase = self.largest_phase * torch.rand(self.n_units)
        self.log_phase.copy_(torch.log(phase.clamp_min(1e-6)))
        self.log_scale.copy_(0.5 * torch.log1p(-square))
        self.read_in.normal_(std=(2 * self.n_units) ** -0.5)
        self.read_out.normal_(std=self.n_units**-0.5)
        self.direct.normal_()

    def _decay(self) -> Tensor:
        return torch.exp(torch.complex(-self.log_rate.exp(), self.log_phase.exp()))

    def _drive(self, inputs: Tensor) -> Tensor:
        scaled = self.log_scale.exp()[:, None, None] * self.read_in
        parts = torch.einsum("nuc,stu->stnc", scaled, inputs)
        return torch.view_as_complex(parts.contiguous())

    def _emitted(self, states: Tensor, inputs: Tensor) -> Tensor:
        real, imaginary = self.read_out.unbind(dim=-1)
        return states.real @ real.T - states.imag @ imaginary.T + self.direct * inputs


class S4D(_Diagonal):
    """Diagonal state space, S4D-Lin (Gu et al. 2022), discretised by zero-order hold.

    Each unit has its own states: x' = exp(dA) x + (exp(dA) - 1) / A u and y = 2 Re(C x) + D u,
    with A = -exp(r) + i w, which is -1/2 + i pi n for state n at the start of training.

    Parameters
    ----------
    n_inputs : int
        Input features.
    n_units : int
        Units.
    n_states : int, default=4
        Complex states of each unit; the conjugate of each counts in the output.
    steps : tuple of float, default=(0.001, 0.1)
        Steps d of the discretisation are log-uniform between these at the start of training.
    """

    def __init__(
        self,
        n_inputs: int,
        n_units: int,
        n_states: int = S4D_STATES,
        steps: tuple[float, float] = (0.001, 0.1),
    ) -> None:
        super().__init__(n_inputs, n_units, (n_units, n_states))
        self.steps = steps
        self.log_step, self.direct = (nn.Parameter(torch.empty(n_units)) for _ in range(2))
        self.log_rate, self.frequency = (
            nn.Parameter(torch.empty(n_units, n_states)) for _ in range(2)
        )
        # Real and imaginary parts are along the last axis.
        self.read_out = nn.Parameter(torch.empty(n_units, n_states, 2))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Sample the recurrence anew."""
        low, high = (math.log(step) for step in self.steps)
        self.log_step.uniform_(low, high)
        self.log_rate.fill_(math.log(0.5))
        self.frequency.copy_(
            math.pi * torch.arange(self.frequency.shape[1]).float().expand_as(self.frequency)
        )
        self.read_out.normal_(std=0.5**0.5)
        self.direct.normal_()

    def _decay(self) -> Tensor:
        return torch.exp(self.log_step.exp()[:, None] * self._rates())

    def _rates(self) -> Tensor:
        return torch.complex(-self.log_rate.exp(), self.frequency)

    def _drive(self, inputs: Tensor) -> Tensor:
        return (self._decay() - 1) / self._rates() * inputs[..., None]

    def _emitted(self, states: Tensor, inputs: Tensor) -> Tensor:
        real, imaginary = self.read_out.unbind(dim=-1)
        total = (states.real * real - states.imag * imaginary).sum(dim=-1)
        return 2 * total + self.direct * inputs
