"""Networks that compute something else have other hashes, and equal ones have the same."""

from __future__ import annotations

import enum
import functools
import importlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hmmlens.recording.store import identity
from hmmlens.recording.store.resume import fingerprint


class Mode(enum.Enum):
    """How a network reads."""

    SLOW = 1
    FAST = 2


class Settings:
    """A plain object that a network holds."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def scale(self, x: Any) -> Any:
        return x * self.gain


class Slotted:
    """An object without a dictionary."""

    __slots__ = ("gain",)

    def __init__(self, gain: float) -> None:
        self.gain = gain


class Net(nn.Module):
    """A network with any plain attribute."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.rnn = nn.GRU(2, 3, batch_first=True)
        self.held = held

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


def scaled(gain: float) -> Callable[[Any], Any]:
    return lambda x: x * gain


def named(gain: float) -> nn.Module:
    """Return a network whose class closes over a number."""

    class Inner(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x * gain)

    return Inner(None)


def hooked(gain: float) -> nn.Module:
    network = Net(None)
    network.rnn.register_forward_hook(lambda m, i, o: (o[0] * gain, o[1]))
    return network


PAIRS: dict[str, Callable[[float], Any]] = {
    "number": lambda x: Net(x),
    "nested": lambda x: Net({"a": [1, (x, "b")]}),
    "array": lambda x: Net(np.array([x])),
    "tensor": lambda x: Net((torch.tensor([x]),)),
    "half": lambda x: Net([torch.tensor([x], dtype=torch.bfloat16)]),
    "object": lambda x: Net(Settings(x)),
    "slots": lambda x: Net(Slotted(x)),
    "enum": lambda x: Net(Mode(int(x))),
    "partial": lambda x: Net(functools.partial(torch.mul, x)),
    "closure": lambda x: Net(scaled(x)),
    "method": lambda x: Net(Settings(x).scale),
    "class": named,
    "hook": hooked,
    "generator": lambda x: Net(np.random.default_rng(int(x))),
    "dtype": lambda x: Net(torch.float32 if x == 1 else torch.float64),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_plain_attributes_count(kind: str) -> None:
    make = PAIRS[kind]
    one, same, other = (identity.of_module(make(x)) for x in (1.0, 1.0, 2.0))
    assert one is not None
    assert one == same
    assert one != other


def test_objects_without_readable_content_are_not_compared() -> None:
    network = Net(threading.Lock())
    assert identity.of_module(network) is None
    assert fingerprint(network, [], {}) is None


def test_objects_that_hold_each_other_end() -> None:
    def ring(gain: float) -> nn.Module:
        network = Net(Settings(gain))
        network.held.back = [network, network.held]
        return network

    assert identity.of_module(ring(1.0)) == identity.of_module(ring(1.0))
    assert identity.of_module(ring(1.0)) != identity.of_module(ring(2.0))


SOURCE = """
from torch import nn
import identity_helper
GAIN = 1.0
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(2, 3, batch_first=True)
    def forward(self, x):
        return self.rnn(GAIN * identity_helper.shift(x))[0]
"""


@pytest.mark.parametrize("changed", ["nothing", "module", "helper", "global"])
def test_source_of_classes_and_helpers_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def made(source: str, helper: str) -> Any:
        for name in ("identity_module", "identity_helper"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / "identity_module.py").write_text(source)
        (tmp_path / "identity_helper.py").write_text(helper)
        importlib.invalidate_caches()
        module = importlib.import_module("identity_module")
        if changed == "global" and len(hashes):
            monkeypatch.setattr(module, "GAIN", 2.0)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return identity.of_module(module.Net())

    hashes: list[Any] = []
    helper = "def shift(x):\n    return x\n"
    hashes.append(made(SOURCE, helper))
    source = SOURCE.replace("[0]", "[0] * 2") if changed == "module" else SOURCE
    hashes.append(made(source, helper.replace("x\n", "x + 1\n") if changed == "helper" else helper))
    assert hashes[0] is not None
    assert (hashes[0] == hashes[1]) == (changed == "nothing")


def test_classes_without_a_file_are_distinguished() -> None:
    """As in a notebook, where no file holds the source."""

    def made(expression: str) -> str | None:
        names: dict[str, Any] = {"nn": nn, "GAIN": 2.0, "__name__": "no_such_module"}
        exec(
            "class Net(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.rnn = nn.GRU(2, 3)\n"
            "    def forward(self, x):\n"
            f"        return self.rnn({expression})[0]\n",
            names,
        )
        if "GAIN" in expression:
            names["GAIN"] = float(expression[-1])
        return identity.of_module(names["Net"]())

    assert made("x") == made("x") is not None
    assert made("x") != made("x * 2")
    assert made("x * GAIN * 1.0 + 1") != made("x * GAIN * 1.0 + 2")
