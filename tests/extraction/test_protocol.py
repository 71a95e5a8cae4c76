"""Objects known only by start, step and readout are recorded, and stepped once more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError
from tests.extraction.oracle import one_sequence, values

State = tuple[tuple[Any, ...], ...]
RNG = np.random.default_rng(1)
LOW = {n: RNG.normal(size=s) for n, s in (("weight_ih", (20, 3)), ("weight_hh", (20, 5)))}
HIGH = {n: RNG.normal(size=s) for n, s in (("weight_ih", (4, 5)), ("weight_hh", (4, 4)))}


class InNumpy:
    """An LSTM below a tanh layer, as another framework might have them."""

    def __init__(self, noise: float = 0.0) -> None:
        self.noise, self.rng = noise, np.random.default_rng(0)

    def start(self, n_sequences: int) -> State:
        zero = np.zeros((n_sequences, 5))
        return (zero, zero), (np.zeros((n_sequences, 4)),)

    def step(self, state: State, inputs: np.ndarray) -> State:
        (h, c), (top,) = state
        i, f, g, o = np.split(inputs @ LOW["weight_ih"].T + h @ LOW["weight_hh"].T, 4, axis=1)
        gates = [1 / (1 + np.exp(-x)) for x in (i, f, o)]
        c = gates[1] * c + gates[0] * np.tanh(g)
        h = gates[2] * np.tanh(c)
        top = np.tanh(h @ HIGH["weight_ih"].T + top @ HIGH["weight_hh"].T)
        return (h, c), (top + self.noise * self.rng.normal(size=top.shape),)

    def readout(self, state: State) -> np.ndarray:
        return 2 * state[1][0]


class InTorch(nn.Module):
    """The same without any layer of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.scale = InNumpy(), nn.Parameter(torch.ones(()))

    def start(self, n_sequences: int) -> State:
        return tuple(tuple(map(torch.from_numpy, s)) for s in self.inner.start(n_sequences))

    def step(self, state: State, inputs: Tensor) -> State:
        assert isinstance(inputs, Tensor)
        assert not self.training
        plain = tuple(tuple(s.detach().numpy() for s in entry) for entry in state)
        new = self.inner.step(plain, inputs.numpy())
        return tuple(tuple(torch.from_numpy(s) for s in entry) for entry in new)

    def readout(self, state: State) -> Tensor:
        return self.scale * 2 * state[1][0]


@pytest.mark.parametrize("model", [InNumpy(), InTorch()], ids=["NumPy", "torch"])
def test_states_of_an_object_with_steps_are_recorded(model: Any) -> None:
    x, lengths = values(), [9, 3, 5, 1, 9]
    tree = hmmlens.extract(model, x, lengths, batch_size=2, dtype="float64", warm_up=0)
    assert list(tree.children) == ["layer0", "layer1"]
    assert {n: set(node.data_vars) for n, node in tree.children.items()} == {
        "layer0": {"hidden", "cell"},
        "layer1": {"hidden"},
    }
    for row, length in enumerate(lengths):
        low = one_sequence("lstm", LOW, x[row, :length], [np.zeros(5)] * 2)
        high = one_sequence("tanh", HIGH, low["hidden"], [np.zeros(4)])
        expected = {
            "layer0/hidden": low["hidden"],
            "layer0/cell": low["cell"],
            "layer1/hidden": high["hidden"],
            "output": 2 * high["hidden"],
        }
        for name, array in expected.items():
            np.testing.assert_allclose(tree[name][row, :length], array, atol=1e-12)
            assert (tree[name][row, length:] == 0).all()
    assert tree.attrs["replay_error"] == 0
    assert tree["layer1"].attrs["replay_error"] == 0


def test_steps_that_differ_when_they_run_again_are_unknown() -> None:
    tree = hmmlens.extract(InNumpy(noise=0.1), values())
    assert math.isnan(tree.attrs["replay_error"])
    assert tree.attrs["replay"] == "unknown: steps differ when they run again"


def test_states_that_are_not_numbers_are_told() -> None:
    x = values()
    x[1, 4] = np.nan
    with pytest.raises(DataError, match="layer0 is not a number at step 4"):
        hmmlens.extract(InNumpy(), x)


def test_what_steps_do_not_show_is_told() -> None:
    for option in ("gates", "layer_inputs"):
        with pytest.raises(DataError, match="InNumpy is known by its steps only"):
            hmmlens.extract(InNumpy(), values(), **{option: True})
    with pytest.raises(DataError, match="there is no layer 'rnn'; there are: layer0, layer1"):
        hmmlens.extract(InNumpy(), values(), layers=["rnn"])
    assert list(hmmlens.extract(InNumpy(), values(), layers=["layer1"]).children) == ["layer1"]


def test_a_state_of_another_shape_is_told() -> None:
    class Flat(InNumpy):
        def step(self, state: State, inputs: np.ndarray) -> State:
            low, high = super().step(state, inputs)
            return low, (high[0][:, 0],)

        def start(self, n_sequences: int) -> State:
            return super().start(n_sequences)

        def readout(self, state: State) -> np.ndarray:
            return state[0][0]

    model = Flat()
    model.step = lambda state, inputs: (state[0], (np.zeros(3),))  # type: ignore[method-assign]
    with pytest.raises(DataError, match=r"layer1: a state's hidden must be \(sequence, unit\)"):
        hmmlens.extract(model, values(), verify="none")
