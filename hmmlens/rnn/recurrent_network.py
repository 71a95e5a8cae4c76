"""Recurrent networks as stacks of torch's own layers, with the recurrence protocol.

The protocol, against which dynamics and interventions are written:
``state = step(state, input)`` and ``output = readout(state)``. A state is a tuple with one entry
per layer; an entry is ``(hidden,)``, or ``(hidden, cell)`` for an LSTM, each (sequence, unit). What
other parts of a network remember stands in entries behind those of its layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from hmmlens.errors import StoreError
from hmmlens.rnn.equations import BY_TORCH_NAME, CELLS
from hmmlens.rnn.layer_steps import kind_of
from hmmlens.rnn.layers import recurrent

State = tuple[tuple[Tensor, ...], ...]
Network = TypeVar("Network", bound=nn.Module)


class RecurrentNetwork(nn.Module):
    """Stacked recurrent layers and a linear readout.

    Parameters
    ----------
    cell : ``vanilla`` (tanh), ``gru`` or ``lstm``.
    n_inputs : symbols (given as integers and fed one-hot) or input features.
    n_outputs : symbols (logits) or output features (means of a Gaussian).
    n_units, n_layers : size of each layer, number of layers.
    symbols_in, symbols_out : whether input and output are symbols rather than values.
    """

    def __init__(
        self,
        cell: str,
        n_inputs: int,
        n_outputs: int,
        n_units: int,
        n_layers: int = 1,
        *,
        symbols_in: bool,
        symbols_out: bool,
    ) -> None:
        super().__init__()
        self.cell, self.n_inputs, self.n_units = cell, n_inputs, n_units
        self.symbols_in, self.symbols_out = symbols_in, symbols_out
        sizes = [n_inputs, *[n_units] * (n_layers - 1)]
        kind = CELLS[cell]
        self.layers = nn.ModuleList(
            kind.layer_type()(size, n_units, batch_first=True, **kind.options) for size in sizes
        )
        #: What extraction calls the layers.
        self.layer_names = {f"layers.{index}": f"layer{index}" for index in range(n_layers)}
        self.out = nn.Linear(n_units, n_outputs)
        # One variance per output feature, learnt beside the means.
        self.log_variance = nn.Parameter(torch.zeros(0 if symbols_out else n_outputs))

    def encode(self, inputs: Tensor) -> Tensor:
        """Return float features (..., feature): symbols one-hot, values as they are."""
        if self.symbols_in:
            return nn.functional.one_hot(inputs.long(), self.n_inputs).to(self.out.weight.dtype)
        return inputs.to(self.out.weight.dtype)

    def hidden(self, inputs: Tensor) -> list[Tensor]:
        """Run the layers from the zero state; return each one's hidden (sequence, time, unit)."""
        x = self.encode(inputs)
        sequence = []
        for layer in self.layers:
            x = layer(x)[0]
            sequence.append(x)
        return sequence

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits or means (sequence, time, output)."""
        output: Tensor = self.out(self.hidden(inputs)[-1])
        return output

    def start(self, n_sequences: int) -> State:
        """Return the zero state."""
        zero = self.out.weight.new_zeros(n_sequences, self.n_units)
        return tuple((zero,) * CELLS[self.cell].n_states for _ in self.layers)

    def step(self, state: State, inputs: Tensor) -> State:
        """Advance every layer by one step; ``inputs`` is (sequence) or (sequence, feature)."""
        x = self.encode(inputs)
        new = []
        kernel = getattr(torch, f"{CELLS[self.cell].torch_name}_cell")
        for layer, entry in zip(self.layers, state, strict=True):
            weights: Any = (
                layer.weight_ih_l0,
                layer.weight_hh_l0,
                layer.bias_ih_l0,
                layer.bias_hh_l0,
            )
            advanced = kernel(x, entry[0] if len(entry) == 1 else list(entry), *weights)
            new.append((advanced,) if len(entry) == 1 else advanced)
            x = new[-1][0]
        return tuple(new)

    def readout(self, state: State) -> Tensor:
        """Return logits or means (sequence, output) of a state."""
        output: Tensor = self.out(state[-1][0])
        return output


def initialise(seed: int, **settings: object) -> RecurrentNetwork:
    """Return a network with torch's default initial weights, drawn from ``seed``.

    The global random state of torch is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RecurrentNetwork(**settings)  # type: ignore[arg-type]


def for_dataset(
    settings: Mapping[str, Any], attributes: Mapping[str, Any], sizes: Mapping[Any, int], seed: int
) -> RecurrentNetwork:
    """Return a configured network with initial weights, its ends fitting a dataset.

    Parameters
    ----------
    settings : ``cell``, ``n_units`` and ``n_layers``.
    attributes, sizes : of the ``sequences`` store.
    """
    symbols_in = attributes["input_kind"] == "symbols"
    symbols_out = attributes["target_kind"] == "symbols"
    n_symbols = attributes.get("n_symbols", 0)
    return initialise(
        seed,
        cell=settings["cell"],
        n_inputs=int(n_symbols if symbols_in else sizes["feature"]),
        n_outputs=int(
            attributes.get("n_target_symbols", n_symbols) if symbols_out else sizes["output"]
        ),
        n_units=settings["n_units"],
        n_layers=settings["n_layers"],
        symbols_in=symbols_in,
        symbols_out=symbols_out,
    )


def described(network: nn.Module) -> dict[str, Any]:
    """Return what tables tell of a network: ``cell``, ``n_units`` (largest layer), parameters."""
    parts: list[Any] = [part for part in network.modules() if recurrent(part)]
    kinds = sorted({kind_of(part) for part in parts})
    return {
        "cell": " and ".join(BY_TORCH_NAME[kind] for kind in kinds),
        "n_units": max((part.hidden_size for part in parts), default=0),
        "n_parameters": sum(p.numel() for p in network.parameters()),
    }


def save(network: nn.Module, path: Path) -> None:
    """Write the weights to a safetensors file, under their name when whole."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    # Copies, because the format knows no arrays that share their memory, as tied weights do.
    weights = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
    save_file({k: v.contiguous() for k, v in weights.items()}, partial)
    partial.replace(path)


def load_weights(network: Network, path: Path) -> Network:
    """Fill ``network`` with the weights of a safetensors file.

    Raises
    ------
    StoreError
        When the file cannot be read, or its arrays do not fit the network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: the weights cannot be read; train the network again") from error
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise StoreError(
            f"{path}: the weights do not fit the configured network: {reason}"
        ) from error
    return network


def pick_device(wanted: str) -> torch.device:
    """Return the device for ``auto``, ``cpu`` or ``cuda``; ``auto`` falls back to the CPU."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise StoreError(
            "device: cuda was asked for, but torch sees no CUDA device; use device: auto or cpu"
        )
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
