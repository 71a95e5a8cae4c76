"""Weights that a wrapper saved under changed names give the network that was wrapped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hmmlens.errors import DataError
from hmmlens.rnn.weights_files import fill, read_weights


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.out(self.rnn(x)[0])
        return outputs


class Trainer(nn.Module):
    """A trainer's module, which has weights next to those of the network."""

    def __init__(self, network: nn.Module, attribute: str) -> None:
        super().__init__()
        setattr(self, attribute, network)
        self.metric = nn.Linear(1, 1)


def compiled_part() -> nn.Module:
    network = Net()
    network.rnn = torch.compile(network.rnn)
    return network


SAVED: dict[str, Any] = {
    "DataParallel": lambda: nn.DataParallel(Net()),
    "compiled": lambda: torch.compile(Net()),
    "compiled in DataParallel": lambda: nn.DataParallel(torch.compile(Net())),
    "a compiled part": compiled_part,
    "trainer": lambda: Trainer(Net(), "model"),
    "trainer with another attribute": lambda: Trainer(Net(), "net"),
    "trainer of a compiled network": lambda: Trainer(torch.compile(Net()), "model"),
}


def inner(saved: nn.Module) -> nn.Module:
    """Return the network that a wrapper holds."""
    parts: list[Any] = [m for m in saved.modules() if isinstance(m, Net)]
    return parts[0]


@pytest.mark.parametrize("kind", SAVED)
def test_weights_of_a_wrapper_load_with_a_note(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(3)
    saved = SAVED[kind]()
    path = tmp_path / "last.ckpt"
    # As Lightning lays a checkpoint out.
    torch.save({"epoch": 3, "state_dict": saved.state_dict(), "hyper_parameters": {"n": 4}}, path)
    with caplog.at_level(logging.INFO, logger="hmmlens"):
        network = fill(Net(), read_weights(path), path)
    x = torch.randn(2, 5, 3)
    assert torch.equal(network(x), inner(saved)(x))
    (note,) = [r.getMessage() for r in caplog.records if "is read as" in r.getMessage()]
    assert str(path) in note
    assert ("weights that are not used: 2" in note) == ("trainer" in kind)


def test_plain_weights_fill_a_wrapped_module(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network, other = Net(), nn.DataParallel(Net())
    fill(other, network.state_dict(), tmp_path / "w.pt")
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True)
    )


def test_weights_that_fit_under_two_prefixes_are_refused(tmp_path: Path) -> None:
    both = nn.ModuleDict({"student": Net(), "teacher": Net()})
    with pytest.raises(DataError, match=r"under each of the prefixes student\., teacher\.; save"):
        fill(Net(), both.state_dict(), tmp_path / "w.pt")


def test_a_checkpoint_with_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": Net().state_dict(), "hyper_parameters": Path("data")}, path)
    with pytest.raises(DataError, match=r"holds Python objects.* convert it once"):
        read_weights(path)
