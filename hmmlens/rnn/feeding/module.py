"""A module that takes one array, around one that takes and returns what it likes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hmmlens.datasets.packing import Part, split
from hmmlens.errors import DataError
from hmmlens.rnn.feeding.output_choice import chosen_output
from hmmlens.rnn.feeding.signature import LENGTHS, Convention, built, convention, takes_lengths
from hmmlens.rnn.layers import LAYERS

#: Takes the tensors of a batch, and returns the arguments of the module.
Feed = Callable[..., Any]


class FeedingModule(nn.Module):
    """Calls a module with what it wants, and returns one of its outputs.

    The module is ``_orig_mod``, as that of ``torch.compile`` is, so that layers keep their names.

    Parameters
    ----------
    module : torch.nn.Module
        The user's module.
    parts : sequence of Part, optional
        Where the named inputs stand among the columns of the one array; without them the array
        itself is the input.
    name : str, optional
        Name of the only input, where the array itself is a named input.
    feed : callable, optional
        Takes the dict of the named inputs, or the tensor, and returns (args, kwargs) or the only
        argument; and the steps of each sequence, where it has an argument ``lengths``. By default
        named inputs are given as :func:`hmmlens.rnn.feeding.signature.convention` states.
    output : str or int, optional
        Which output is returned, see :func:`hmmlens.rnn.feeding.output_choice.chosen_output`.
    batch_first : bool, optional
        Whether the module takes (sequence, time, ...); None for yes, unless it is itself a
        recurrent layer that does not.

    Raises
    ------
    DataError
        When the module does not take inputs of these names.
    """

    def __init__(
        self,
        module: nn.Module,
        parts: Sequence[Part] | None = None,
        name: str | None = None,
        feed: Feed | None = None,
        output: str | int | None = None,
        batch_first: bool | None = None,
    ) -> None:
        super().__init__()
        self._orig_mod = module
        self.parts = None if parts is None else tuple(parts)
        self.name, self.feed, self.output = name, feed, output
        own = bool(module.batch_first) if isinstance(module, LAYERS) else True
        self.batch_first = own if batch_first is None else batch_first
        self.convention: Convention | None = None
        #: Whether the steps of each sequence are passed on.
        self.passes_lengths = (
            takes_lengths(module) if feed is None else LENGTHS in _parameters(feed)
        )
        if feed is None:
            names = [name] if parts is None else [part.name for part in parts]
            if names != [None]:
                self.convention = convention(module, [str(n) for n in names])

    @property
    def layer_names(self) -> Any:
        """Return the names that the module gives its layers.

        Returns
        -------
        mapping of str to str
            See :mod:`hmmlens.rnn.layers`.
        """
        return getattr(self._orig_mod, "layer_names", {})

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Any:
        """Call the module.

        Parameters
        ----------
        x : Tensor of shape (sequence, time, column)
            Or (time, sequence, column), where the module reads time first.
        lengths : Tensor of shape (sequence,), optional
            Steps of each sequence, for a module or ``feed`` that takes them.

        Returns
        -------
        object
            Its output.
        """
        args, kwargs = self._arguments(self._inputs(x), lengths)
        result = self._orig_mod(*args, **kwargs)
        return result if self.output is None else chosen_output(result, self.output)

    def _inputs(self, x: Tensor) -> Any:
        """Return the named inputs, or the tensor."""
        if self.parts is None:
            return x if self.name is None else {self.name: x}
        floats = next((p for p in self.parameters() if p.is_floating_point()), None)
        types = {
            "whole": torch.long,
            "bool": torch.bool,
            "float": torch.float32 if floats is None else floats.dtype,
        }
        found = split(x if self.batch_first else x.transpose(0, 1), self.parts)
        return {
            part.name: (
                found[part.name].transpose(0, 1)
                if part.timed and not self.batch_first
                else found[part.name]
            ).to(types[part.kind])
            for part in self.parts
        }

    def _arguments(self, given: Any, lengths: Tensor | None) -> tuple[Sequence[Any], Any]:
        options = {LENGTHS: lengths} if self.passes_lengths else {}
        if self.feed is None:
            if self.convention is None:
                return (given,), options
            args, kwargs = self.convention.arguments(given)
            return args, {**kwargs, **options}
        if isinstance(self.feed, type) and isinstance(given, Mapping):
            made = built(self.feed, given)
        else:
            made = self.feed(given, **options)
        if made is None:
            raise DataError("feed returns nothing; it must return (args, kwargs) or one argument")
        if type(made) is tuple and len(made) == 2 and _is_call(*made):
            return made
        return (made,), {}


def _is_call(args: Any, kwargs: Any) -> bool:
    """Return whether two objects are arguments by position and by name."""
    return isinstance(args, list | tuple) and isinstance(kwargs, Mapping)


def _parameters(feed: Feed) -> Mapping[str, Any]:
    try:
        return inspect.signature(feed).parameters
    except (TypeError, ValueError):
        # What is written in C does not show its arguments.
        return {}
