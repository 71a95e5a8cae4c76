"""The recurrence protocol, torch's fused layers and the published equations are one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hmmlens.errors import StoreError
from hmmlens.rnn import recurrent_network
from hmmlens.rnn.equations import CELLS, TRAINABLE, numpy_step
from hmmlens.rnn.recurrent_network import RecurrentNetwork


def network(cell: str, n_layers: int = 1, symbols: bool = False, seed: int = 1) -> RecurrentNetwork:
    return recurrent_network.initialise(
        seed, cell=cell, n_inputs=3, n_outputs=2, n_units=5, n_layers=n_layers,
        symbols_in=symbols, symbols_out=symbols,
    )  # fmt: skip


def inputs_of(net: RecurrentNetwork, n_steps: int = 12) -> torch.Tensor:
    rng = np.random.default_rng(0)
    if net.symbols_in:
        return torch.from_numpy(rng.integers(0, 3, size=(4, n_steps)).astype(np.int16))
    return torch.from_numpy(rng.normal(size=(4, n_steps, 3)).astype(np.float32))


def equations(net: RecurrentNetwork, inputs: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Return hidden (and cell) of every layer, and the output, by the equations in NumPy."""
    weights = {k: v.detach().double().numpy() for k, v in net.state_dict().items()}
    x, layers = inputs, []
    for index in range(len(net.layers)):
        start, end = f"layers.{index}.", "_l0"
        own = {
            name.removeprefix(start).removesuffix(end): values
            for name, values in weights.items()
            if name.startswith(start)
        }
        state = (np.zeros((len(x), net.n_units)),) * CELLS[net.cell].n_states
        states = []
        for t in range(x.shape[1]):
            state, _, _ = numpy_step(net.cell, own, x[:, t], state)
            states.append(state)
        parts = [np.stack(values, axis=1) for values in zip(*states, strict=True)]
        x = parts[0]
        layers.append({"hidden": x, "cell": parts[-1]})
    return layers, x @ weights["out.weight"].T + weights["out.bias"]


def stepped(net: RecurrentNetwork, inputs: torch.Tensor) -> tuple[list[Any], torch.Tensor]:
    """Run the protocol; return the states after each step and the outputs."""
    state, states, outputs = net.start(len(inputs)), [], []
    for t in range(inputs.shape[1]):
        state = net.step(state, inputs[:, t])
        states.append(state)
        outputs.append(net.readout(state))
    return states, torch.stack(outputs, dim=1)


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("symbols", [False, True], ids=["values", "symbols"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("cell", TRAINABLE)
@torch.no_grad()
def test_steps_equal_fused_layers_and_numpy(
    cell: str, n_layers: int, symbols: bool, double: bool
) -> None:
    net = network(cell, n_layers, symbols)
    if double:
        net = net.double()
    inputs = inputs_of(net)
    atol = 1e-12 if double else 2e-6
    x = np.eye(3)[inputs.numpy()] if symbols else inputs.double().numpy()
    layers, output = equations(net, x)
    states, replayed = stepped(net, inputs)
    assert replayed.dtype == (torch.float64 if double else torch.float32)
    np.testing.assert_allclose(net(inputs), output, atol=atol)
    np.testing.assert_allclose(replayed, output, atol=atol)
    fused = net.hidden(inputs)
    assert len(fused) == n_layers
    for index, truth in enumerate(layers):
        np.testing.assert_allclose(fused[index], truth["hidden"], atol=atol)
        for position, name in enumerate(("hidden", "cell")[: len(states[0][index])]):
            found = torch.stack([state[index][position] for state in states], dim=1)
            np.testing.assert_allclose(found, truth[name], atol=atol)
        assert len(states[0][index]) == (2 if cell == "lstm" else 1)


def test_encoding_is_one_hot_for_symbols_only() -> None:
    symbols = torch.tensor([[2, 0]], dtype=torch.int16)
    assert network("gru", symbols=True).encode(symbols).tolist() == [[[0, 0, 1], [1, 0, 0]]]
    values = torch.tensor([[[0.5, 1, 2]]], dtype=torch.float64)
    encoded = network("gru").encode(values)
    assert encoded.tolist() == values.tolist()
    assert encoded.dtype == torch.float32


@pytest.mark.parametrize("cell", TRAINABLE)
def test_weights_survive_a_file(cell: str, tmp_path: Path) -> None:
    one, other = network(cell, 2, seed=1), network(cell, 2, seed=2)
    inputs = inputs_of(one)
    assert not torch.equal(one(inputs), other(inputs))
    path = tmp_path / "folder" / "network.safetensors"
    recurrent_network.save(one, path)
    assert recurrent_network.load_weights(other, path) is other
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    assert torch.equal(one(inputs), other(inputs))
    assert [p.name for p in path.parent.iterdir()] == ["network.safetensors"]


@pytest.mark.parametrize(
    ("cell", "n_layers", "symbols"),
    [("lstm", 1, False), ("gru", 2, False), ("gru", 1, True)],
    ids=["other cell", "other layers", "other output"],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, cell: str, n_layers: int, symbols: bool
) -> None:
    path = tmp_path / "network.safetensors"
    recurrent_network.save(network(cell, n_layers, symbols), path)
    with pytest.raises(StoreError) as caught:
        recurrent_network.load_weights(network("gru"), path)
    message = str(caught.value)
    assert message.startswith(f"{path}: the weights do not fit the configured network: ")
    assert "\n" not in message


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    recurrent_network.save(network("gru"), path)
    wider = RecurrentNetwork("gru", 3, 2, 6, symbols_in=False, symbols_out=False)
    with pytest.raises(StoreError, match="size mismatch"):
        recurrent_network.load_weights(wider, path)


@pytest.mark.parametrize("content", [None, b"", b"not a safetensors file"])
def test_weights_that_are_no_file_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "network.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=f"{path}: the weights cannot be read"):
        recurrent_network.load_weights(network("gru"), path)


@pytest.mark.parametrize("cell", TRAINABLE)
def test_seed_alone_decides_the_weights(cell: str) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = network(cell, 2, seed=9)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    two, other = network(cell, 2, seed=9), network(cell, 2, seed=10)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name])
        if name != "log_variance":
            assert not torch.equal(tensor, other.state_dict()[name])


@pytest.mark.parametrize(
    ("attributes", "sizes", "ends"),
    [
        ({"input_kind": "symbols", "target_kind": "symbols", "n_symbols": 7}, {}, (7, 7)),
        ({"input_kind": "values", "target_kind": "values"}, {"feature": 3, "output": 2}, (3, 2)),
    ],
)
def test_network_fits_its_dataset(
    attributes: dict[str, Any], sizes: dict[str, int], ends: tuple[int, int]
) -> None:
    settings = {"cell": "lstm", "n_units": 4, "n_layers": 2}
    net = recurrent_network.for_dataset(settings, attributes, sizes, seed=0)
    assert (net.n_inputs, net.out.out_features) == ends
    assert (net.n_units, len(net.layers)) == (4, 2)
    assert net.log_variance.shape == ((0,) if ends == (7, 7) else (2,))
    assert net.symbols_in == net.symbols_out == ("n_symbols" in attributes)


def test_device_is_the_cpu_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (
        recurrent_network.pick_device("auto")
        == recurrent_network.pick_device("cpu")
        == torch.device("cpu")
    )
    with pytest.raises(StoreError, match="torch sees no CUDA device; use device: auto or cpu"):
        recurrent_network.pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (
        recurrent_network.pick_device("auto")
        == recurrent_network.pick_device("cuda")
        == torch.device("cuda")
    )
    assert recurrent_network.pick_device("cpu") == torch.device("cpu")
