"""Numbers for every restart, state and frame, in the order in which the recursions read them.

What belongs to one step of all lanes is one contiguous array (state, restart, lane), so that an
operation on a step is one long loop, and a sum over states adds whole rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.blocks import PIECE_BYTES, Workspace
from hmmlens.hmm.engine.packing import Packing
from hmmlens.typing import Floats


class Tile(NamedTuple):
    """A stretch of columns within one run of steps with equally many lanes.

    Attributes
    ----------
    run : int
        Number of the run.
    steps, lanes : slice
        Within the run.
    columns : slice
        Of the packing.
    shape : tuple of int
        Numbers of steps and lanes.
    """

    run: int
    steps: slice
    lanes: slice
    columns: slice
    shape: tuple[int, int]

    def later(self) -> Tile:
        """Return the tile one step later; at the end of its run it has a step less.

        Returns
        -------
        Tile
            With the same lanes.
        """
        return self._replace(steps=slice(self.steps.start + 1, self.steps.stop + 1))


class Panel:
    """Numbers for each column of a packing.

    Parameters
    ----------
    packing : Packing
        The layout of the lanes.
    space : Workspace
        Memory for the numbers.
    name : str
        Panels of one name share memory.
    *rows : int
        Shape of what stands in one column, such as (state, restart).

    Attributes
    ----------
    runs : list of ndarray of shape (step, *rows, lane)
        For each run of steps with equally many lanes.
    """

    def __init__(self, packing: Packing, space: Workspace, name: str, *rows: int) -> None:
        self.packing = packing
        memory = space.flat(name, packing.n_frames, *rows).reshape(packing.n_frames, -1)
        self.runs: list[Floats] = []
        for steps in packing.runs:
            part = memory[packing.offsets[steps.start] : packing.offsets[steps.stop]]
            shape = steps.stop - steps.start, *rows, int(packing.counts[steps.start])
            self.runs.append(part.reshape(shape))

    def steps(self) -> Iterator[Floats]:
        """Return one array after another, a step each.

        Returns
        -------
        iterator of ndarray of shape (*rows, lane)
            Writable.
        """
        return (step for run in self.runs for step in run)

    def tile(self, tile: Tile) -> Floats:
        """Return a view of a tile.

        Parameters
        ----------
        tile : Tile
            A stretch of columns.

        Returns
        -------
        ndarray of shape (step, *rows, lane)
            Writable.
        """
        return self.runs[tile.run][tile.steps, ..., tile.lanes]

    def ends(self) -> Floats:
        """Return the numbers of each lane's last frame.

        Returns
        -------
        ndarray of shape (*rows, lane)
            A copy.
        """
        after, parts = 0, []
        for run in self.runs[::-1]:
            parts.append(run[-1][..., after:])
            after = run.shape[-1]
        return np.concatenate(parts, axis=-1)

    def dense(self) -> Floats:
        """Return all numbers in order of columns.

        Returns
        -------
        ndarray of shape (*rows, column)
            A copy.
        """
        parts = [np.moveaxis(run, 0, -2).reshape(*run.shape[1:-1], -1) for run in self.runs]
        return np.concatenate(parts, axis=-1)

    def clear(self, restart: int, columns: NDArray[np.intp]) -> None:
        """Set some columns of one restart to 0, where rows are (state, restart).

        Parameters
        ----------
        restart : int
            Number of the restart.
        columns : ndarray of int
            Columns.
        """
        steps, (step, lane) = list(self.steps()), self.packing.place(columns)
        for t, i in zip(step.tolist(), lane.tolist(), strict=True):
            steps[t][:, restart, i] = 0


def tiles(packing: Packing, n_rows: int) -> Iterator[Tile]:
    """Cut the columns into tiles of which ``n_rows`` rows fit into the cache.

    Parameters
    ----------
    packing : Packing
        The layout of the lanes.
    n_rows : int
        Numbers per column.

    Yields
    ------
    Tile
        A stretch of columns.
    """
    size = max(256, PIECE_BYTES // (8 * n_rows))
    for run, steps in enumerate(packing.runs):
        n_lanes = int(packing.counts[steps.start])
        # What is made of a step is small where its lanes are not fewer than a few.
        long, wide = max(1, size // max(n_lanes, 32)), min(size, n_lanes)
        for first in range(0, steps.stop - steps.start, long):
            end = min(first + long, steps.stop - steps.start)
            for left in range(0, n_lanes, wide):
                right = min(left + wide, n_lanes)
                at = int(packing.offsets[steps.start + first]) + left
                columns = slice(at, at + (end - first - 1) * n_lanes + right - left)
                shape = end - first, right - left
                yield Tile(run, slice(first, end), slice(left, right), columns, shape)
