"""Networks whose answer is known: exact machines and an exact integrator, stepped in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class MachineNetwork:
    """A deterministic machine whose state is an indicator of its class.

    Parameters
    ----------
    moves : ndarray of shape (class, symbol)
        Next class.
    outputs : ndarray of shape (class, output)
        Output of each class.
    noise : float
        Standard deviation of noise that is added to the output.
    """

    def __init__(self, moves: Any, outputs: Any, noise: float = 0.0) -> None:
        self.moves, self.outputs = np.array(moves), np.array(outputs, dtype=float)
        self.noise = noise
        self._rng = np.random.default_rng(0)

    def start(self, n_sequences: int) -> NDArray[np.float64]:
        state = np.zeros((n_sequences, len(self.moves)))
        state[:, 0] = 1
        return state

    def step(self, state: NDArray[np.float64], symbols: NDArray[np.int64]) -> Any:
        return np.eye(len(self.moves))[self.moves[state.argmax(axis=1), symbols]]

    def readout(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        return state @ self.outputs + self.noise * self._rng.normal(
            size=(len(state), self.outputs.shape[1])
        )


class Integrator:
    """A sum of its inputs, clipped to -1 and 1 where ``clipped``."""

    def __init__(self, clipped: bool = False) -> None:
        self.clipped = clipped

    def start(self, n_sequences: int) -> NDArray[np.float64]:
        return np.zeros((n_sequences, 1))

    def step(self, state: NDArray[np.float64], inputs: NDArray[np.float64]) -> Any:
        following = state + inputs
        return np.clip(following, -1, 1) if self.clipped else following

    def readout(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        return state


PARITY = MachineNetwork([[0, 1], [1, 0]], [[-1.0], [1.0]])
#: A traffic light: six states, three colours; symbol 1 moves on.
TRAFFIC = MachineNetwork([[k, (k + 1) % 6] for k in range(6)], np.eye(3)[[0, 1, 2, 0, 2, 1]])
#: A cue (1 or 2) is held in silence until a probe (3) asks for it.
MATCH = MachineNetwork(
    [[0, 1, 2, 0], [1, 1, 2, 3], [2, 1, 2, 4], [0, 1, 2, 0], [0, 1, 2, 0]],
    [[0.0], [0.0], [0.0], [1.0], [-1.0]],
)


def run(network: Any, inputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return the outputs (sequence, time, output) of a network."""
    state, outputs = network.start(len(inputs)), []
    for t in range(inputs.shape[1]):
        state = network.step(state, inputs[:, t])
        outputs.append(network.readout(state))
    return np.stack(outputs, axis=1)


def classes_of(network: MachineNetwork, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class (sequence, time) that a machine is in."""
    state, found = network.start(len(inputs)), []
    for t in range(inputs.shape[1]):
        state = network.step(state, inputs[:, t])
        found.append(state.argmax(axis=1))
    return np.stack(found, axis=1)
