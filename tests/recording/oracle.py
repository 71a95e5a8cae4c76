"""The cell equations, step by step in NumPy float64, and models around torch's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Arrays = dict[str, np.ndarray]

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, {}),
    "lstm": (nn.LSTM, {}),
    "projected": (nn.LSTM, {"proj_size": 3}),
}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def one_sequence(kind: str, w: Arrays, x: np.ndarray, state: list[np.ndarray]) -> Arrays:
    """Run one cell over one sequence (time, feature) from ``state``, gates and all."""
    kept: dict[str, list[np.ndarray]] = {}
    h = state[0]
    c = state[1] if len(state) > 1 else np.zeros(0)
    zero = np.zeros(len(w["weight_ih"]))
    for t in range(len(x)):
        a = w["weight_ih"] @ x[t] + w.get("bias_ih", zero)
        r = w["weight_hh"] @ h + w.get("bias_hh", zero)
        step: Arrays = {}
        if kind in ("tanh", "relu"):
            step["hidden_preactivation"] = a + r
            h = np.tanh(a + r) if kind == "tanh" else np.maximum(a + r, 0)
        elif kind == "gru":
            (ar, az, an), (rr, rz, rn) = np.split(a, 3), np.split(r, 3)
            reset, update = sigmoid(ar + rr), sigmoid(az + rz)
            new = np.tanh(an + reset * rn)
            h = (1 - update) * new + update * h
            step |= {"reset_gate": reset, "update_gate": update, "candidate": new}
            step |= {"reset_gate_preactivation": ar + rr, "update_gate_preactivation": az + rz}
            step["candidate_preactivation"] = an + reset * rn
        else:
            i, f, g, o = np.split(a + r, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            if "weight_hr" in w:
                h = w["weight_hr"] @ h
            step |= {"input_gate": sigmoid(i), "forget_gate": sigmoid(f), "candidate": np.tanh(g)}
            step |= {"output_gate": sigmoid(o), "cell": c, "input_gate_preactivation": i}
            step |= {"forget_gate_preactivation": f, "candidate_preactivation": g}
            step["output_gate_preactivation"] = o
        step |= {"hidden": h, "layer_input": x[t]}
        for name, value in step.items():
            kept.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in kept.items()}


def weights_of(module: nn.Module, suffix: str = "") -> Arrays:
    """Return the weights of one layer and direction, by name, in float64."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    found = {n: getattr(module, n + suffix, None) for n in names}
    return {n: w.detach().double().numpy() for n, w in found.items() if w is not None}


def stack(
    kind: str, module: Any, x: np.ndarray, lengths: np.ndarray, states: list[Tensor] | None = None
) -> dict[str, Arrays]:
    """Run a whole layer of torch over (sequence, time, feature), 0 past each sequence's end.

    Returns
    -------
    suffix of the node (``_l1_reverse``) -> name -> (sequence, time, unit)
    """
    found: dict[str, Arrays] = {}
    directions = ("", "_reverse") if module.bidirectional else ("",)
    for layer in range(module.num_layers):
        outputs = []
        for index, direction in enumerate(directions):
            w = weights_of(module, f"_l{layer}{direction}")
            place = layer * len(directions) + index
            whole: Arrays = {}
            for row, length in enumerate(lengths):
                sizes = [len(w.get("weight_hr", w["weight_hh"].T)), module.hidden_size]
                start = [np.zeros(size) for size in sizes[: 1 + (module.mode == "LSTM")]]
                if states is not None:
                    start = [s[place, row].detach().double().numpy() for s in states]
                part = x[row, :length]
                turn = slice(None, None, -1) if direction else slice(None)
                for name, values in one_sequence(kind, w, part[turn], start).items():
                    room = whole.setdefault(name, np.zeros((*x.shape[:2], values.shape[1])))
                    room[row, :length] = values[turn]
            found[(f"_l{layer}" if module.num_layers > 1 else "") + direction] = whole
            outputs.append(whole["hidden"])
        x = np.concatenate(outputs, axis=2)
    return found


class Wrapped(nn.Module):
    """A recurrent layer between two linear layers, with or without packing."""

    def __init__(
        self, kind: str, n_layers: int, bidirectional: bool, batch_first: bool, packed: bool
    ) -> None:
        super().__init__()
        layer, options = KINDS[kind]
        self.before = nn.Linear(3, 4)
        self.rnn = layer(
            4, 5, n_layers, batch_first=batch_first, bidirectional=bidirectional,
            dropout=0.5 if n_layers > 1 else 0.0, **options,
        )  # fmt: skip
        width = options.get("proj_size", 5) * (1 + bidirectional)
        self.after = nn.Sequential(nn.Dropout(0.5), nn.Linear(width, 2))
        self.packed = packed

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.before(x)
        first = self.rnn.batch_first
        x = x if first else x.transpose(0, 1)
        if self.packed:
            x = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
            x, _ = pad_packed_sequence(self.rnn(x)[0], batch_first=True)
            return self.after(x)
        x = self.rnn(x)[0]
        return self.after(x if first else x.transpose(0, 1))


class Custom(nn.Module):
    """Holds ``parts`` and runs ``way(self, x)``."""

    def __init__(self, way: Any, **parts: Any) -> None:
        super().__init__()
        self.way = way
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.way(self, x)


class Loop(nn.Module):
    """Two cells in a loop of the model's own."""

    def __init__(self, cell: Any, bias: bool, **options: Any) -> None:
        super().__init__()
        self.low = cell(3, 5, bias=bias, **options)
        self.high = cell(5, 4, bias=bias, **options)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        low, high, outputs = None, None, []
        for t in range(x.shape[1]):
            low = self.low(x[:, t], low)
            high = self.high(low[0] if isinstance(low, tuple) else low, high)
            outputs.append(self.out(high[0] if isinstance(high, tuple) else high))
        return torch.stack(outputs, dim=1)


def values(n_sequences: int = 5, n_steps: int = 9, n_features: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n_sequences, n_steps, n_features))


def linear(module: nn.Module, x: np.ndarray) -> np.ndarray:
    weights = {k: v.detach().double().numpy() for k, v in module.state_dict().items()}
    return x @ weights["weight"].T + weights["bias"]


def seeded(build: Any, *args: Any, double: bool = False, **kwargs: Any) -> Any:
    """Build a module from fixed random weights, in float32 or float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = build(*args, **kwargs)
    return module.double() if double else module


def losing_a_unit(right: Any) -> Any:
    """Return a replacement of layers that loses a unit at step 6, for any fault behind them."""

    def wrong(*args: Any) -> Any:
        states, last = right(*args)
        states = states.clone()
        states[:, 6, 0] = 0
        return states, last

    return wrong
