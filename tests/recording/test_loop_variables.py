"""Variables of hand-written loops are recorded as the network itself holds them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError

X = np.random.default_rng(0).normal(size=(5, 13, 3)).astype(np.float32)


class Loop(nn.Module):
    """A leaky network; every kind below keeps in ``kept`` what the state was after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.input, self.out = nn.Linear(6, 6), nn.Linear(3, 6), nn.Linear(6, 2)
        self.kept: list[Tensor] = []

    def after(self, h: Tensor, x: Tensor) -> Tensor:
        return 0.8 * h + 0.2 * torch.tanh(self.recurrent(h) + self.input(x))


class For(Loop):
    def forward(self, x: Tensor) -> Tensor:
        h, outputs = x.new_zeros(len(x), 6), []
        for t in range(x.shape[1]):
            h = self.after(h, x[:, t])
            self.kept.append(h)
            outputs.append(self.out(h))
        return torch.stack(outputs, 1)


class SeveralLines(Loop):
    """The header takes several lines, the state is assigned twice, and steps end early."""

    def forward(self, x: Tensor) -> Tensor:
        h, outputs = x.new_zeros(len(x), 6), []
        for value in torch.unbind(
            x,
            1,
        ):
            new = torch.tanh(self.recurrent(h) + self.input(value))
            h = 0.8 * h
            h = h + 0.2 * new
            self.kept.append(h)
            outputs.append(self.out(h))
            if len(outputs) % 2:
                continue
            new = new + 1
        return torch.stack(outputs, 1)  # fmt: skip


class While(Loop):
    def forward(self, x: Tensor) -> Tensor:
        h, t = x.new_zeros(len(x), 6), 0
        while t < x.shape[1]:
            h = self.after(h, x[:, t])
            t += 1
            self.kept.append(h)
        return self.out(torch.stack(self.kept, 1))


class BreakAfter(Loop):
    def forward(self, x: Tensor) -> Tensor:
        h, t = x.new_zeros(len(x), 6), 0
        while True:
            h = self.after(h, x[:, t])
            t += 1
            self.kept.append(h)
            if t == x.shape[1]:
                break
        return self.out(torch.stack(self.kept, 1))


class ReturnBefore(Loop):
    def forward(self, x: Tensor) -> Tensor:
        h, t = x.new_zeros(len(x), 6), 0
        while True:
            if t == x.shape[1]:
                return self.out(torch.stack(self.kept, 1))
            h = self.after(h, x[:, t])
            t += 1
            self.kept.append(h)


class OneLine(Loop):
    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 6)
        # fmt: off
        for value in x.unbind(1): h = self.after(h, value); self.kept.append(h)  # noqa: E701, E702
        # fmt: on
        return self.out(torch.stack(self.kept, 1))


class SmallSteps(Loop):
    """Four small steps of integration for each step of the input."""

    def forward(self, x: Tensor) -> Tensor:
        h, outputs = x.new_zeros(len(x), 6), []
        for t in range(x.shape[1]):
            for _ in range(4):
                h = self.after(h, x[:, t])
            self.kept.append(h)
            outputs.append(self.out(h))
        return torch.stack(outputs, 1)


class InPlace(Loop):
    def forward(self, x: Tensor) -> Tensor:
        h, outputs = x.new_zeros(len(x), 6), []
        for t in range(x.shape[1]):
            new = torch.tanh(self.recurrent(h) + self.input(x[:, t]))
            h *= 0.8
            h += 0.2 * new
            self.kept.append(h.clone())
            outputs.append(self.out(h))
        return torch.stack(outputs, 1)


class AsTorchHasIt(Loop):
    """The state is (1, sequence, unit)."""

    def forward(self, x: Tensor) -> Tensor:
        h, outputs = x.new_zeros(1, len(x), 6), []
        for t in range(x.shape[1]):
            h = self.after(h, x[None, :, t])
            self.kept.append(h[0])
            outputs.append(self.out(h[0]))
        return torch.stack(outputs, 1)


class Method(Loop):
    """The loop stands in another method, which a decorator wraps."""

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)

    @torch.no_grad()
    def run(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 6)
        for t in range(x.shape[1]):
            h = self.after(h, x[:, t])
            self.kept.append(h)
        return self.out(torch.stack(self.kept, 1))


class Outer(nn.Module):
    """Two loops of one class, of which only the named one is recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.other, self.core = For(), For()

    def forward(self, x: Tensor) -> Tensor:
        self.other(x.flip(1))
        outputs: Tensor = self.core(x)
        return outputs

    @property
    def kept(self) -> list[Tensor]:
        return self.core.kept

    @kept.setter
    def kept(self, values: list[Tensor]) -> None:
        self.core.kept = values


def seeded(kind: type[nn.Module]) -> Any:
    torch.manual_seed(0)
    return kind().eval()


def held(network: Any, x: np.ndarray) -> np.ndarray:
    """Return the states (sequence, time, unit) that the network itself keeps."""
    network.kept = []
    with torch.no_grad():
        network(torch.from_numpy(x))
    return torch.stack(network.kept, 1).numpy()


class Resetting:
    """Runs a network whose list of states begins anew with every call."""

    def __init__(self, network: Any) -> None:
        network.register_forward_pre_hook(lambda *_: setattr(network, "kept", []))


KINDS = [
    (For, "forward:h", "h"), (SeveralLines, "forward:h", "h"), (While, "forward:h", "h"),
    (BreakAfter, "forward:h", "h"), (ReturnBefore, "forward:h", "h"), (OneLine, "forward:h", "h"),
    (SmallSteps, "forward:h", "h"), (InPlace, "forward:h", "h"), (AsTorchHasIt, "forward:h", "h"),
    (Method, "run:h", "run_h"), (Outer, "core:h", "core_h"), (Outer, "core.forward:h", "core_h"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "node"), KINDS)
def test_recorded_states_are_those_that_the_network_holds(
    kind: type[nn.Module], name: str, node: str
) -> None:
    network = seeded(kind)
    Resetting(network)
    traced = sys.gettrace()
    tree = hmmlens.extract(network, X, layers=[name], batch_size=3)
    assert sys.gettrace() is traced
    assert list(tree.children) == [node]
    assert tree[node]["hidden"].dims == ("sequence", "time", "unit")
    np.testing.assert_array_equal(tree[node]["hidden"], held(network, X))
    with torch.no_grad():
        network.kept = []
        np.testing.assert_allclose(tree["output"], network(torch.from_numpy(X)), atol=1e-6)
    assert tree.attrs["replay"] == f"unknown: the equations of {node} are not known"


def test_states_stop_where_a_sequence_does() -> None:
    network = seeded(For)
    Resetting(network)
    lengths = [13, 4, 9, 1, 13]
    tree = hmmlens.extract(network, X, lengths, layers=["forward:h"])
    for row, length in enumerate(lengths):
        alone = held(network, X[row : row + 1, :length])[0]
        np.testing.assert_allclose(tree["h"]["hidden"][row, :length], alone, atol=1e-6)
        assert np.isnan(tree["h"]["hidden"][row, length:]).all()


class Nested(Loop):
    """A state of two layers, one of them with a cell, and a matrix for each sequence."""

    def forward(self, x: Tensor) -> Tensor:
        zero = x.new_zeros(len(x), 6)
        state, outputs = {"low": (zero, zero), "top": x.new_zeros(len(x), 2, 3)}, []
        for t in range(x.shape[1]):
            h, c = state["low"]
            c = 0.9 * c + 0.1 * h
            h = self.after(h, x[:, t]) - c
            state = {"low": (h, c), "top": 0.5 * state["top"] + h.view(len(x), 2, 3)}
            self.kept.append(torch.cat([h, c, state["top"].flatten(1)], 1))
            outputs.append(self.out(h))
        return torch.stack(outputs, 1)


def test_every_part_of_a_nested_state_is_recorded() -> None:
    network = seeded(Nested)
    Resetting(network)
    tree = hmmlens.extract(network, X, layers=["forward:state"])
    assert list(tree.children) == ["state_low", "state_top"]
    low, top = tree["state_low"], tree["state_top"]
    found = np.concatenate([low["hidden"], low["cell"], top["hidden"]], axis=2)
    np.testing.assert_array_equal(found, held(network, X))


# --- Modules that a loop calls --------------------------------------------------------------


class Step(nn.Module):
    """Returns its output first, then both parts of its state."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.input = nn.Linear(6, 6), nn.Linear(3, 6)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
        h, c = state
        c = 0.9 * c + 0.1 * h
        h = 0.8 * h + 0.2 * torch.tanh(self.recurrent(h) + self.input(x)) - c
        return h[:, :2] * 3, (h, c)


class Calls(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.core = Step()
        self.kept: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = (x.new_zeros(len(x), 6), x.new_zeros(len(x), 6)), []
        for t in range(x.shape[1]):
            output, state = self.core(x[:, t], state)
            self.kept.append(torch.cat(state, 1))
            outputs.append(output)
        return torch.stack(outputs, 1)


def test_the_state_of_a_step_module_is_what_it_passes_to_the_next_step() -> None:
    network = seeded(Calls)
    Resetting(network)
    node = hmmlens.extract(network, X, layers=["core"])["core"]
    found = np.concatenate([node["hidden"], node["cell"]], axis=2)
    np.testing.assert_array_equal(found, held(network, X))


# --- Doubts and refusals --------------------------------------------------------------------


class Noisy(For):
    def after(self, h: Tensor, x: Tensor) -> Tensor:
        return super().after(h, x) + 0.1 * torch.randn_like(h)


class Crossed(For):
    """Each sequence depends on the others of its batch."""

    def after(self, h: Tensor, x: Tensor) -> Tensor:
        return super().after(h, x - x.mean(0))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Noisy, "holds other states when the module runs again: it is given noise"),
        (Crossed, "depend on the other sequences of the batch"),
    ],
)
def test_noise_and_exchange_between_sequences_are_noted(kind: type[Loop], reason: str) -> None:
    network = seeded(kind)
    Resetting(network)
    tree = hmmlens.extract(network, X, layers=["forward:h"])
    assert reason in tree.attrs["replay"]


class UnitFirst(Loop):
    """The state is (unit, sequence)."""

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(6, len(x))
        for t in range(x.shape[1]):
            h = torch.tanh(self.recurrent.weight @ h + self.input.weight @ x[:, t].T)
        return self.out(h.T)


class Never(For):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) < 100:
            return self.out(self.input(x))
        return super().forward(x)

    def other(self, x: Tensor) -> Tensor:
        number = 0
        for _ in range(x.shape[1]):
            number = number + 1
        return x


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (For, "forward:hidden", r"no loop of For.forward assigns 'hidden'; its loops assign h"),
        (For, "forward:H", r"did you mean 'h'"),
        (Never, "forward:h", "it has no loop"),
        (For, "forward:", "'' is no name of a variable"),
        (For, "cor:h", "For has no module or method 'cor'"),
        (Outer, "cor:h", "did you mean 'core'"),
        (While, "forward:t", "holds a value of type int; a state is a tensor"),
        (UnitFirst, "forward:h", r"of the shape \(6, 5\) at a step; a state .* of 5 sequences"),
        (Never, "other:number", "the loop of Never.other did not run"),
    ],
)
def test_a_variable_that_is_no_state_is_refused_in_one_sentence(
    kind: type[nn.Module], name: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        hmmlens.extract(seeded(kind), X, layers=[name])


def test_code_without_its_source_is_refused() -> None:
    scope: dict[str, Any] = {"Loop": Loop, "Tensor": Tensor}
    code = (
        "class Typed(Loop):\n  def forward(self, x):\n    for h in x:\n      pass\n    return x\n"
    )
    exec(compile(code, "<typed>", "exec"), scope)
    with pytest.raises(DataError, match=r"the source of Typed.forward cannot be read"):
        hmmlens.extract(seeded(scope["Typed"]), X, layers=["forward:h"])
