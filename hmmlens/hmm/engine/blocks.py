"""Data in the order in which the E-step reads them, and the memory it works in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.packing import Packing, pack, split
from hmmlens.hmm.engine.parameters import Family
from hmmlens.typing import Floats

T = TypeVar("T")

#: Bytes that one E-step may use, the data not counted.
MEMORY_LIMIT = 2**29
#: Features are made for so many bytes of columns at a time, and made anew for every use: they
#: come out of the cache faster than all of them would out of memory.
PIECE_BYTES = 2**22


class Block:
    """Some sequences, packed.

    Parameters
    ----------
    frames : ndarray of shape (frame, component), or (frame,) of symbols
        Sequences one after another.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.
    centre : ndarray of shape (component,), optional
        Subtracted from the values; None for symbols.
    cut : bool, optional
        See :func:`hmmlens.hmm.engine.packing.pack`.

    Attributes
    ----------
    values : ndarray of shape (component, column), or (column,) of symbols
        Centred values.
    """

    def __init__(
        self,
        frames: NDArray[np.generic],
        lengths: NDArray[np.integer],
        centre: Floats | None = None,
        cut: bool | None = None,
    ) -> None:
        self.packing: Packing = pack(lengths, cut)
        if centre is None:
            self.values: NDArray[np.generic] = frames[self.packing.row]
        else:
            self.values = np.ascontiguousarray(np.subtract(frames[self.packing.row], centre).T)
        self._scatter: tuple[Family, Floats] | None = None
        self._kept: dict[str, Any] = {}

    @property
    def n_frames(self) -> int:
        """Frames of all sequences.

        Returns
        -------
        int
            The number of columns.
        """
        return self.packing.n_frames

    @property
    def n_components(self) -> int:
        """Components of a frame.

        Returns
        -------
        int
            1 for symbols.
        """
        return len(self.values) if self.values.ndim == 2 else 1

    def scatter(self, family: Family) -> Floats:
        """Return what ``family`` needs of the data in addition to features; computed once.

        Parameters
        ----------
        family : Family
            The emissions.

        Returns
        -------
        ndarray
            See :meth:`hmmlens.hmm.engine.parameters.Family.scatter`.
        """
        if self._scatter is None or self._scatter[0] is not family:
            self._scatter = family, family.scatter(self.values)
        return self._scatter[1]

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Return what is made of the data once, such as another order of the same values.

        Parameters
        ----------
        name : str
            Its name.
        make : callable
            Makes it where it is not there yet.

        Returns
        -------
        object
            The result of ``make``.
        """
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def features(self, family: Family, columns: slice, space: Workspace) -> Floats:
        """Return features, which hold until the next call.

        Parameters
        ----------
        family : Family
            The emissions.
        columns : slice
            Columns of the packing.
        space : Workspace
            Memory for the features.

        Returns
        -------
        ndarray of shape (feature, column)
            A view of ``space``.
        """
        values = self.values[..., columns]
        shape = family.n_features(self.n_components), values.shape[-1]
        return family.features(values, space.flat("features", *shape))


def blocks_of(
    frames: NDArray[np.generic],
    lengths: NDArray[np.integer],
    centre: Floats | None,
    floats_per_frame: int,
    memory_limit: int = MEMORY_LIMIT,
) -> list[Block]:
    """Return blocks whose panels stay below ``memory_limit`` bytes.

    Parameters
    ----------
    frames, lengths, centre : ndarray
        See :class:`Block`.
    floats_per_frame : int
        See :func:`hmmlens.hmm.engine.engines.floats_per_frame`.
    memory_limit : int, default=2**29
        Bytes.

    Returns
    -------
    list of Block
        Together all sequences, in their order.
    """
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return [
        Block(frames[starts[part.start] : starts[part.stop]], lengths[part], centre)
        for part in split(lengths, max(1, memory_limit // (8 * floats_per_frame)))
    ]


def pieces(n_columns: int, n_rows: int) -> Iterator[slice]:
    """Cut columns into slices of which ``n_rows`` rows fit into the cache.

    Parameters
    ----------
    n_columns : int
        Number of columns.
    n_rows : int
        Numbers per column.

    Yields
    ------
    slice
        Some columns.
    """
    size = max(256, PIECE_BYTES // (8 * n_rows))
    for first in range(0, n_columns, size):
        yield slice(first, min(first + size, n_columns))


class Workspace:
    """Memory that is used again at every E-step, because fresh pages cost more than arithmetic."""

    def __init__(self) -> None:
        self._held: dict[str, Floats] = {}

    def flat(self, name: str, *shape: int) -> Floats:
        """Return a contiguous array with arbitrary content.

        Parameters
        ----------
        name : str
            Arrays of one name share memory.
        *shape : int
            Shape of the array.

        Returns
        -------
        ndarray
            A view of memory that is kept.
        """
        size = math.prod(shape)
        if name not in self._held or self._held[name].size < size:
            self._held[name] = np.empty(size)
        return self._held[name][:size].reshape(shape)
