"""States of objects that are known by their steps: any nested arrays, read layer by layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.rnn.layers import TAKEN

#: Names of the parts of one layer's state, in dictionaries and named tuples.
HIDDEN, CELL = ("hidden", "h"), ("cell", "c")


def tensor(values: Any) -> Tensor:
    """Return an array of any framework as a tensor without a graph.

    Parameters
    ----------
    values : array_like
        The array.

    Returns
    -------
    Tensor
        It may share its memory with the array.
    """
    if isinstance(values, Tensor):
        return values.detach()
    # Frameworks on another device give arrays by way of NumPy.
    return torch.from_numpy(np.array(values))


def is_array(value: Any) -> bool:
    """Return whether a value is an array of any framework, and no container of arrays.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        False for numbers of NumPy too.
    """
    return isinstance(value, Tensor | np.ndarray) or (
        hasattr(value, "__array__") and not isinstance(value, np.generic)
    )


def mapped(function: Callable[..., Any], state: Any, *others: Any) -> Any:
    """Apply a function to every array of a state.

    Parameters
    ----------
    function : callable
        Takes an array, and those at its place in the others.
    state : object
        Nested arrays.
    *others : object
        States of the same parts.

    Returns
    -------
    object
        A state of the same parts.
    """
    if isinstance(state, Mapping):
        kind: Any = type(state)
        return kind((k, mapped(function, state[k], *(o[k] for o in others))) for k in state)
    if isinstance(state, list | tuple):
        parts = [mapped(function, *entries) for entries in zip(state, *others, strict=True)]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    return function(state, *others)


def copied(state: Any) -> Any:
    """Return a copy of a state, which later steps cannot change in place.

    Parameters
    ----------
    state : object
        Nested arrays.

    Returns
    -------
    object
        The copy, without a graph.
    """

    def _copy(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().clone()
        return value.copy() if isinstance(value, np.ndarray) else value

    return mapped(_copy, state)


def layers(state: Any, method: str) -> dict[str, tuple[Any, ...]]:
    """Return the arrays of each layer of a state, as :mod:`.protocol` defines them.

    Parameters
    ----------
    state : object
        Nested arrays.
    method : {"start", "step"}
        What returned the state, for messages.

    Returns
    -------
    dict of str to tuple
        ``(hidden,)`` or ``(hidden, cell)`` of each layer.

    Raises
    ------
    DataError
        When anything but arrays is in it, or nothing.
    """
    found: dict[str, tuple[Any, ...]] = {}

    def _put(name: str, *arrays: Any) -> None:
        base = name = name or f"layer{len(found)}"
        copies = 1
        while name in found or name in TAKEN:
            copies += 1
            name = f"{base}_{copies}"
        found[name] = arrays

    def _walk(value: Any, name: str, top: bool) -> None:
        if is_array(value):
            _put(name, value)
        elif isinstance(value, Mapping) or hasattr(value, "_fields"):
            named = value if isinstance(value, Mapping) else value._asdict()
            hidden = [named[key] for key in named if key in HIDDEN]
            cell = [named[key] for key in named if key in CELL]
            one = len(hidden) == 1 and len(cell) < 2 and len(hidden + cell) == len(named)
            if one and all(map(is_array, hidden + cell)):
                _put(name, *hidden, *cell)
                return
            for key, part in named.items():
                own = re.sub(r"\W", "_", str(key))
                _walk(part, f"{name}_{own}" if name else own, False)
        elif isinstance(value, list | tuple) and value:
            layer = all(map(is_array, value)) and len(value) <= 2
            if layer and not (top and isinstance(value, list)):
                _put(name, *value)
                return
            for index, part in enumerate(value):
                _walk(part, f"{name}_l{index}" if name else "", False)
        elif not isinstance(value, list | tuple):
            raise DataError(
                f"{method} returned a state that holds {_described(value)}; a state is an array "
                "(sequence, unit), or a tuple, list or dict of these"
            )

    _walk(state, "", True)
    if not found:
        raise DataError(
            f"{method} returned an empty state; a state is an array (sequence, unit), or a tuple, "
            "list or dict of these"
        )
    return found


def checked(
    state: Any, method: str, n: int, like: Mapping[str, tuple[Tensor, ...]] | None = None
) -> dict[str, tuple[Tensor, ...]]:
    """Return :func:`layers` as tensors.

    Parameters
    ----------
    state : object
        Nested arrays.
    method : {"start", "step"}
        What returned the state, for messages.
    n : int
        Sequences.
    like : mapping of str to tuple of Tensor, optional
        The layers of the state before, which has the same ones.

    Returns
    -------
    dict of str to tuple of Tensor of shape (sequence, unit)
        Of each layer.

    Raises
    ------
    DataError
        When an array is not (sequence, unit), or the layers are others than before.
    """
    found = layers(state, method)
    if like is not None and {k: len(v) for k, v in found.items()} != {
        k: len(v) for k, v in like.items()
    }:
        raise DataError(
            f"{method} returned a state with the parts {_parts(found)}, where start returned "
            f"{_parts(like)}; every step must return a state as start does"
        )
    made = {}
    for name, arrays in found.items():
        made[name] = tuple(map(tensor, arrays))
        for part, values in zip(("hidden", "cell"), made[name], strict=False):
            if values.ndim != 2 or len(values) != n:
                raise DataError(
                    f"{name}: a state's {part} must be (sequence, unit) for {n} sequences, "
                    f"found {tuple(values.shape)}"
                )
            if values.is_complex():
                raise DataError(f"{name}: a state's {part} must be real, found {values.dtype}")
    return made


def _parts(found: Mapping[str, tuple[Any, ...]]) -> str:
    return ", ".join(f"{name} ({len(arrays)})" for name, arrays in found.items())


def _described(value: Any) -> str:
    return "None" if value is None else f"{value!r}"[:40] + f" ({type(value).__name__})"
