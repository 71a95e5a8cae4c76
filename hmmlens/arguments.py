"""Single arguments that users pass: counts, whole numbers, what stands for a seed, and names."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.arrays import numbers
from hmmlens.errors import DataError


def counts(n_states: Any, name: str = "n_states") -> list[Any]:
    """Return numbers of states as a list.

    Parameters
    ----------
    n_states : int or iterable of int
        One number means just that one.
    name : str, default="n_states"
        Name of the argument in messages.

    Returns
    -------
    list
        The numbers, not checked.
    """
    if hasattr(n_states, "shape"):
        found: list[Any] = np.atleast_1d(numbers(n_states, name)).tolist()
        return found
    if isinstance(n_states, str) or not isinstance(n_states, Iterable):
        return [n_states]
    return list(n_states)


def seed(random_state: Any, name: str = "random_state") -> int:
    """Return a seed from what scikit-learn accepts as one.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        A whole number from 0 to 2**32 - 1; a ``RandomState`` or ``Generator``, from which one
        number is sampled; or None for a fresh one.
    name : str, default="random_state"
        Name of the argument in messages.

    Returns
    -------
    int
        From 0 to 2**32 - 1.

    Raises
    ------
    DataError
        For anything else.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**32, dtype=np.uint32))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32, dtype=np.uint32))
    if (
        isinstance(random_state, bool | np.bool_)
        or not isinstance(random_state, Integral)
        or not 0 <= int(random_state) < 2**32
    ):
        raise DataError(
            f"{name} must be a whole number from 0 to {2**32 - 1}, None, or a RandomState or "
            f"Generator of NumPy, found {random_state!r}"
        )
    return int(random_state)


def check_count(value: object, name: str) -> None:
    """Refuse what is no count.

    Parameters
    ----------
    value : object
        Anything.
    name : str
        Name of the argument in messages.

    Raises
    ------
    DataError
        Unless ``value`` is a whole number of 1 or more.
    """
    if type(value) is bool or not isinstance(value, Integral) or value < 1:
        raise DataError(f"{name} must be a whole number of 1 or more, found {value!r}")


def integers(array: NDArray[Any]) -> NDArray[np.int64]:
    """Return whole numbers with a sign; those that are too large become the largest.

    Parameters
    ----------
    array : ndarray of int
        Of any integer type.

    Returns
    -------
    ndarray of int64
        The numbers.
    """
    if array.dtype == np.uint64:
        array = np.minimum(array, np.uint64(np.iinfo(np.int64).max))
    return array.astype(np.int64)


def argument_name(name: str, what: str) -> str:
    """Return the name of an argument that belongs to the data called ``name``.

    Parameters
    ----------
    name : str
        ``X`` or ``held_out``.
    what : str
        ``lengths`` or ``mask``.

    Returns
    -------
    str
        Such as ``held_out_mask``.
    """
    return f"{name}_{what}" if name == "held_out" else what
