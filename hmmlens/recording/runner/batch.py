"""The states and the output of one batch, as every runner returns them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor


class Node(NamedTuple):
    """One layer in one direction.

    Attributes
    ----------
    arrays : mapping of str to Tensor of shape (sequence, time, unit)
        ``hidden`` and what else was wanted.
    lengths : Tensor of shape (sequence,) or None
        Where they are the layer's own.
    error : float
        Largest difference of the replay; NaN where it is not known or was not asked for.
    """

    arrays: Mapping[str, Tensor]
    lengths: Tensor | None
    error: float


class StepCheck(NamedTuple):
    """How outputs for every step were made of a module that returns one for each sequence.

    Attributes
    ----------
    part : {"prefix", "suffix"}
        Whether an output is that of the steps up to one, or from it on.
    by : str
        How they were computed.
    error : float
        Largest difference to runs of the module on a sample of the parts; NaN where it is not
        known.
    later : bool
        Whether states at a step depend on later inputs.
    both : bool
        Whether a layer reads in both directions.
    """

    part: str
    by: str
    error: float
    later: bool
    both: bool


class Batch(NamedTuple):
    """The states and the output of one batch.

    Attributes
    ----------
    output : Tensor of shape (sequence, ...) or None
        What the module returned.
    nodes : mapping of str to Node
        The layers that are recorded.
    error : float
        Largest difference of the outputs in the replay; NaN where it is not known.
    unknown : str
        Why the module cannot be replayed; empty where it can, or where it was not tried.
    doubt : callable
        Returns why states are not those of one sequence alone, empty where they are or where
        nothing is to be verified. It runs the module once more, so it is called when there is room.
    layers : sequence of sequence of str
        The nodes of each layer, one for each direction, in the order of the forward pass.
    steps : StepCheck or None
        Where outputs for every step were made of one for each sequence.
    """

    output: Tensor | None
    nodes: Mapping[str, Node]
    error: float
    unknown: str
    doubt: Callable[[], str] = str
    layers: Sequence[Sequence[str]] = ()
    steps: StepCheck | None = None
