"""What all layers of this package share: hidden units, and a memory with named entries.

The state of a layer is ``(hidden, memory)``, as it is ``(hidden, cell)`` in an LSTM. ``hidden``
(sequence, unit) is what the layer emits, which the readout and the next layer read; it may depend
on the present input. ``memory`` (sequence, entry) is all that the layer keeps, its parts next to
each other.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

#: Hidden units and memory of one layer.
Entry: TypeAlias = tuple[Tensor, ...]

#: Where a running maximum of exponents begins: its exponential is 0 next to that of any other.
LOWEST = -1e30


class CellLayer(nn.Module, ABC):
    """A recurrent layer that is run at once over time, or step by step.

    Parameters
    ----------
    n_units : int
        Units of its output.
    parts : mapping of str to tuple of int
        Shape of each part of the memory, in their order.
    starts : mapping of str to float, default={}
        With what a part is filled before the first step, where it is not zero.
    """

    def __init__(
        self,
        n_units: int,
        parts: Mapping[str, tuple[int, ...]],
        starts: Mapping[str, float] = {},
    ) -> None:
        super().__init__()
        self.n_units, self.parts, self.starts = n_units, dict(parts), dict(starts)
        self._sizes = [math.prod(shape) for shape in self.parts.values()]

    @abstractmethod
    def reset_parameters(self) -> None:
        """Sample the layer's own parameters anew; those of modules inside sample themselves."""

    @abstractmethod
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

    def forward(self, inputs: Tensor) -> tuple[Tensor, Entry]:
        """Run the layer from its initial state, as torch's layers do.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time, feature)
            What the layer reads.

        Returns
        -------
        hidden : Tensor of shape (sequence, time, unit)
            After each step.
        entry : tuple of Tensor
            ``(hidden, memory)`` after the last step.
        """
        hidden, memory = self.run(inputs, self.start(len(inputs)))
        return hidden, (hidden[:, -1], memory)

    def start(self, n_sequences: int) -> Entry:
        """Return the state before the first step.

        Parameters
        ----------
        n_sequences : int
            Sequences that run at once.

        Returns
        -------
        tuple of Tensor
            ``hidden`` (sequence, unit) and ``memory`` (sequence, entry).
        """
        like = next(self.parameters())
        filled = [
            like.new_full((n_sequences, size), self.starts.get(name, 0.0))
            for name, size in zip(self.parts, self._sizes, strict=True)
        ]
        return like.new_zeros(n_sequences, self.n_units), torch.cat(filled, dim=1)

    def step(self, entry: Entry, inputs: Tensor) -> Entry:
        """Advance the layer by one step.

        Parameters
        ----------
        entry : tuple of Tensor
            ``(hidden, memory)`` before the step.
        inputs : Tensor of shape (sequence, feature)
            The input of the step.

        Returns
        -------
        tuple of Tensor
            ``(hidden, memory)`` after the step.
        """
        hidden, memory = self.run(inputs[:, None], entry)
        return hidden[:, 0], memory

    def memory_names(self) -> list[str]:
        """Return the name of each entry of the memory.

        Returns
        -------
        list of str
            Such as ``real[3]``, or ``matrix[0,2,5]`` for head 0, row 2 and column 5.
        """
        return [
            f"{name}[{','.join(map(str, index))}]"
            for name, shape in self.parts.items()
            for index in np.ndindex(*shape)
        ]

    def split(self, memory: Tensor) -> list[Tensor]:
        """Return the parts of a memory.

        Parameters
        ----------
        memory : Tensor of shape (sequence, entry)
            The memory.

        Returns
        -------
        list of Tensor
            Each of the shape that the layer names, behind (sequence,).
        """
        pieces = memory.split(self._sizes, dim=1)
        return [
            piece.reshape(len(memory), *shape)
            for piece, shape in zip(pieces, self.parts.values(), strict=True)
        ]


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Return the memory that :meth:`CellLayer.split` takes apart.

    Parameters
    ----------
    parts : sequence of Tensor
        Each (sequence, ...).

    Returns
    -------
    Tensor of shape (sequence, entry)
        The parts next to each other.
    """
    return torch.cat([part.flatten(1) for part in parts], dim=1)
