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

    columns : where it lies
    shape : (step, lane)
    """

    run: int
    steps: slice
    lanes: slice
    columns: slice
    shape: tuple[int, int]

    def later(self) -> Tile:
        """Return the tile one step later; at the end of its run it has a step less."""
        return self._replace(steps=slice(self.steps.start + 1, self.steps.stop + 1))


class Panel:
    """Numbers for each column of a packing.

    Parameters
    ----------
    rows : shape of what stands in one column, such as (state, restart).

    Attributes
    ----------
    runs : for each run of steps with equally many lanes, an array (step, *rows, lane)
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
        """Return one array (*rows, lane) after another, writable."""
        return (step for run in self.runs for step in run)

    def tile(self, tile: Tile) -> Floats:
        """Return a view (step, *rows, lane)."""
        return self.runs[tile.run][tile.steps, ..., tile.lanes]

    def ends(self) -> Floats:
        """Return what stands at each lane's last frame (*rows, lane)."""
        after, parts = 0, []
        for run in self.runs[::-1]:
            parts.append(run[-1][..., after:])
            after = run.shape[-1]
        return np.concatenate(parts, axis=-1)

    def dense(self) -> Floats:
        """Return a copy (*rows, column)."""
        parts = [np.moveaxis(run, 0, -2).reshape(*run.shape[1:-1], -1) for run in self.runs]
        return np.concatenate(parts, axis=-1)

    def clear(self, restart: int, columns: NDArray[np.intp]) -> None:
        """Set some columns of one restart to 0, where rows are (state, restart)."""
        steps, (step, lane) = list(self.steps()), self.packing.place(columns)
        for t, i in zip(step.tolist(), lane.tolist(), strict=True):
            steps[t][:, restart, i] = 0


def tiles(packing: Packing, n_rows: int) -> Iterator[Tile]:
    """Cut the columns into tiles of which ``n_rows`` rows stay in the cache."""
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
