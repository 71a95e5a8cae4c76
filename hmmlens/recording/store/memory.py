"""A recording that is kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.recording.store.array_specs import Fixed, Spec, Units
from hmmlens.recording.store.trees import with_ends


class Memory:
    """Keeps everything in memory."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self.specs: dict[str, Spec] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.done: list[dict[str, Any]] = []
        self.units: Units | None = None

    def __enter__(self) -> Memory:
        """Do nothing: memory is nobody else's."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let go of what was kept where it is not wanted."""
        if kind is not None:
            self.arrays.clear()

    def create(self, specs: Sequence[Spec], fixed: Fixed, units: Units | None) -> None:
        """Make room for arrays.

        Parameters
        ----------
        specs : sequence of Spec
            Arrays that grow batch by batch.
        fixed : sequence of (Spec, ndarray)
            Arrays that are whole.
        units : mapping of str to sequence of int or None
            Units of each node that are kept.
        """
        self.units = units
        for spec in [*specs, *(spec for spec, _ in fixed)]:
            self.specs[spec.name], self.shapes[spec.name] = spec, spec.shape
        self.arrays = {spec.name: np.zeros(spec.shape, dtype=spec.dtype) for spec in specs}
        self.arrays |= {spec.name: values for spec, values in fixed}

    def restart(self) -> None:
        """Forget what was kept."""
        self.units, self.done = None, []
        self.arrays, self.specs, self.shapes = {}, {}, {}

    def write(self, name: str, first: int, values: NDArray[Any]) -> None:
        """Write entries of an array.

        Parameters
        ----------
        name : str
            Name of the array.
        first : int
            The first sequence.
        values : ndarray of shape (sequence, ...)
            The entries.
        """
        self.arrays[name][first : first + len(values)] = values

    def batch_done(self, about: dict[str, Any]) -> None:
        """Note that a batch is whole.

        Parameters
        ----------
        about : dict
            What is noted of it.
        """
        self.done.append(about)

    def close(self, attributes: Mapping[str, Mapping[str, Any]]) -> xr.DataTree:
        """Return the arrays with the attributes of every node.

        Parameters
        ----------
        attributes : mapping of str to mapping
            Attributes of each node.

        Returns
        -------
        DataTree
            The recording.
        """
        nodes = {path: xr.Dataset(attrs=dict(attrs)) for path, attrs in attributes.items()}
        for name, spec in self.specs.items():
            node, _, variable = name.rpartition("/")
            data = xr.Variable(spec.dims, self.arrays[name])
            nodes[f"/{node}"] = nodes[f"/{node}"].assign({variable: data})
        return with_ends(xr.DataTree.from_dict(nodes))
