"""The networks of a study: trained by it, or loaded."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from hmmlens.rnn.adapters import ADAPTERS
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import CELLS, TRAINABLE
from hmmlens.settings import Name, Section

LayerName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=80),
    Field(description="a name of letters, digits and underscores"),
]
LSTMState = Literal["both", "hidden", "cell"]
# The allowed values are the members of the registries, which a type checker cannot read.
if TYPE_CHECKING:
    CellName = str
    AdapterName = str
else:
    CellName = Literal[(*TRAINABLE, *MODERN)]
    AdapterName = Literal[tuple(ADAPTERS)]


#: The package of bundled networks, under an old name that factories in configs may have.
OLD_ADAPTERS, NEW_ADAPTERS = "hmmlens.networks.adapters.", "hmmlens.rnn.adapters."


def current_factory(factory: str) -> str:
    """Return a factory under its current name, with a warning where it has an old one.

    Parameters
    ----------
    factory : str
        ``package.module:function``.

    Returns
    -------
    str
        The same factory, in the package where it is now.

    Examples
    --------
    >>> current_factory("mine.models:build")
    'mine.models:build'
    """
    if not factory.startswith(OLD_ADAPTERS):
        return factory
    current = NEW_ADAPTERS + factory.removeprefix(OLD_ADAPTERS)
    warnings.warn(
        f"factory: {factory} is deprecated; use {current}", DeprecationWarning, stacklevel=2
    )
    return current


class Training(Section):
    """How networks are trained: Adam, early stopping on the select split, checkpoints."""

    max_epochs: int = Field(default=60, ge=1)
    patience: int = Field(
        default=8, ge=1, description="epochs without a better select loss before a stop"
    )
    batch_size: int = Field(default=16, ge=1, description="sequences")
    learning_rate: float = Field(default=5e-3, gt=0)
    clip_norm: float = Field(default=1.0, gt=0)
    checkpoint_every: int = Field(default=5, ge=1, description="epochs")


class TrainedNetwork(Section):
    """One recurrent network, trained once for each seed."""

    kind: Literal["trained"] = "trained"
    dataset: Name = Field(description="the name of a section of datasets")
    cell: CellName
    n_units: int = Field(default=32, ge=1)
    n_layers: int = Field(default=1, ge=1)
    n_seeds: int = Field(default=2, ge=1)
    lstm_state: LSTMState = Field(
        default="both",
        description="what the state of a layer with a cell state or a memory is: hidden, cell, or "
        "the two side by side",
    )
    training: Training | None = Field(
        default=None, description="replaces the study's training section"
    )

    @property
    def layers(self) -> list[str]:
        """Return the names of the layers that are explained.

        Returns
        -------
        list of str
            As :func:`hmmlens.extract` names them.
        """
        return [f"layer{index}" for index in range(self.n_layers)]

    @property
    def width(self) -> int:
        """Return the width of the state of a layer.

        Returns
        -------
        int
            Units, twice as many where the cell state counts too.
        """
        if self.cell in MODERN:
            sizes = {"hidden": self.n_units, "cell": MODERN[self.cell].n_memory(self.n_units)}
            return sizes.get(self.lstm_state, sum(sizes.values()))
        return self.n_units * (CELLS[self.cell].n_states if self.lstm_state == "both" else 1)


class LoadedNetwork(Section):
    """What all networks share that were trained elsewhere."""

    #: There is one of it.
    n_seeds: ClassVar[int] = 1

    dataset: Name = Field(description="the name of a section of datasets")
    lstm_state: LSTMState = Field(
        default="both",
        description="what an LSTM's layer state is: hidden, cell, or the two side by side",
    )


class TorchNetwork(LoadedNetwork):
    """A torch module: a factory, and a file with its weights."""

    kind: Literal["torch"]
    factory: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$",
        description="a function that returns the module, as package.module:function",
    )
    weights: str = Field(
        pattern=r"^.+\.(safetensors|pt|pth|ckpt|bin)$",
        description="a .safetensors file, or a torch file .pt, .pth, .ckpt or .bin",
    )
    kwargs: dict[str, Any] = Field(default={}, description="what the factory is called with")
    batch_first: bool | None = Field(
        default=None,
        description="false where the module takes (time, sequence, ...); by default true, but for "
        "a module that is itself a recurrent layer of torch",
    )
    layers: list[LayerName] = Field(
        min_length=1, description="layers to explain, as hmmlens.extract names them"
    )

    _current = field_validator("factory")(current_factory)


class KerasNetwork(LoadedNetwork):
    """A Keras 3 model of LSTM, GRU or SimpleRNN layers."""

    kind: Literal["keras"]
    file: str = Field(pattern=r"^.+\.keras$", description="a .keras file of Keras 3")
    layers: list[LayerName] = Field(
        min_length=1, description="layers to explain, by their names in Keras"
    )


class AdapterNetwork(LoadedNetwork):
    """A network that others trained and published, fetched once."""

    kind: Literal["adapter"]
    adapter: AdapterName

    @property
    def layers(self) -> list[str]:
        """Return the names of the layers that are explained.

        Returns
        -------
        list of str
            As :func:`hmmlens.extract` names them.
        """
        return list(ADAPTERS[self.adapter].layers)


#: Every kind of network that is not trained here.
LOADED: tuple[type[LoadedNetwork], ...] = (TorchNetwork, KerasNetwork, AdapterNetwork)

NetworkConfig = Annotated[
    TrainedNetwork | TorchNetwork | KerasNetwork | AdapterNetwork, Field(discriminator="kind")
]
