"""Which of the things that a module returns is its output, and what a replay compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError
from hmmlens.recording.verification import module_replay
from tests.recording.oracle import Custom, losing_a_unit, seeded, values

X = values().astype(np.float32)


def gru(**options: Any) -> nn.GRU:
    return seeded(nn.GRU, 3, 5, batch_first=True, **options)


@dataclass
class Said:
    loss: Tensor
    states: Tensor


#: What is returned, of the states (sequence, time, unit) and the last ones (layer, sequence, unit).
WAYS: dict[str, Any] = {
    "dataclass": lambda states, last: Said(states.mean(), states),
    "mapping": lambda states, last: {"loss": states.mean(), "states": states},
    "last first": lambda states, last: (last, [states]),
    "nothing else": lambda states, last: (None, 3, "text", states),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_output_is_what_has_an_entry_for_each_sequence(way: str) -> None:
    model = Custom(lambda m, x: WAYS[way](*m.rnn(x)), rnn=gru(num_layers=2))
    tree = hmmlens.extract(model, X)
    assert tree["output"].dims == ("sequence", "time", "output")
    np.testing.assert_allclose(tree["output"], tree["rnn_l1/hidden"], atol=1e-6)
    assert tree.attrs["replay_error"] < 1e-6


@pytest.mark.parametrize("way", ["last", "scalar"])
def test_what_has_no_entry_for_each_sequence_is_compared_and_not_stored(way: str) -> None:
    model = Custom(
        lambda m, x: m.rnn(x)[1] if way == "last" else m.rnn(x)[0].mean(), rnn=gru(num_layers=2)
    )
    # The last batch has as many sequences as the model has layers.
    tree = hmmlens.extract(model, X[:5], batch_size=3)
    assert "output" not in tree
    assert tree.attrs["replay_error"] < 1e-6


def test_every_output_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_replay, "_as_layer", losing_a_unit(module_replay._as_layer))
    model = Custom(lambda m, x: (x, m.rnn(x)[0]), rnn=gru())
    with pytest.raises(DataError, match="stepped, the module's output at step 6 differs by"):
        hmmlens.extract(model, X)


def test_a_choice_that_rounding_turns_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded(*args: Any) -> Any:
        states, last = as_layer(*args)
        # On some processors the stepped states have the very bits of the layer's own.
        return torch.nextafter(states, torch.tensor(torch.inf)), last

    class Chooses(nn.Module):
        """Says whether the states are what its layer gives to the last bit."""

        def __init__(self) -> None:
            super().__init__()
            self.rnn = gru()

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            states = self.rnn(x)[0]
            return (states == self.exact).long(), states

    model = Chooses()
    with torch.no_grad():
        model.exact = model.rnn(torch.from_numpy(X))[0]
        as_layer = module_replay._as_layer
        monkeypatch.setattr(module_replay, "_as_layer", rounded)
        stepped = hmmlens.extract(model, X)
    assert (stepped["output"] == 1).all()
    assert 0 < stepped.attrs["replay_error"] < 1e-6


def test_packed_outputs_have_the_sequences_first_already() -> None:
    x, lengths = values(6, 6).astype(np.float32), [6, 2, 5, 1, 6, 3]
    tree = hmmlens.extract(seeded(nn.GRU, 3, 5), x, lengths)
    np.testing.assert_array_equal(tree["output"], tree["rnn/hidden"])


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_as_many_classes_as_steps_of_a_short_batch_are_classes(batch_size: int) -> None:
    class Classifies(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0][:, 0])

    model = seeded(Classifies)
    tree = hmmlens.extract(model, X, [9, 4, 2, 2, 1], batch_size=batch_size)
    assert tree["output"].dims == ("sequence", "output")
    with torch.no_grad():
        np.testing.assert_allclose(tree["output"], model(torch.from_numpy(X)), atol=1e-6)
