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
    """Return an array of any framework as a tensor without a graph."""
    if isinstance(values, Tensor):
        return values.detach()
    # Frameworks on another device give arrays by way of NumPy.
    return torch.from_numpy(np.array(values))


def is_array(value: Any) -> bool:
    """Tell whether a value is an array of any framework, and no container of arrays."""
    return isinstance(value, Tensor | np.ndarray) or (
        hasattr(value, "__array__") and not isinstance(value, np.generic)
    )


def mapped(function: Callable[..., Any], state: Any, *others: Any) -> Any:
    """Return a state with ``function`` of every array, and of those at its place in the others."""
    if isinstance(state, Mapping):
        kind: Any = type(state)
        return kind((k, mapped(function, state[k], *(o[k] for o in others))) for k in state)
    if isinstance(state, list | tuple):
        parts = [mapped(function, *entries) for entries in zip(state, *others, strict=True)]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    return function(state, *others)


def copied(state: Any) -> Any:
    """Return a state that later steps cannot change in place."""

    def copy(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().clone()
        return value.copy() if isinstance(value, np.ndarray) else value

    return mapped(copy, state)


def layers(state: Any, method: str) -> dict[str, tuple[Any, ...]]:
    """Return layer -> ``(hidden,)`` or ``(hidden, cell)``, as :mod:`.protocol` says.

    Parameters
    ----------
    method : ``start`` or ``step``, which returned the state, for messages.

    Raises
    ------
    DataError
        When anything but arrays is in it, or nothing.
    """
    found: dict[str, tuple[Any, ...]] = {}

    def put(name: str, *arrays: Any) -> None:
        base = name = name or f"layer{len(found)}"
        copies = 1
        while name in found or name in TAKEN:
            copies += 1
            name = f"{base}_{copies}"
        found[name] = arrays

    def walk(value: Any, name: str, top: bool) -> None:
        if is_array(value):
            put(name, value)
        elif isinstance(value, Mapping) or hasattr(value, "_fields"):
            named = value if isinstance(value, Mapping) else value._asdict()
            hidden = [named[key] for key in named if key in HIDDEN]
            cell = [named[key] for key in named if key in CELL]
            one = len(hidden) == 1 and len(cell) < 2 and len(hidden + cell) == len(named)
            if one and all(map(is_array, hidden + cell)):
                put(name, *hidden, *cell)
                return
            for key, part in named.items():
                own = re.sub(r"\W", "_", str(key))
                walk(part, f"{name}_{own}" if name else own, False)
        elif isinstance(value, list | tuple) and value:
            layer = all(map(is_array, value)) and len(value) <= 2
            if layer and not (top and isinstance(value, list)):
                put(name, *value)
                return
            for index, part in enumerate(value):
                walk(part, f"{name}_l{index}" if name else "", False)
        elif not isinstance(value, list | tuple):
            raise DataError(
                f"{method} returned a state that holds {_told(value)}; a state is an array "
                "(sequence, unit), or a tuple, list or dict of these"
            )

    walk(state, "", True)
    if not found:
        raise DataError(
            f"{method} returned an empty state; a state is an array (sequence, unit), or a tuple, "
            "list or dict of these"
        )
    return found


def checked(
    state: Any, method: str, n: int, like: Mapping[str, tuple[Tensor, ...]] | None = None
) -> dict[str, tuple[Tensor, ...]]:
    """Return :func:`layers` as tensors of ``n`` sequences.

    Parameters
    ----------
    like : the layers of the state before, which has the same ones.

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


def _told(value: Any) -> str:
    return "None" if value is None else f"{value!r}"[:40] + f" ({type(value).__name__})"
