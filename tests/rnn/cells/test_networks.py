"""Networks of every modern cell: steps equal the whole run, they train, and are recorded whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hmmlens import extract
from hmmlens.datasets.synthetic.tasks.base import Recipe
from hmmlens.dynamics import jacobians
from hmmlens.dynamics.state_vectors import flatten
from hmmlens.rnn import loading, recurrent_network, training
from hmmlens.rnn.cells.layer import CellLayer
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.description import described
from hmmlens.rnn.equations import CELLS
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.rnn.settings import TrainedNetwork, Training
from hmmlens.rnn.training import Sequences
from hmmlens.roundtrip import suite, suite_verdicts
from hmmlens.validation.grading.verdict import GRADES


def network(
    cell: str, n_layers: int = 1, symbols: bool = False, n_units: int = 6
) -> RecurrentNetwork:
    return recurrent_network.initialise(
        1, cell=cell, n_inputs=3, n_outputs=2, n_units=n_units, n_layers=n_layers,
        symbols_in=symbols, symbols_out=symbols,
    )  # fmt: skip


def inputs_of(net: RecurrentNetwork, n_steps: int = 40) -> torch.Tensor:
    rng = np.random.default_rng(0)
    if net.symbols_in:
        return torch.from_numpy(rng.integers(0, 3, size=(4, n_steps)))
    return torch.from_numpy(rng.normal(size=(4, n_steps, 3)).astype(np.float32))


def test_names_differ_from_those_of_layers_of_torch() -> None:
    assert not set(MODERN) & set(CELLS)


@pytest.mark.parametrize("symbols", [False, True], ids=["values", "symbols"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("cell", MODERN)
@torch.no_grad()
def test_steps_equal_the_whole_run(cell: str, n_layers: int, symbols: bool) -> None:
    net = network(cell, n_layers, symbols)
    inputs = inputs_of(net)
    whole, hidden = net(inputs), net.hidden(inputs)
    state = net.start(len(inputs))
    for t in range(inputs.shape[1]):
        state = net.step(state, inputs[:, t])
        torch.testing.assert_close(net.readout(state), whole[:, t], atol=1e-5, rtol=0)
        for entry, layer in zip(state, hidden, strict=True):
            torch.testing.assert_close(entry[0], layer[:, t], atol=1e-5, rtol=0)
    # A run in two parts is one run.
    layer = net.layers[0]
    assert isinstance(layer, CellLayer)
    x = net.encode(inputs)
    first, entry = layer(x[:, :15])
    rest, memory = layer.run(x[:, 15:], entry)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), hidden[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(memory, layer(x)[1][1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("n_units", [5, 6, 20, 32])
@pytest.mark.parametrize("cell", MODERN)
def test_every_entry_of_the_memory_has_a_name(cell: str, n_units: int) -> None:
    net = network(cell, n_units=n_units)
    _, memory = net.start(2)[0]
    names = net.state_names()["layer0"]["cell"]
    assert len(names) == len(set(names)) == memory.shape[1] == MODERN[cell].n_memory(n_units)
    settings = {"dataset": "data", "cell": cell, "n_units": n_units}
    widths = [
        TrainedNetwork(**settings, lstm_state=which).width for which in ("hidden", "cell", "both")
    ]
    assert widths == [n_units, len(names), n_units + len(names)]


def test_names_give_part_and_place() -> None:
    assert network("lru").state_names()["layer0"]["cell"][5:7] == ["real[5]", "imaginary[0]"]
    names = network("mlstm", n_units=16).state_names()["layer0"]["cell"]
    assert names[8 * 8 : 8 * 8 + 2] == ["matrix[1,0,0]", "matrix[1,0,1]"]
    assert names[-3:] == ["normaliser[1,7]", "stabiliser[0]", "stabiliser[1]"]
    assert network("gru").state_names() == {}


@pytest.mark.parametrize("cell", MODERN)
def test_recording_replays_and_keeps_the_names(cell: str) -> None:
    net = network(cell, 2)
    inputs = inputs_of(net, 12).numpy()
    found = extract(net, inputs)
    assert found.attrs["replay_error"] < 1e-5
    state = net.start(len(inputs))
    with torch.no_grad():
        for x in torch.from_numpy(inputs).unbind(dim=1):
            state = net.step(state, x)
    for name, (hidden, memory) in zip(("layer0", "layer1"), state, strict=True):
        np.testing.assert_array_equal(found[name]["hidden"][:, -1], hidden)
        np.testing.assert_array_equal(found[name]["cell"][:, -1], memory)
        assert found[name].attrs["cell_names"] == net.state_names()[name]["cell"]
    # Names of all units would not be those of a few.
    assert "cell_names" not in extract(net, inputs, units=[0, 1])["layer0"].attrs


@pytest.mark.parametrize("cell", MODERN)
def test_networks_train_by_gradient_descent(cell: str) -> None:
    net = network(cell, n_units=8)
    inputs = torch.randn(60, 15, 3, generator=torch.Generator().manual_seed(0))
    # A sum of all inputs before, in which each counts half as much as the next one.
    weights = torch.tensor([[0.5 ** (t - s) * (t >= s) for s in range(15)] for t in range(15)])
    target = torch.einsum("ts,nsf->ntf", weights, inputs)[..., :2]
    parts = {name: Sequences(inputs, target) for name in ("train", "select")}
    training.train(net, parts, Training(max_epochs=30, patience=30, learning_rate=0.02), seed=0)
    assert training.evaluate(net, parts["train"]).mse < 0.25 * target.var()
    changed = network(cell, n_units=8).state_dict()
    for name, value in net.state_dict().items():
        assert torch.isfinite(value).all()
        assert not torch.equal(value, changed[name]), name


@pytest.mark.parametrize("cell", MODERN)
def test_weights_survive_a_file_and_are_sampled_anew(cell: str, tmp_path: Path) -> None:
    one, other = network(cell), network(cell)
    inputs = inputs_of(one)
    loading.reinitialise(other, 7)
    assert not torch.allclose(one(inputs), other(inputs))
    recurrent_network.save(one, tmp_path / "w.safetensors")
    recurrent_network.load_weights(other, tmp_path / "w.safetensors")
    assert torch.equal(one(inputs), other(inputs))
    about = described(one)
    assert (about["cell"], about["n_units"]) == (cell, 6)


@pytest.mark.parametrize("cell", ["lru", "mlstm"])
def test_networks_of_the_suite_are_judged_in_every_role(cell: str, tmp_path: Path) -> None:
    place = suite.train_network("flipflop2", cell, 0, tmp_path, Recipe(8, 40, 20, 2))
    for role in suite_verdicts.ROLES:
        row = suite_verdicts.judge(place, role)
        assert row["cell"] == cell and row["grade"] in (*GRADES, "not judged")


@pytest.mark.parametrize("cell", MODERN)
def test_steps_have_exact_derivatives_with_respect_to_the_state(cell: str) -> None:
    net = network(cell, n_units=4).double()
    inputs = inputs_of(net, 6).double()
    state = net.start(len(inputs))
    for x in inputs.unbind(dim=1):
        state = net.step(state, x)
    entries = flatten(state).detach()
    exact = jacobians.by_differentiation(net, entries, inputs[:, 0])
    differences = jacobians.by_differences(net, entries, inputs[:, 0])
    torch.testing.assert_close(exact.detach(), differences, atol=1e-6, rtol=1e-5)
