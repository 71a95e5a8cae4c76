"""Recurrent networks as stacks of layers of one kind, with the recurrence protocol.

Dynamics and interventions are written for the protocol:
``state = step(state, input)`` and ``output = readout(state)``. A state is a tuple with one entry
per layer; an entry is ``(hidden,)``, or ``(hidden, cell)`` for an LSTM and for the layers of
:mod:`hmmlens.rnn.cells`, each (sequence, unit). The memory of other parts of a network is held by
entries behind those of its layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from hmmlens.errors import StoreError
from hmmlens.rnn.cells.layer import CellLayer
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import CELLS

State = tuple[tuple[Tensor, ...], ...]
Network = TypeVar("Network", bound=nn.Module)


class RecurrentNetwork(nn.Module):
    """Stacked recurrent layers and a linear readout.

    Parameters
    ----------
    cell : str
        A name of :data:`hmmlens.rnn.equations.CELLS`: ``vanilla`` (tanh), ``gru`` or ``lstm``;
        or of :data:`hmmlens.rnn.cells.registry.MODERN`, such as ``mamba``.
    n_inputs : int
        Symbols, which are given as integers and encoded one-hot, or input features.
    n_outputs : int
        Symbols (logits) or output features (means of a Gaussian).
    n_units : int
        Units of each layer.
    n_layers : int, default=1
        Layers.
    symbols_in, symbols_out : bool
        Whether input and output are symbols rather than values.
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
        self.layers = nn.ModuleList(_layer(cell, size, n_units) for size in sizes)
        #: Names of the layers in recordings.
        self.layer_names = {f"layers.{index}": f"layer{index}" for index in range(n_layers)}
        self.out = nn.Linear(n_units, n_outputs)
        # One variance per output feature, learnt with the means.
        self.log_variance = nn.Parameter(torch.zeros(0 if symbols_out else n_outputs))

    def state_names(self) -> dict[str, dict[str, list[str]]]:
        """Return the names of the entries of states that have names of their own.

        Returns
        -------
        dict of str to dict of str to list of str
            Layer -> ``cell`` -> name of each entry; empty for torch's layers.
        """
        return {
            f"layer{index}": {"cell": layer.memory_names()}
            for index, layer in enumerate(self.layers)
            if isinstance(layer, CellLayer)
        }

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the features that the first layer reads: symbols one-hot, values as they are.

        Parameters
        ----------
        inputs : Tensor of shape (...) or (..., feature)
            Symbols or values.

        Returns
        -------
        Tensor of shape (..., feature)
            Of the type of the weights.
        """
        if self.symbols_in:
            return nn.functional.one_hot(inputs.long(), self.n_inputs).to(self.out.weight.dtype)
        return inputs.to(self.out.weight.dtype)

    def hidden(self, inputs: Tensor) -> list[Tensor]:
        """Run the layers from the zero state.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time) or (sequence, time, feature)
            Symbols or values.

        Returns
        -------
        list of Tensor of shape (sequence, time, unit)
            The hidden state of each layer.
        """
        x = self.encode(inputs)
        sequence = []
        for layer in self.layers:
            x = layer(x)[0]
            sequence.append(x)
        return sequence

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output at each step, from the zero state.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time) or (sequence, time, feature)
            Symbols or values.

        Returns
        -------
        Tensor of shape (sequence, time, output)
            Logits or means.
        """
        output: Tensor = self.out(self.hidden(inputs)[-1])
        return output

    def start(self, n_sequences: int) -> State:
        """Return the state before the first step.

        Parameters
        ----------
        n_sequences : int
            Sequences that run at once.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, unit)
            One entry for each layer.
        """
        zero = self.out.weight.new_zeros(n_sequences, self.n_units)
        return tuple(
            layer.start(n_sequences)
            if isinstance(layer, CellLayer)
            else (zero,) * CELLS[self.cell].n_states
            for layer in self.layers
        )

    def step(self, state: State, inputs: Tensor) -> State:
        """Advance every layer by one step.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, unit)
            The state before the step.
        inputs : Tensor of shape (sequence,) or (sequence, feature)
            The input of the step.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, unit)
            The state after the step.
        """
        x = self.encode(inputs)
        new: list[tuple[Tensor, ...]] = []
        for layer, entry in zip(self.layers, state, strict=True):
            if isinstance(layer, CellLayer):
                new.append(layer.step(entry, x))
            else:
                names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
                kernel = getattr(torch, f"{CELLS[self.cell].torch_name}_cell")
                before = entry[0] if len(entry) == 1 else list(entry)
                after = kernel(x, before, *(getattr(layer, name) for name in names))
                new.append((after,) if len(entry) == 1 else after)
            x = new[-1][0]
        return tuple(new)

    def readout(self, state: State) -> Tensor:
        """Return the output of a state.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, unit)
            A state.

        Returns
        -------
        Tensor of shape (sequence, output)
            Logits or means.
        """
        output: Tensor = self.out(state[-1][0])
        return output


def _layer(cell: str, n_inputs: int, n_units: int) -> nn.Module:
    if cell in MODERN:
        return MODERN[cell].layer_type()(n_inputs, n_units)
    kind = CELLS[cell]
    layer: nn.Module = kind.layer_type()(n_inputs, n_units, batch_first=True, **kind.options)
    return layer


def initialise(seed: int, **settings: object) -> RecurrentNetwork:
    """Return a network with torch's default initial weights.

    The global random state of torch stays as it was.

    Parameters
    ----------
    seed : int
        Seed of the weights.
    **settings : object
        Arguments of :class:`RecurrentNetwork`.

    Returns
    -------
    RecurrentNetwork
        The network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RecurrentNetwork(**settings)  # type: ignore[arg-type]


def for_dataset(
    settings: Mapping[str, Any], attributes: Mapping[str, Any], sizes: Mapping[Any, int], seed: int
) -> RecurrentNetwork:
    """Return a configured network with initial weights, whose input and output fit a dataset.

    Parameters
    ----------
    settings : mapping
        ``cell``, ``n_units`` and ``n_layers``.
    attributes, sizes : mapping
        Those of the ``sequences`` store.
    seed : int
        Seed of the weights.

    Returns
    -------
    RecurrentNetwork
        The network.
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


def save(network: nn.Module, path: Path) -> None:
    """Write the weights to a safetensors file, which gets its name when it is whole.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    path : Path
        The file.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    # Copies, because the format knows no arrays that share their memory, as tied weights do.
    weights = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
    save_file({k: v.contiguous() for k, v in weights.items()}, partial)
    partial.replace(path)


def load_weights(network: Network, path: Path) -> Network:
    """Fill a network with the weights of a safetensors file.

    Parameters
    ----------
    network : torch.nn.Module
        It is changed in place.
    path : Path
        The file.

    Returns
    -------
    torch.nn.Module
        The same network.

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
    """Return a device of torch.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda"}
        ``auto`` is the CPU where there is no CUDA device.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    StoreError
        When ``cuda`` is wanted and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise StoreError(
            "device: cuda was asked for, but torch sees no CUDA device; use device: auto or cpu"
        )
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
