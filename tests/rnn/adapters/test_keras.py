"""Keras models as torch modules give the outputs of Keras, or are refused by name."""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hmmlens import extract
from hmmlens.errors import DataError
from hmmlens.rnn import loading, recurrent_network

pytest.importorskip("h5py", reason='needs Keras: pip install "hmmlens[keras]"')
adapter = pytest.importorskip(
    "hmmlens.rnn.adapters.keras",
    reason='needs Keras: pip install "hmmlens[keras]"',
    exc_type=ImportError,
)
keras = adapter.keras
read = importlib.import_module("hmmlens.rnn.adapters.keras_file").read
layers = keras.layers


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(5)


def shaken(model: Any) -> Any:
    """Give every weight, also those that start at zero, a value of its own."""
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(scale=0.5, size=w.shape) for w in model.get_weights()])
    return model


def same_through_file(model: Any, inputs: np.ndarray, path: Path) -> nn.Module:
    """Save and read a model, and hold the module's outputs to those of Keras."""
    model = shaken(model)
    model.save(path)
    module: nn.Module = read(path)
    with torch.no_grad():
        found = module(torch.from_numpy(inputs)).numpy()
    expected = keras.ops.convert_to_numpy(model(inputs, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    assert np.ptp(expected) > 0.1
    return module


VALUES = np.random.default_rng(1).normal(size=(4, 9, 3)).astype(np.float32)

CELLS: dict[str, tuple[Callable[..., Any], type[nn.Module]]] = {
    "LSTM": (layers.LSTM, nn.LSTM),
    "GRU": (layers.GRU, nn.GRU),
    "SimpleRNN": (layers.SimpleRNN, nn.RNN),
    "SimpleRNN relu": (lambda *a, **k: layers.SimpleRNN(*a, activation="relu", **k), nn.RNN),
}


@pytest.mark.parametrize("every", [True, False], ids=["steps", "last"])
@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("both", [True, False], ids=["bidirectional", "forward"])
@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_layer_has_the_same_output(
    cell: str, both: bool, use_bias: bool, every: bool, tmp_path: Path
) -> None:
    layer, torch_type = CELLS[cell]
    rnn = layer(5, use_bias=use_bias, return_sequences=every)
    model = keras.Sequential(
        [keras.Input((None, 3)), layers.Bidirectional(rnn) if both else rnn, layers.Dense(2)]
    )
    module = same_through_file(model, VALUES, tmp_path / "model.keras")
    # A layer of torch's own, so that its states can be recorded.
    (found,) = [part for part in module.modules() if isinstance(part, nn.RNNBase)]
    assert type(found) is torch_type
    assert found.bidirectional is both


def test_other_layers_have_the_same_output(tmp_path: Path) -> None:
    inputs = keras.Input((9,), dtype="int32")
    x = layers.Embedding(7, 4, name="symbols")(inputs)
    x = layers.Dropout(0.5)(x)
    x = layers.LSTM(6, return_sequences=True, dropout=0.3, name="lower")(x)
    x = layers.TimeDistributed(layers.Dense(5, activation="tanh"))(x)
    x = layers.GRU(4, return_sequences=True, name="upper")(x)
    x = layers.Dense(3)(x)
    model = keras.Model(inputs, layers.Activation("softmax")(x))
    symbols = np.random.default_rng(2).integers(7, size=(5, 9)).astype(np.int32)
    module = same_through_file(model, symbols, tmp_path / "model.keras")
    named = dict(module.named_children())
    assert isinstance(named["lower"].rnn, nn.LSTM)
    assert isinstance(named["upper"].rnn, nn.GRU)


def test_double_precision_is_kept(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((None, 3), dtype="float64"), layers.GRU(4, dtype="float64")]
    )
    shaken(model).save(tmp_path / "model.keras")
    module = read(tmp_path / "model.keras")
    inputs = VALUES.astype(np.float64)
    with torch.no_grad():
        found = module(torch.from_numpy(inputs)).numpy()
    expected = keras.ops.convert_to_numpy(model(inputs))
    np.testing.assert_allclose(found, expected, atol=1e-13, rtol=0)


def chain(*parts: Any) -> Any:
    return keras.Sequential([keras.Input((9, 3)), *parts])


def branched() -> Any:
    inputs = keras.Input((9, 3))
    one = layers.LSTM(4, return_sequences=True, name="one")(inputs)
    two = layers.Dense(4, name="two")(inputs)
    return keras.Model(inputs, layers.Dense(2)(one + two))


def shared() -> Any:
    inputs = keras.Input((9, 4))
    twice = layers.Dense(4, name="twice")
    return keras.Model(inputs, twice(twice(inputs)))


def two_outputs() -> Any:
    inputs = keras.Input((9, 3))
    one = layers.LSTM(4, name="one")(inputs)
    return keras.Model(inputs, [one, layers.Dense(2, name="two")(one)])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "layer": (
        lambda: chain(layers.Conv1D(4, 3, name="filter"), layers.GRU(2)),
        "layer 'filter' is a Conv1D, which cannot be converted; allowed: LSTM, GRU, ",
    ),
    "wrapped": (
        lambda: chain(layers.TimeDistributed(layers.LayerNormalization(name="scale"))),
        "layer 'scale' is a LayerNormalization",
    ),
    "cell activation": (
        lambda: chain(layers.LSTM(4, activation="relu", name="rnn")),
        "layer 'rnn' \\(LSTM\\) has activation='relu', .* only activation='tanh' can be",
    ),
    "reset before": (
        lambda: chain(layers.GRU(4, reset_after=False, name="rnn")),
        "layer 'rnn' \\(GRU\\) has reset_after=False",
    ),
    "backwards": (
        lambda: chain(layers.GRU(4, go_backwards=True, name="rnn")),
        "layer 'rnn' \\(GRU\\) has go_backwards=True",
    ),
    "merge": (
        lambda: chain(layers.Bidirectional(layers.GRU(4), merge_mode="sum", name="two")),
        "layer 'two' \\(Bidirectional\\) has merge_mode='sum'",
    ),
    "activation": (
        lambda: chain(layers.Dense(4, activation="gelu", name="dense")),
        "layer 'dense' has the activation 'gelu'",
    ),
    "mask": (
        lambda: keras.Sequential(
            [keras.Input((9,)), layers.Embedding(5, 2, mask_zero=True, name="symbols")]
        ),
        "layer 'symbols' \\(Embedding\\) has mask_zero=True",
    ),
    "half": (
        lambda: chain(layers.Dense(4, dtype="mixed_float16", name="dense")),
        "layer 'dense' is a Dense in float16",
    ),
    "branch": (branched, "is a Add"),
    "shared": (shared, "layer 'twice' reads from .*; only a model whose layers form one chain"),
    "two outputs": (two_outputs, "only a model with one output"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_converted_is_named(case: str, tmp_path: Path) -> None:
    make, sentence = REFUSED[case]
    make().save(tmp_path / "model.keras")
    with pytest.raises(DataError, match=sentence) as caught:
        read(tmp_path / "model.keras")
    assert "\n" not in str(caught.value)


def hostile(path: Path, mark: Path, layer: dict[str, Any]) -> Path:
    """Write a model and put a layer that would make a file in its place."""
    model = chain(layers.GRU(4))
    model.save(path)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][-1] = layer
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_a_file_cannot_bring_code(tmp_path: Path) -> None:
    mark = tmp_path / "made"
    function = {"module": "pathlib", "class_name": "Path.touch", "config": str(mark)}
    for layer in (
        {"module": "keras.layers", "class_name": "Lambda", "registered_name": None,
         "config": {"name": "bad", "function": function}},
        {"module": "os", "class_name": "GRU", "registered_name": None, "config": {"name": "bad"}},
        {"module": "keras.layers", "class_name": "GRU", "registered_name": "mine>GRU",
         "config": {"name": "bad"}},
    ):  # fmt: skip
        with pytest.raises(DataError, match=r"layer 'bad' is a (Lambda|GRU), which cannot be"):
            read(hostile(tmp_path / "model.keras", mark, layer))
    inside = {"module": "keras.layers", "class_name": "GRU", "registered_name": None,
              "config": {"name": "bad", "units": 4, "activation": {
                  "module": "builtins", "class_name": "function", "registered_name": "function",
                  "config": "exec"}}}  # fmt: skip
    with pytest.raises(DataError, match="layer 'bad' is a function"):
        read(hostile(tmp_path / "model.keras", mark, inside))
    bad = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None,
           "config": {"name": "bad", "function": function}}  # fmt: skip
    for place in ("layer", "backward_layer"):
        deep = {"name": "outer", place: bad}
        for _ in range(2):
            deep = {"name": "outer", "layer": {"module": "keras.layers", "registered_name": None,
                    "class_name": "TimeDistributed", "config": deep}}  # fmt: skip
        outer = {"module": "keras.layers", "class_name": "Bidirectional", "registered_name": None,
                 "config": deep}  # fmt: skip
        with pytest.raises(DataError, match="layer 'bad' is a Lambda"):
            read(hostile(tmp_path / "model.keras", mark, outer))
    assert not mark.exists()


@pytest.mark.parametrize("layer", [{}, {"class_name": "GRU"}, {"config": 3, "class_name": []}])
def test_a_file_that_keras_did_not_write_is_refused(layer: dict[str, Any], tmp_path: Path) -> None:
    path = hostile(tmp_path / "model.keras", tmp_path / "made", layer)
    with pytest.raises(DataError, match=r"config\.json is not as Keras writes it"):
        read(path)


@pytest.mark.parametrize("name", ["forward", "training", "type", "my-memory"])
def test_a_layer_may_have_any_name(name: str, tmp_path: Path) -> None:
    rnn = layers.LSTM(4, return_sequences=True, name=name)
    module = same_through_file(chain(rnn, layers.Dense(2)), VALUES, tmp_path / "model.keras")
    assert list(extract(module, VALUES).children) == [name.replace("-", "_")]


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_another_file_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"this is no \.keras file of Keras 3"):
        read(path)


def test_a_subclassed_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps({"class_name": "Mine", "config": {}}))
    with pytest.raises(DataError, match="holds a Mine; only Sequential and Functional"):
        read(path)


def test_states_of_a_file_have_the_names_and_values_of_keras(tmp_path: Path) -> None:
    inner = layers.LSTM(5, return_sequences=True, name="memory")
    model = shaken(keras.Sequential([layers.Input((9, 3)), inner, layers.Dense(2)]))
    model.save(tmp_path / "model.keras")
    settings = {"kind": "keras", "file": "model.keras"}
    module = loading.load(settings, tmp_path)
    tree = extract(module, VALUES)
    expected = keras.ops.convert_to_numpy(inner(VALUES))
    np.testing.assert_allclose(tree["memory"]["hidden"], expected, atol=1e-5)
    # The weights that a job wrote go back into the same architecture.
    untrained = loading.reinitialise(loading.load(settings, tmp_path), seed=3)
    recurrent_network.save(untrained, tmp_path / "control.safetensors")
    again = loading.network(settings, {}, {}, tmp_path / "control.safetensors", tmp_path)
    found, drawn = extract(again, VALUES)["memory"]["hidden"], extract(untrained, VALUES)
    np.testing.assert_array_equal(found, drawn["memory"]["hidden"])
    assert not np.allclose(found, expected, atol=0.05)


def test_a_model_that_is_not_built_is_refused() -> None:
    model = keras.Sequential([layers.LSTM(4, return_sequences=True), layers.Dense(2)], name="mine")
    with pytest.raises(DataError, match=r"the Keras model 'mine' is not built yet.*model\.build"):
        adapter.convert(model)
    model.build((None, 9, 3))
    assert isinstance(adapter.convert(model), nn.Sequential)


def test_a_keras_model_is_sent_to_the_converter() -> None:
    model = keras.Sequential([layers.Input((9, 3)), layers.LSTM(4, return_sequences=True)])
    with pytest.raises(DataError, match=r"hmmlens\.rnn\.adapters\.keras\.convert\(model\)"):
        extract(model, VALUES)
    (name,) = extract(adapter.convert(model), VALUES).children
    assert name == model.layers[0].name


@pytest.mark.parametrize("layer", ["Conv1D", "GRU"])
def test_a_refusal_names_the_file(layer: str, tmp_path: Path) -> None:
    # One is refused by the text of the file, the other by what Keras makes of it.
    refused = {
        "Conv1D": lambda: layers.Conv1D(4, 3),
        "GRU": lambda: layers.GRU(4, reset_after=False, return_sequences=True),
    }
    model = keras.Sequential([layers.Input((9, 3)), refused[layer]()])
    path = tmp_path / "mine.keras"
    model.save(path)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: layer ")
