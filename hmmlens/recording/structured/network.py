"""A network and its inputs in any structure, as a module that takes one array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from torch import nn

from hmmlens.errors import DataError
from hmmlens.recording import protocol
from hmmlens.recording.models import refusal
from hmmlens.recording.structured.packed_inputs import PackedInputs
from hmmlens.rnn.feeding.module import Feed, FeedingModule
from hmmlens.rnn.layers import recurrent


class Structured(NamedTuple):
    """A network that takes one array.

    Attributes
    ----------
    model : object
        The network.
    inputs : object
        The array, or what slices like one; None where no inputs were given.
    lengths : object
        Steps of each sequence, None where nobody gives them.
    columns : list of str or None
        Names of the columns; None where the inputs came as one array.
    around : callable
        Takes another network, such as an untrained one, and returns what takes the same array.
    """

    model: Any
    inputs: Any
    lengths: Any
    columns: list[str] | None
    around: Callable[[Any], Any]

    def names(self, names: Mapping[str, Sequence[str]] | None) -> dict[str, Sequence[str]]:
        """Return the names of inputs, outputs and true states.

        Parameters
        ----------
        names : mapping or None
            Those that a caller gives.

        Returns
        -------
        dict
            With names of the columns, where the inputs came as several arrays and are not named.
        """
        own = {} if self.columns is None else {"input": self.columns}
        return {**own, **(names or {})}


def structured(
    model: Any,
    inputs: Any,
    lengths: Any = None,
    feed: Feed | None = None,
    output: str | int | None = None,
    batch_first: bool | None = None,
) -> Structured:
    """Return a network and its inputs as a network that takes one array.

    Parameters
    ----------
    model : object
        The network.
    inputs : array_like, list of sequences, or mapping of str to these
        See :class:`hmmlens.recording.structured.packed_inputs.PackedInputs`; None for none.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence.
    feed : callable, optional
        See :class:`hmmlens.rnn.feeding.module.FeedingModule`.
    output : str or int, optional
        Which output counts.
    batch_first : bool, optional
        False where the model takes (time, sequence, ...).

    Returns
    -------
    Structured
        All as it is where the inputs are one array, and neither ``feed`` nor ``output`` is given.

    Raises
    ------
    DataError
        When the inputs do not fit each other, or the network does not take them.
    """
    named = isinstance(inputs, Mapping)
    if not named and feed is None and output is None:
        return Structured(model, inputs, lengths, None, lambda other: other)
    if feed is not None and not callable(feed):
        raise DataError(f"feed is {feed!r}; a function that returns (args, kwargs) is needed")
    parts, name, columns = None, None, None
    if named:
        packed = PackedInputs(inputs, lengths)
        lengths, symbols = packed.lengths, packed.only_symbols()
        if symbols is not None:
            name, inputs = symbols[0], inputs[symbols[0]]
        else:
            parts, inputs, columns = packed.parts, packed, packed.columns
    around = partial(_around, parts, name, feed, output, batch_first)
    return Structured(around(model), inputs, lengths, columns, around)


def _around(
    parts: Any, name: str | None, feed: Any, output: Any, batch_first: bool | None, model: Any
) -> Any:
    """Return a module that takes one array around a network."""
    if reason := refusal(model):
        raise DataError(reason)
    if not isinstance(model, nn.Module) or (
        protocol.follows(model) and not any(recurrent(part) for part in model.modules())
    ):
        raise DataError(
            f"{type(model).__name__} is known by its steps (start, step and readout), which take "
            "one array (sequence, time, feature); a mapping of inputs, feed and output are for a "
            "torch.nn.Module that is called as a whole"
        )
    return FeedingModule(model, parts, name, feed, output, batch_first)
