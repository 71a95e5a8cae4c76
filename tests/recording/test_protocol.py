"""Objects known only by start, step and readout are recorded, and stepped once more."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError
from tests.recording.oracle import one_sequence, values

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
        # Inputs come in the type of the parameters.
        self.inner, self.scale = InNumpy(), nn.Parameter(torch.ones((), dtype=torch.float64))

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
            assert tree[name][row, length:].isnull().all()
    assert tree.attrs["replay_error"] == 0
    assert tree["layer1"].attrs["replay_error"] == 0


def test_steps_that_differ_when_they_run_again_are_unknown() -> None:
    tree = hmmlens.extract(InNumpy(noise=0.1), values())
    assert math.isnan(tree.attrs["replay_error"])
    assert tree.attrs["replay"] == "unknown: steps differ when they run again"


def test_states_that_are_not_numbers_are_refused() -> None:
    x = values()
    x[1, 4] = np.nan
    with pytest.raises(DataError, match="layer0 is not a number at step 4"):
        hmmlens.extract(InNumpy(), x)


def test_what_steps_do_not_show_is_reported() -> None:
    for option in ("gates", "layer_inputs"):
        with pytest.raises(DataError, match="InNumpy is known by its steps only"):
            hmmlens.extract(InNumpy(), values(), **{option: True})
    with pytest.raises(DataError, match="there is no layer 'rnn'; there are: layer0, layer1"):
        hmmlens.extract(InNumpy(), values(), layers=["rnn"])
    assert list(hmmlens.extract(InNumpy(), values(), layers=["layer1"]).children) == ["layer1"]


def test_a_state_of_another_shape_is_refused() -> None:
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


# --- What a state may be ----------------------------------------------------------------------


class Leaky:
    """One leaky layer, and a slower one that reads it; ``made`` puts their states together."""

    def __init__(self, made: Any, taken: Any, in_place: bool = False) -> None:
        self.made, self.taken, self.in_place = made, taken, in_place

    def start(self, n: int) -> Any:
        return self.made(np.zeros((n, 3)), np.zeros((n, 3)))

    def step(self, state: Any, x: np.ndarray) -> Any:
        fast, slow = self.taken(state)
        if self.in_place:
            fast *= 0.5
            fast += x
            slow *= 0.9
            slow += fast
            return state
        fast = 0.5 * fast + x
        return self.made(fast, 0.9 * slow + fast)

    def readout(self, state: Any) -> np.ndarray:
        fast, slow = self.taken(state)
        return fast + slow


class Pair(NamedTuple):
    fast: Any
    slow: Any


class Named(NamedTuple):
    h: Any
    c: Any


def recurrences(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both states (sequence, time, unit) from the sums that they are."""
    t = np.arange(x.shape[1])
    powers = [np.tril(g ** np.maximum(t[:, None] - t, 0)) for g in (0.5, 0.9)]
    fast = np.einsum("ts,nsu->ntu", powers[0], x)
    return fast, np.einsum("ts,nsu->ntu", powers[1], fast)


def both(state: Any) -> Any:
    return state


WAYS: dict[str, tuple[Any, Any, list[str]]] = {
    "layers of one array": (
        lambda a, b: ((a,), (b,)), lambda s: (s[0][0], s[1][0]), ["layer0/hidden", "layer1/hidden"],
    ),
    "hidden and cell": (lambda a, b: (a, b), both, ["layer0/hidden", "layer0/cell"]),
    "one layer of two": (lambda a, b: ((a, b),), lambda s: s[0], ["layer0/hidden", "layer0/cell"]),
    "a list of layers": (lambda a, b: [a, b], both, ["layer0/hidden", "layer1/hidden"]),
    "lists of lists": (
        lambda a, b: [[a], [b]], lambda s: (s[0][0], s[1][0]), ["layer0/hidden", "layer1/hidden"],
    ),
    "a dict of layers": (
        lambda a, b: {"en.coder": a, "slow": (b,)}, lambda s: (s["en.coder"], s["slow"][0]),
        ["en_coder/hidden", "slow/hidden"],
    ),
    "a dict of one layer": (
        lambda a, b: {"cell": b, "hidden": a}, lambda s: (s["hidden"], s["cell"]),
        ["layer0/hidden", "layer0/cell"],
    ),
    "a named tuple of layers": (Pair, both, ["fast/hidden", "slow/hidden"]),
    "a named tuple of one layer": (Named, both, ["layer0/hidden", "layer0/cell"]),
    "deep": (
        lambda a, b: {"deep": {"low": a, "high": [-b, b]}},
        lambda s: (s["deep"]["low"], s["deep"]["high"][1]), ["deep_low/hidden", "deep_high/cell"],
    ),
    "names of the root": (
        lambda a, b: {"input": a, "output": b}, lambda s: (s["input"], s["output"]),
        ["input_2/hidden", "output_2/hidden"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_state_is_any_nest_of_arrays(way: str, in_place: bool) -> None:
    made, taken, names = WAYS[way]
    x = values()
    tree = hmmlens.extract(Leaky(made, taken, in_place), x, dtype="float64")
    for name, expected in zip(names, recurrences(x), strict=True):
        np.testing.assert_allclose(tree[name], expected, atol=1e-12)
    np.testing.assert_allclose(tree["output"], sum(recurrences(x)), atol=1e-12)
    assert tree.attrs["replay_error"] == 0


@pytest.mark.parametrize("wrap", [lambda h: h, lambda h: (h,), lambda h: [h], lambda h: ((h,),)])
def test_a_state_of_one_layer_is_an_array_bare_or_wrapped(wrap: Any) -> None:
    class Torch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.Parameter(torch.eye(3) / 2)

        def start(self, n: int) -> Any:
            return wrap(torch.zeros(n, 3))

        def step(self, state: Any, x: Tensor) -> Any:
            while not isinstance(state, Tensor):
                (state,) = state
            # A module of float32 is given float32.
            return wrap(state @ self.rnn + x)

        def readout(self, state: Any) -> Tensor:
            while not isinstance(state, Tensor):
                (state,) = state
            return state

    x = values()
    tree = hmmlens.extract(Torch(), x)
    np.testing.assert_allclose(tree["layer0/hidden"], recurrences(x)[0], atol=1e-5)
    found = hmmlens.explain(
        Torch(), values(30, 20), n_states=[1, 2], n_restarts=1, untrained=None, n_components=2
    )
    # It can be given zero input, so the verdict knows where it settles.
    assert np.isfinite(found.verdict["n_endpoints"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": lambda n: None}, "start returned a state that holds None; a state is an array"),
        ({"start": lambda n: (np.zeros((n, 3)), 1.5)}, r"holds 1.5 \(float\); a state is an array"),
        ({"start": lambda n: ()}, "start returned an empty state"),
        ({"start": lambda n: np.zeros(3)}, r"layer0: a state's hidden must be \(sequence, unit\)"),
        ({"start": lambda n: np.zeros((n, 3), complex)}, "must be real, found torch.complex128"),
        (
            {"step": lambda s, x: [s[0], s[1], s[0]]},
            r"step returned a state with the parts .*, where start returned layer0 \(1\), layer1",
        ),
        ({"readout": lambda s: None}, r"readout must return an array .*, found NoneType"),
        ({"readout": lambda s: s[0].sum()}, "readout must return"),
        ({"readout": lambda s: s[0][:2]}, r"for 5 sequences, found \(2, 3\)"),
    ],
)
def test_what_is_no_state_is_refused(change: dict[str, Any], message: str) -> None:
    model = Leaky(lambda a, b: [a, b], both)
    for name, method in change.items():
        setattr(model, name, method)
    with pytest.raises(DataError, match=message):
        hmmlens.extract(model, values())
