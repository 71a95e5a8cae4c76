"""The values of a variable as calls of layers: one for each step and part of the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.capture.hooks import Call
from hmmlens.recording.capture.tracing import Trace
from hmmlens.recording.nested_states import is_array, layers
from hmmlens.rnn.layers import RecordedModule


def variable_calls(item: RecordedModule, trace: Trace, n: int, n_steps: int) -> list[Call]:
    """Return what a variable held after every step.

    Parameters
    ----------
    item : RecordedModule
        What is recorded.
    trace : Trace
        Its values.
    n, n_steps : int
        Sequences and steps of the input.

    Returns
    -------
    list of Call
        A state of several layers has one for each, with a node of its own.

    Raises
    ------
    DataError
        When the loop did not run, or the variable is no state (sequence, unit).
    """
    runs = trace.values(n_steps)
    if not runs:
        raise DataError(
            f"{item.name!r}: the loop of {trace.variable.function} did not run, or not in Python; "
            "a module that torch compiles or scripts is recorded before that"
        )
    calls = []
    for run, values in enumerate(runs):
        for value in values:
            for suffix, arrays in _layers(value, item.name).items():
                parts = [_state(array, item.name, n) for array in arrays]
                own = item._replace(node=item.node + suffix)
                calls.append(Call(own, None, (), parts[0], (), run=run, cell=_second(parts)))
    return calls


def _layers(value: Any, name: str) -> dict[str, tuple[Any, ...]]:
    """Return the arrays of each layer of a state, by what follows the name of its node."""
    if not is_array(value) and not (isinstance(value, list | tuple | Mapping) and value):
        raise DataError(
            f"{name!r} holds a value of type {type(value).__name__}; a state is a tensor "
            "(sequence, unit), or a tuple, list or dict of these"
        )
    found = layers(value, name)
    if len(found) == 1:
        return {"": next(iter(found.values()))}
    return {f"_{key}": arrays for key, arrays in found.items()}


def _state(value: Any, name: str, n: int) -> Tensor:
    """Return a state (sequence, 1, unit); a matrix of each sequence becomes its entries."""
    if not isinstance(value, Tensor):
        raise DataError(
            f"{name!r} holds a value of type {type(value).__name__}, which is no tensor"
        )
    # As torch's layers take it: (1, sequence, unit).
    if value.ndim == 3 and len(value) == 1 != n and value.shape[1] == n:
        value = value[0]
    if n == 1 and value.ndim == 1:
        value = value[None]
    if value.ndim < 2 or len(value) != n:
        raise DataError(
            f"{name!r} holds a tensor of the shape {tuple(value.shape)} at a step; a state "
            f"(sequence, unit) of {n} sequences is needed"
        )
    state: Tensor = value.flatten(1)[:, None]
    return state


def _second(parts: list[Tensor]) -> Tensor | None:
    return parts[1] if len(parts) > 1 else None
