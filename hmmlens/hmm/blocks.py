"""Data in the order in which the E-step reads them, and the memory it works in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.packing import Packing, pack, split
from hmmlens.hmm.parameters import Family

Floats = NDArray[np.float64]

#: Bytes that features and panels may take together.
MEMORY_LIMIT = 2**29
#: Columns worked on at a time, so that what one step leaves is still in the cache for the next.
PIECE_BYTES = 2**19


class Block:
    """Some sequences, packed.

    Parameters
    ----------
    frames : (frame, component) values or (frame) symbols, sequences one after another.
    lengths : (sequence)
    centre : (component), subtracted; None for symbols.
    keep_features : hold the features between E-steps rather than make them anew.
    cut : see :func:`hmmlens.hmm.packing.pack`.
    """

    def __init__(
        self,
        frames: NDArray[np.generic],
        lengths: NDArray[np.integer],
        centre: Floats | None = None,
        keep_features: bool = True,
        cut: bool | None = None,
    ) -> None:
        self.packing: Packing = pack(lengths, cut)
        if centre is None:
            self.values: NDArray[np.generic] = frames[self.packing.row]
        else:
            self.values = np.ascontiguousarray(np.subtract(frames[self.packing.row], centre).T)
        self._keep = keep_features
        self._family: Family | None = None
        self._features: Floats | None = None
        self._scatter: Floats | None = None

    @property
    def n_frames(self) -> int:
        """Frames of all sequences."""
        return self.packing.n_frames

    def scatter(self, family: Family) -> Floats:
        """Return what ``family`` needs of the data beside features; computed once."""
        self._serve(family)
        if self._scatter is None:
            self._scatter = family.scatter(self.values)
        return self._scatter

    def features(self, family: Family, columns: slice) -> Floats:
        """Return features (feature, column)."""
        self._serve(family)
        if self._features is not None:
            return self._features[:, columns]
        if not self._keep:
            return family.features(self.values[..., columns])
        self._features = family.features(self.values)
        return self._features[:, columns]

    def whole_features(self, family: Family) -> bool:
        """Return whether all features are at hand at once."""
        return self._keep

    def _serve(self, family: Family) -> None:
        if self._family is not family:
            self._family, self._features, self._scatter = family, None, None


def blocks_of(
    frames: NDArray[np.generic],
    lengths: NDArray[np.integer],
    centre: Floats | None,
    n_features: int,
    n_rows: int,
    memory_limit: int = MEMORY_LIMIT,
) -> list[Block]:
    """Return blocks whose features and panels stay below ``memory_limit`` bytes.

    Parameters
    ----------
    n_features : of the family.
    n_rows : restarts times states of the largest batch.
    """
    held = 8 * len(frames) * n_features
    keep = held <= memory_limit // 2
    room = memory_limit - held if keep else memory_limit
    most = max(1, room // (8 * (3 * n_rows + 2)))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return [
        Block(frames[starts[part.start] : starts[part.stop]], lengths[part], centre, keep)
        for part in split(lengths, most)
    ]


def pieces(n_columns: int, n_rows: int) -> Iterator[slice]:
    """Cut columns into slices of which ``n_rows`` rows stay in the cache."""
    size = max(256, PIECE_BYTES // (8 * n_rows))
    for first in range(0, n_columns, size):
        yield slice(first, min(first + size, n_columns))


class Workspace:
    """Memory that is used again at every E-step, because fresh pages cost more than arithmetic."""

    def __init__(self) -> None:
        self._held: dict[str, Floats] = {}

    def panel(self, name: str, *shape: int) -> Floats:
        """Return an array of ``shape`` with arbitrary content, last axis contiguous.

        Rows are kept from lying a multiple of 4 KiB apart, where they would compete for the same
        lines of the cache.
        """
        *rows, n_columns = shape
        stride = -(-n_columns // 8) * 8
        stride += 8 if stride % 512 == 0 else 0
        size = int(np.prod(rows)) * stride
        if name not in self._held or self._held[name].size < size:
            self._held[name] = np.empty(size)
        whole = self._held[name][:size].reshape(*rows, stride)
        return whole[..., :n_columns]

    def flat(self, name: str, *shape: int) -> Floats:
        """Return a contiguous array of ``shape`` with arbitrary content."""
        size = int(np.prod(shape))
        if name not in self._held or self._held[name].size < size:
            self._held[name] = np.empty(size)
        return self._held[name][:size].reshape(shape)
