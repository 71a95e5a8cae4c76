"""Keras 3 models as torch modules: recurrent layers and what is around them.

Needs Keras, with any of its backends: ``pip install "hmmlens[keras]"``. Weights are copied, so
that the module gives the model's own outputs (inference: dropout is off).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hmmlens.errors import DataError
from hmmlens.rnn.adapters.gates import Weights, gru_weights, plain_weights

# Read by Keras when it is imported; torch is there already.
os.environ.setdefault("KERAS_BACKEND", "torch")
try:
    import keras as keras  # for keras_callback too, which needs the same back end
except ImportError as error:
    raise ImportError('Keras models need Keras 3: pip install "hmmlens[keras]"') from error


class Recurrent(nn.Module):
    """A torch layer that returns all steps or, like Keras by default, the last one alone.

    Parameters
    ----------
    rnn : torch.nn.RNNBase
        The layer.
    return_sequences : bool
        Whether to return all steps.
    """

    def __init__(self, rnn: nn.RNNBase, return_sequences: bool) -> None:
        super().__init__()
        self.rnn, self.return_sequences = rnn, return_sequences

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the states of the layer.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time, feature)
            What the layer reads.

        Returns
        -------
        Tensor of shape (sequence, time, unit) or (sequence, unit)
            All hidden states, or the last one.
        """
        steps, state = self.rnn(inputs)
        if self.return_sequences:
            return steps  # type: ignore[no-any-return]
        hidden = state[0] if isinstance(state, tuple) else state
        return torch.cat(list(hidden), dim=-1)


class Embed(nn.Embedding):
    """An embedding whose symbols may be floats."""

    def forward(self, symbols: Tensor) -> Tensor:
        """Return the embedding of symbols.

        Parameters
        ----------
        symbols : Tensor of shape (...)
            Symbols.

        Returns
        -------
        Tensor of shape (..., feature)
            Their vectors.
        """
        return super().forward(symbols.long())


def convert(model: Any) -> nn.Sequential:
    """Return a built Keras model as a torch module with the same weights, in evaluation mode.

    A chain of layers can be converted: LSTM, GRU (``reset_after``), SimpleRNN, each also in
    Bidirectional; Dense, Embedding, Activation, Dropout, TimeDistributed. The module's parts
    have the names of the layers.

    Parameters
    ----------
    model : keras.Model
        The model.

    Returns
    -------
    torch.nn.Sequential
        The module.

    Raises
    ------
    DataError
        When a layer, or one of its options, has no counterpart; the layer is named. When the model
        is not built yet.
    """
    _check_chain(model)
    fresh = [layer.name for layer in model.layers if not layer.built]
    if not model.built or fresh:
        raise DataError(
            f"the Keras model {model.name!r} is not built yet, so it holds no weights; call it on "
            "data once, or model.build(input_shape)"
        )
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    names: dict[str, str] = {}
    empty = nn.Sequential()
    for layer in model.layers:
        part = _convert(layer)
        if not isinstance(part, nn.Identity):
            name = layer.name.replace(".", "_")
            # A part may not have the name of something that every module has, such as forward.
            place = f"{name}_" if hasattr(empty, name) else name
            parts[place] = part
            names[f"{place}.rnn"] = name
    made = nn.Sequential(parts).eval()
    # Layers are recorded under the names that they have in Keras.
    made.__dict__["layer_names"] = names
    return made


def _check_chain(model: Any) -> None:
    if isinstance(model, keras.Sequential):
        return
    if not hasattr(model, "output_names"):
        raise DataError(
            f"{type(model).__name__} is a model of its own kind; only Sequential and Functional "
            "models can be converted"
        )
    entries = model.get_config()["layers"]
    for before, layer in zip([None, *entries], entries, strict=False):
        sources = _histories(layer["inbound_nodes"])
        if sources != ([before["name"]] if before else []):
            raise DataError(
                f"layer {layer['name']!r} reads from {sources}; only a model whose layers form one "
                "chain can be converted"
            )
    if len(model.outputs) != 1 or model.output_names != [entries[-1]["name"]]:
        raise DataError("only a model with one output, that of its last layer, can be converted")


def _histories(node: Any) -> list[str]:
    """Return the names of the layers whose outputs occur in a stored call."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            return [node["config"]["keras_history"][0]]
        node = list(node.values())
    if isinstance(node, list | tuple):
        return [name for part in node for name in _histories(part)]
    return []


def _convert(layer: Any) -> nn.Module:
    kind = type(layer).__name__
    if kind not in CONVERTERS or not type(layer).__module__.startswith("keras."):
        raise unsupported(layer.name, kind)
    if layer.compute_dtype not in ("float32", "float64"):
        raise unsupported(layer.name, f"{kind} in {layer.compute_dtype}")
    return CONVERTERS[kind](layer)


def unsupported(name: str, what: str) -> DataError:
    """Return the error to raise for a layer that cannot be converted.

    Parameters
    ----------
    name : str
        Name of the layer.
    what : str
        Its type, as the message reports it.

    Returns
    -------
    DataError
        The error.
    """
    return DataError(
        f"layer {name!r} is a {what}, which cannot be converted; allowed: {', '.join(CONVERTERS)}"
    )


def _fill(module: nn.Module, weights: Mapping[str, Any]) -> nn.Module:
    tensors = {k: torch.from_numpy(np.array(v, order="C")) for k, v in weights.items()}
    module.to(next(iter(tensors.values())).dtype).load_state_dict(tensors)
    return module


#: What torch's layers do, and nothing else.
_FIXED: dict[str, dict[str, tuple[Any, ...]]] = {
    "LSTM": {"activation": ("tanh",), "recurrent_activation": ("sigmoid",)},
    "GRU": {
        "activation": ("tanh",),
        "recurrent_activation": ("sigmoid",),
        "reset_after": (True,),
    },
    "SimpleRNN": {"activation": ("tanh", "relu")},
}

_CELLS: dict[str, tuple[type[nn.RNNBase], Callable[..., Weights]]] = {
    "LSTM": (nn.LSTM, plain_weights),
    "GRU": (nn.GRU, gru_weights),
    "SimpleRNN": (nn.RNN, plain_weights),
}


def _recurrent(layer: Any, backward: Any = None) -> nn.Module:
    kind, config = type(layer).__name__, layer.get_config()
    allowed = _FIXED[kind] | {"stateful": (False,), "return_state": (False,)}
    allowed |= {"go_backwards": (False,), "activity_regularizer": (None,)}
    for option, values in allowed.items():
        found = config.get(option)
        if found not in values:
            wanted = " or ".join(repr(value) for value in values)
            raise DataError(
                f"layer {layer.name!r} ({kind}) has {option}={found!r}, which torch's layer "
                f"cannot do; only {option}={wanted} can be converted"
            )
    torch_type, reorder = _CELLS[kind]
    options: dict[str, Any] = {"batch_first": True, "bias": config["use_bias"]}
    if kind == "SimpleRNN":
        options["nonlinearity"] = config["activation"]
    weights: dict[str, Any] = {}
    for each, suffix in ((layer, ""), (backward, "_reverse")):
        if each is not None:
            kernel, recurrent, *bias = each.get_weights()
            found = reorder(kernel, recurrent, bias[0] if bias else None)
            weights |= {f"{name}_l0{suffix}": value for name, value in found.items()}
    rnn = torch_type(
        kernel.shape[0], config["units"], bidirectional=backward is not None, **options
    )
    _fill(rnn, weights)
    return Recurrent(rnn, config["return_sequences"])


def _bidirectional(layer: Any) -> nn.Module:
    forward, backward = layer.forward_layer, layer.backward_layer
    if layer.merge_mode != "concat":
        raise DataError(
            f"layer {layer.name!r} (Bidirectional) has merge_mode={layer.merge_mode!r}; only "
            "'concat' can be converted"
        )
    if type(forward).__name__ not in _CELLS:
        raise unsupported(forward.name, type(forward).__name__)
    ignored = ("name", "go_backwards", "seed")
    one, other = ({k: v for k, v in x.get_config().items() if k not in ignored and "init" not in k}
                  for x in (forward, backward))  # fmt: skip
    if one != other or type(forward) is not type(backward):
        raise DataError(f"layer {layer.name!r} (Bidirectional) has two layers that differ")
    return _recurrent(forward, backward)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=-1),
    "tanh": nn.Tanh,
}


def _activation(layer: Any) -> nn.Module:
    name = keras.activations.serialize(layer.activation)
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise DataError(
            f"layer {layer.name!r} has the activation {name!r}, which cannot be converted; "
            f"allowed: {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]()


def _dense(layer: Any) -> nn.Module:
    kernel, *bias = layer.get_weights()
    weights = {"weight": kernel.T} | ({"bias": bias[0]} if bias else {})
    linear = _fill(nn.Linear(kernel.shape[0], kernel.shape[1], bias=bool(bias)), weights)
    activation = _activation(layer)
    return linear if isinstance(activation, nn.Identity) else nn.Sequential(linear, activation)


def _embedding(layer: Any) -> nn.Module:
    if layer.mask_zero:
        raise DataError(f"layer {layer.name!r} (Embedding) has mask_zero=True; masks are not known")
    (table,) = layer.get_weights()
    return _fill(Embed(*table.shape), {"weight": table})


def _nothing(layer: Any) -> nn.Module:
    return nn.Identity()


#: Keras layer -> what makes a torch module of it. A layer that does nothing here is an Identity.
CONVERTERS: dict[str, Callable[[Any], nn.Module]] = {
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "Bidirectional": _bidirectional,
    "Dense": _dense,
    "Embedding": _embedding,
    "Activation": _activation,
    "TimeDistributed": lambda layer: _convert(layer.layer),
    "Dropout": _nothing,
    "InputLayer": _nothing,
}
