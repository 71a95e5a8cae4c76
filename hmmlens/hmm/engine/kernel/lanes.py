"""Data in the order in which the compiled kernel reads them.

Sequences of similar lengths form groups that lie side by side as lanes, padded to the longest of
the group. Time is cut into tiles of equally many steps, as many columns as stay in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.blocks import Block
from hmmlens.observations import hidden
from hmmlens.typing import Floats, Int64s

#: Columns of a tile, about.
TILE_COLUMNS = 256
#: Lanes that the kernel has code for; the larger number hides more of the latency of arithmetic.
FEW_LANES, MANY_LANES = 8, 16
#: Squares of values below this, times weights below it, have finite sums.
LARGE = 1e100


class Lanes(NamedTuple):
    """Packed data.

    Attributes
    ----------
    values : ndarray of float
        Values (group, tile, component, column) one after another, 0 where there are none; symbols
        for categorical emissions, where hidden frames have the number of symbols.
    mask : ndarray of float
        (group, tile, column): 1 where there is a value or symbol, -1 where a value is hidden,
        0 past the end.
    n_tiles, n_steps, is_whole : ndarray of int of shape (group,)
        Tiles of each group, steps of each of them, and 1 where all columns are observed.
    sequences : ndarray of int of shape (group, lane)
        Numbers of the sequences, -1 for lanes without one.
    n_components : int
        Components of a frame.
    in_range : bool
        Whether all values are small enough for the kernel.
    """

    values: Floats
    mask: Floats
    n_tiles: Int64s
    n_steps: Int64s
    is_whole: Int64s
    sequences: Int64s
    n_components: int
    in_range: bool


def lanes_of(block: Block, n_symbols: int = 0) -> Lanes:
    """Pack a block for the kernel.

    Parameters
    ----------
    block : Block
        The data.
    n_symbols : int, default=0
        Number of symbols; 0 for values.

    Returns
    -------
    Lanes
        The same data.
    """
    packing = block.packing
    lengths = np.diff(packing.starts)
    order = np.argsort(-lengths, kind="stable")
    n_lanes = MANY_LANES if len(order) > FEW_LANES else FEW_LANES
    n_groups = -(-len(order) // n_lanes)
    sequences = np.full((n_groups, n_lanes), -1)
    sequences.ravel()[: len(order)] = order
    longest = lengths[sequences[:, 0]]
    n_tiles = np.maximum(1, longest * n_lanes // TILE_COLUMNS)
    n_steps = -(-longest // n_tiles)
    rows = np.atleast_2d(block.values)
    sizes = n_tiles * n_steps * n_lanes
    values, mask = np.zeros(len(rows) * sizes.sum()), np.zeros(sizes.sum())
    unseen, first = hidden(block.values if n_symbols else block.values.T), 0
    # Groups with tiles of one size are packed in one go; they follow each other.
    edges = np.flatnonzero(np.diff(n_steps) | np.diff(n_tiles)) + 1
    for some in np.split(np.arange(n_groups), edges):
        count = int(sizes[some].sum())
        here = slice(first, first + count)
        columns, inside = _columns(block, sequences[some], int(n_tiles[some[0]] * n_steps[some[0]]))
        tiles = values[len(rows) * first : len(rows) * (first + count)]
        tiles = tiles.reshape(len(some) * n_tiles[some[0]], len(rows), -1)
        gone = inside & unseen[columns]
        # A hidden frame is one more symbol; of values it has none, and no density.
        mask[here] = inside if n_symbols else np.where(gone, -1.0, inside)
        for component, row in enumerate(rows):
            part = np.where(inside & ~gone, row[columns], 0).astype(float)
            if n_symbols:
                part[gone] = n_symbols
            tiles[:, component] = part.reshape(len(tiles), -1)
        first += count
    is_whole = np.minimum.reduceat(mask, np.cumsum(sizes) - sizes) == 1
    in_range = bool(np.abs(values).max(initial=0) < LARGE)
    return Lanes(
        values, mask, n_tiles, n_steps, is_whole.astype(np.int64), sequences, len(rows), in_range
    )


def _columns(
    block: Block, sequences: Int64s, n_steps: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return columns of the block in order of group, step and lane, and where there is a frame."""
    packing = block.packing
    step = np.arange(n_steps)[:, None]
    lengths = np.where(sequences < 0, 0, np.diff(packing.starts)[sequences])[:, None]
    inside = step < lengths
    rows = np.where(inside, packing.starts[sequences][:, None] + step, 0)
    return packing.column[rows].ravel(), inside.ravel()
