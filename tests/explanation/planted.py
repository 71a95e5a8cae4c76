"""A network whose states were built by hand, and its data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import sample_flipflop
from hmmlens.rnn.recurrent_network import RecurrentNetwork

#: The smallest settings of an explanation.
QUICK: dict[str, Any] = {"n_states": [1, 2], "n_restarts": 1, "n_components": 2}


def latch(gain: float) -> RecurrentNetwork:
    """Return one tanh unit for each of two bits: a pulse sets it, a gain above 1 keeps it."""
    network = RecurrentNetwork("vanilla", 2, 2, 2, symbols_in=False, symbols_out=False)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(torch.zeros_like(value))
            if "weight_hh" in name:
                value.copy_(gain * torch.eye(2))
            elif "weight_ih" in name:
                value.copy_(6 * torch.eye(2))
            elif name == "out.weight":
                value.copy_(torch.eye(2))
    return network


def pulses() -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return 30 sequences of 60 steps of pulses, and the states of the two bits."""
    inputs, _, states = sample_flipflop(2, 0.15, 30, 60, np.random.default_rng(0))
    return inputs.astype(np.float32), states


class Last(torch.nn.Module):
    """Returns an output at the last step only, and fails on wide inputs."""

    def __init__(self, n_outputs: int, every_step: bool) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(2, 3, batch_first=True)
        self.out = torch.nn.Linear(3, n_outputs)
        self.every_step = every_step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.rnn(x)
        outputs: torch.Tensor = self.out(hidden if self.every_step else hidden[:, -1])
        return outputs


class Transformed(Last):
    """Returns its readout transformed by ``way``."""

    def __init__(self, way: Any) -> None:
        super().__init__(2, every_step=True)
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.way(super().forward(x))
        return outputs


class AtTheEnd(torch.nn.Module):
    """Returns what a network returns at the last step alone, or the mean over all steps."""

    def __init__(self, network: RecurrentNetwork, mean: bool = False) -> None:
        super().__init__()
        self.rnn, self.out, self.mean = network.layers[0], network.out, mean

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.rnn(x)
        read: torch.Tensor = self.out(hidden.mean(dim=1) if self.mean else hidden[:, -1])
        return read


def spoilt(value: float) -> Any:
    """Return a function that puts ``value`` at step 7 of the second output."""

    def way(outputs: torch.Tensor) -> torch.Tensor:
        outputs = outputs.clone()
        outputs[:, 7, 1] = value
        return outputs

    return way


def whole(outputs: torch.Tensor, value: float) -> torch.Tensor:
    """Return outputs of the same value at every step."""
    return outputs * 0 + value
