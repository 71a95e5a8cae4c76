"""Which units of each layer are recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError

Units = int | np.integer[Any] | Sequence[int] | Mapping[str, Sequence[int]]
Moments = Mapping[str, tuple[int, NDArray[np.float64], NDArray[np.float64]]]


def unit_numbers(units: Units, sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the units of each node, for all nodes alike or as they are named.

    Parameters
    ----------
    units : sequence of int, or mapping of str to sequence of int
        Units of all nodes, or of each.
    sizes : mapping of str to int
        Number of units of each node.

    Returns
    -------
    dict of str to list of int
        The units of each node.

    Raises
    ------
    DataError
        When a node or a unit does not exist.
    """
    wanted: Mapping[str, Any] = (
        {str(k): v for k, v in units.items()}
        if isinstance(units, Mapping)
        else dict.fromkeys(sizes, units)
    )
    strange = sorted(set(wanted) - set(sizes))
    if strange:
        raise DataError(f"units: there is no layer {strange[0]!r}; there are: {', '.join(sizes)}")
    chosen = {}
    for name, size in sizes.items():
        index = np.asarray(wanted.get(name, range(size)))
        if (
            index.ndim != 1
            or index.dtype.kind not in "iu"
            or len(set(index.tolist())) != len(index)
        ):
            raise DataError(f"units of {name} must be different whole numbers, found {index}")
        if not len(index) or index.min() < 0 or index.max() >= size:
            raise DataError(f"units of {name} must be from 0 to {size - 1}, found {index}")
        chosen[name] = index.tolist()
    return chosen


def most_variable(n_units: int, batches: Iterable[Moments]) -> dict[str, list[int]]:
    """Return the units of each node with the largest variance.

    Parameters
    ----------
    n_units : int
        Units of each node.
    batches : iterable of mapping
        For each batch: node -> count, mean and squared deviations (unit), see ``Layout.variances``.
        They are joined as by Chan et al. 1983.

    Returns
    -------
    dict of str to list of int
        Numbers of units, rising.

    Raises
    ------
    DataError
        When ``n_units`` is below 1.
    """
    if n_units < 1:
        raise DataError(f"units must be 1 or more, found {n_units}")
    joined: dict[str, tuple[int, Any, Any]] = {}
    for moments in batches:
        for name, (n, mean, squares) in moments.items():
            if name in joined:
                m, centre, deviations = joined[name]
                gap = mean - centre
                squares = squares + deviations + gap**2 * (n * m / (n + m))
                mean = centre + gap * (n / (n + m))
                n += m
            joined[name] = (n, mean, squares)
    return {
        name: np.sort(np.argsort(-squares, kind="stable")[:n_units]).tolist()
        for name, (_, _, squares) in joined.items()
    }
