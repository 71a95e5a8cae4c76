"""Networks in plain NumPy that have nothing but a step, and whose dynamics are known on paper."""

from __future__ import annotations

import numpy as np


class LinearMap:
    """h_t = W h_(t-1) + x_t."""

    def __init__(self, weight: np.ndarray) -> None:
        self.weight = weight

    def step(self, state: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(state @ self.weight.T + inputs)


class Ring:
    """A planar map whose radius goes to 1 and whose angle advances: a limit cycle around 0.

    With no advance every point of the circle is fixed. Changes its state in place.
    """

    def __init__(self, angle: float, rate: float = 0.2) -> None:
        self.rate = rate
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def step(self, state: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        state *= 1 + self.rate * (1 - (state**2).sum(axis=1, keepdims=True))
        return np.asarray(state @ self.turn.T + inputs)


class Bits:
    """Two units that each keep a sign: fixed points at (0 or +-h, 0 or +-h), h = tanh(2 h).

    Its state has the parts of an LSTM: the hidden units, and a cell that holds their sum.
    """

    def start(self, n_sequences: int) -> tuple[tuple[np.ndarray, np.ndarray]]:
        return ((np.zeros((n_sequences, 2)), np.zeros((n_sequences, 1))),)

    def step(
        self, state: tuple[tuple[np.ndarray, np.ndarray]], inputs: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray]]:
        hidden = np.tanh(2 * state[0][0] + inputs)
        return ((hidden, hidden.sum(axis=1, keepdims=True)),)

    def readout(self, state: tuple[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        return state[0][0]
