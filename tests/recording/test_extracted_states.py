"""Every state, gate and pre-activation equals a step-by-step loop in NumPy float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hmmlens
from tests.recording.oracle import (
    KINDS,
    Loop,
    Wrapped,
    linear,
    one_sequence,
    seeded,
    stack,
    values,
    weights_of,
)

LENGTHS = np.array([9, 4, 7, 1, 7])


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("batch_first", [True, False], ids=["batch first", "time first"])
# A second direction that is not packed reads the padding.
@pytest.mark.parametrize(
    ("packing", "bidirectional"),
    [
        *(("whole", False), ("whole", True), ("padded", False)),
        *(("packed", False), ("packed", True)),
    ],
)
@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_equal_their_equations(
    kind: str, n_layers: int, bidirectional: bool, packing: str, batch_first: bool, double: bool
) -> None:
    model = seeded(
        Wrapped, kind, n_layers, bidirectional, batch_first, packing == "packed", double=double
    )
    x = values() if double else values().astype(np.float32)
    lengths = np.full(5, 9) if packing == "whole" else LENGTHS
    truth = stack(kind, model.rnn, linear(model.before, x.astype(float)), lengths)
    tree = hmmlens.extract(
        model, x, lengths, gates=True, layer_inputs=True, batch_size=2,
        dtype="float64" if double else "float32",
    )  # fmt: skip
    atol = 1e-12 if double else 1e-6
    assert list(tree.children) == [f"rnn{suffix}" for suffix in truth]
    inside = np.arange(9) < lengths[:, None]
    for suffix, arrays in truth.items():
        node = tree[f"rnn{suffix}"]
        assert set(node.data_vars) == set(arrays)
        for name, values_there in arrays.items():
            assert node[name].dims[:2] == ("sequence", "time")
            expected = np.where(inside[..., None], values_there, np.nan)
            np.testing.assert_allclose(node[name], expected, atol=atol, rtol=0, err_msg=name)
    top = [arrays["hidden"] for arrays in truth.values()][-1 - bidirectional :]
    output = linear(model.after[1], np.concatenate(top, axis=2))
    output = np.where(inside[..., None], output, np.nan)
    np.testing.assert_allclose(tree["output"], output, atol=atol, rtol=0)
    np.testing.assert_array_equal(tree["length"], lengths)
    assert 0 <= tree.attrs["replay_error"] < (1e-14 if double else 1e-5)
    assert tree.attrs["replay"] == "3 of 3 batches replayed whole"


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize(
    ("kind", "cell", "options"),
    [
        ("tanh", nn.RNNCell, {}),
        ("relu", nn.RNNCell, {"nonlinearity": "relu"}),
        ("gru", nn.GRUCell, {}),
        ("lstm", nn.LSTMCell, {}),
    ],
)
def test_cells_in_a_loop_equal_their_equations(
    kind: str, cell: Any, options: dict[str, Any], bias: bool, double: bool
) -> None:
    model = seeded(Loop, cell, bias, double=double, **options)
    x = values() if double else values().astype(np.float32)
    dtype = "float64" if double else "float32"
    tree = hmmlens.extract(model, x, gates=True, layer_inputs=True, batch_size=2, dtype=dtype)
    assert list(tree.children) == ["low", "high"]
    below = x.astype(float)
    for name, size in (("low", 5), ("high", 4)):
        weights = weights_of(getattr(model, name))
        states = [np.zeros(size)] * (2 if kind == "lstm" else 1)
        parts = [one_sequence(kind, weights, part, states) for part in below]
        for variable in parts[0]:
            expected = np.stack([part[variable] for part in parts])
            found = tree[name][variable]
            np.testing.assert_allclose(found, expected, atol=1e-12 if double else 1e-6, rtol=0)
        assert set(tree[name].data_vars) == set(parts[0])
        below = np.stack([part["hidden"] for part in parts])
    assert tree.attrs["replay_error"] < (1e-14 if double else 1e-5)


class Started(nn.Module):
    """A stacked layer that begins with states of its own."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        layer, options = KINDS[kind]
        self.rnn = layer(3, 5, 2, bidirectional=True, batch_first=True, **options)
        sizes = [options.get("proj_size", 5), 5][: 1 + (self.rnn.mode == "LSTM")]
        self.states = nn.ParameterList(torch.randn(4, 5, size) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        states = tuple(self.states)
        return self.rnn(x, states if len(states) > 1 else states[0])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_given_first_states_count(kind: str) -> None:
    model = seeded(Started, kind)
    x = values().astype(np.float32)
    tree = hmmlens.extract(model, x, gates=True)
    truth = stack(kind, model.rnn, x.astype(float), np.full(5, 9), list(model.states))
    for suffix, arrays in truth.items():
        for name, expected in arrays.items():
            if name != "layer_input":
                found = tree[f"rnn{suffix}"][name]
                np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)
