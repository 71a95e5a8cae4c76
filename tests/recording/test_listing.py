"""What of a network could be recorded, compared with networks whose properties are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hmmlens import extract, list_layers
from hmmlens.errors import DataError
from tests.recording.test_protocol import InNumpy

INPUTS = np.random.default_rng(0).normal(size=(4, 12, 3)).astype(np.float32)


class Stack(nn.Module):
    """A bidirectional stack below a layer, so that all but the lowest forward one read ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.GRU(3, 4, num_layers=2, batch_first=True, bidirectional=True)
        self.top = nn.LSTM(8, 6, proj_size=3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.low(x)[0])[0]


class Leaky(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.input = nn.Linear(5, 5), nn.Linear(3, 5)

    def forward(self, hidden: Tensor, x: Tensor) -> Tensor:
        return 0.8 * hidden + 0.2 * torch.tanh(self.recurrent(hidden) + self.input(x))


class Loop(nn.Module):
    """A step module in a loop, next to linear maps that are called as often."""

    def __init__(self, time_first: bool = False) -> None:
        super().__init__()
        self.core, self.out, self.time_first = Leaky(), nn.Linear(5, 2), time_first

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(0, 1) if self.time_first else x
        hidden, outputs = x.new_zeros(len(x), 5), []
        for t in range(x.shape[1]):
            hidden = self.core(hidden, x[:, t])
            outputs.append(self.out(hidden))
        return torch.stack(outputs, dim=0 if self.time_first else 1)


class Fickle(nn.GRU):
    """Its equations are not torch's, and it adds noise."""

    def forward(self, x: Any, hx: Any = None) -> Any:
        states, last = super().forward(x + torch.rand_like(x), hx)
        return states, last


def test_directions_and_shapes_are_those_of_the_recording() -> None:
    table = list_layers(Stack(), INPUTS).set_index("layer")
    acts = extract(Stack(), INPUTS)
    assert list(table.index) == list(acts.children)
    for name, node in acts.children.items():
        assert tuple(table.loc[name, ["n_steps", "n_units"]]) == node["hidden"].shape[1:]
    assert table["direction"].tolist() == ["forward", "backward", "forward", "backward", "forward"]
    assert table["n_inputs"].tolist() == [3, 3, 8, 8, 8]
    # Only the lowest forward layer reads nothing of later steps.
    assert (table["prefix_readout"] == "yes").tolist() == [True, False, False, False, False]
    assert (table["replay"] == "yes").all()
    assert table["step"].str.startswith("no: ").all()


def test_without_inputs_what_only_a_run_shows_is_not_claimed() -> None:
    table = list_layers(Stack()).set_index("layer")
    assert table["n_units"].tolist() == [4, 4, 4, 4, 3]
    assert table["n_steps"].isna().all()
    assert table.loc["low_l0", "prefix_readout"].startswith("not known")
    assert table.loc["low_l1", "prefix_readout"].startswith("no: ")
    assert table.loc["low_l0_reverse", "prefix_readout"].startswith("no: ")


@pytest.mark.parametrize("time_first", [False, True])
def test_a_step_module_is_found_among_modules_called_as_often(time_first: bool) -> None:
    network = Loop(time_first)
    table = list_layers(network, INPUTS, batch_first=not time_first)
    # The module and the variable hold the same state.
    assert table["layer"].tolist() == ["core", "forward:hidden"]
    assert table["n_units"].tolist() == [5, 5]
    row = table.iloc[0]
    assert (row["recorded"], row["n_units"], row["n_steps"]) == ("by name", 5, 12)
    assert row["replay"] == "no: the equations of Leaky are not known"
    assert row["prefix_readout"] == "yes"
    # The name in the list is the one that extract takes.
    acts = extract(network, INPUTS, layers=[row["layer"]], batch_first=not time_first)
    assert acts["core"]["hidden"].shape == (4, 12, 5)
    # Without inputs the source shows the variable, and no run its units.
    row = list_layers(network).iloc[0]
    assert (row["layer"], row["n_units"]) == ("forward:hidden", None)


def test_a_network_with_noise_and_equations_of_its_own_is_not_replayed() -> None:
    network = nn.Sequential(Fickle(3, 4, batch_first=True))
    row = list_layers(network, INPUTS).iloc[0]
    assert row["replay"] == "no: the equations of Fickle are not known"
    assert row["prefix_readout"].startswith("no: ")


def test_an_object_with_steps_has_all_that_steps_allow() -> None:
    for inputs in (None, INPUTS):
        table = list_layers(InNumpy(), inputs).set_index("layer")
        assert table["n_units"].to_dict() == {"layer0": 5, "layer1": 4}
        assert (table[["replay", "prefix_readout", "step", "dynamics"]] == "yes").all(axis=None)
    noisy = list_layers(InNumpy(noise=0.1), INPUTS)
    assert noisy["replay"].tolist() == ["no: steps differ when they run again"] * 2


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (nn.Linear(3, 2), INPUTS, "holds no recurrent layer of torch"),
        (nn.GRU, INPUTS, "is the class GRU; give an instance"),
        (object(), INPUTS, "is no torch.nn.Module and lacks some of start, step, readout"),
        (nn.GRU(7, 2, batch_first=True), INPUTS, r"fails on inputs of the shape \(2, 12, 3\)"),
        (nn.GRU(3, 2, batch_first=True), [[]], "none of them empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_listed_is_refused_in_one_sentence(
    model: Any, inputs: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        list_layers(model, inputs)
