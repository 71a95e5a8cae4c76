"""Sequences of any lengths as one array in order of time, without a padded frame.

Sequences are the rows of a *flat* array, one after another. Packed, they lie side by side as
*lanes*, the longest first, so that at each step the lanes that go on are the first ones and their
frames are contiguous: a recursion over time handles all of them by one slice. Where sequences are
few and long, each is cut into chunks that become lanes of their own; what crosses the cuts is
computed by :mod:`hmmlens.hmm.engine.chunks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Int64s

#: Below so many sequences, a step of all lanes costs more in calls than in arithmetic.
FEW_SEQUENCES = 48
#: Sequences are not cut into chunks shorter than this.
SHORTEST_CHUNK = 64


@dataclass(frozen=True)
class Packing:
    """Where each frame lies.

    Attributes
    ----------
    lane_lengths : ndarray of int of shape (lane,)
        Falling.
    sequence : ndarray of int of shape (lane,)
        The sequence that a lane belongs to.
    counts : ndarray of int of shape (step,)
        Lanes that are longer than ``step``, falling.
    offsets : ndarray of int of shape (step + 1,)
        Column of the first lane's frame at each step.
    column : ndarray of int of shape (frame,)
        The column of each row of the flat array.
    row : ndarray of int of shape (column,)
        The row of the flat array in each column.
    starts : ndarray of int of shape (sequence + 1,)
        First row of each sequence in the flat array.
    chain : ndarray of int of shape (chunk, sequence)
        Lanes of each sequence in order, -1 where it has no more.
    """

    lane_lengths: Int64s
    sequence: Int64s
    counts: Int64s
    offsets: Int64s
    column: Int64s
    row: Int64s
    starts: Int64s
    chain: Int64s

    @property
    def n_frames(self) -> int:
        """Frames of all sequences.

        Returns
        -------
        int
            The number of columns.
        """
        return len(self.row)

    @property
    def n_lanes(self) -> int:
        """Sequences, or chunks where sequences are cut.

        Returns
        -------
        int
            The number of lanes.
        """
        return len(self.lane_lengths)

    @property
    def n_sequences(self) -> int:
        """Sequences.

        Returns
        -------
        int
            Their number.
        """
        return len(self.starts) - 1

    @property
    def n_steps(self) -> int:
        """Steps of the longest lane.

        Returns
        -------
        int
            Their number.
        """
        return len(self.counts)

    @property
    def is_cut(self) -> bool:
        """Whether sequences are cut into chunks.

        Returns
        -------
        bool
            False where every sequence is one lane.
        """
        return len(self.chain) > 1

    @property
    def cuts(self) -> tuple[Int64s, Int64s]:
        """Lanes before and after every cut of a sequence into chunks.

        Returns
        -------
        tuple of ndarray of int
            Both of shape (cut,).
        """
        left, right = self.chain[:-1], self.chain[1:]
        there = right >= 0
        return left[there], right[there]

    @property
    def last(self) -> Int64s:
        """Column of each lane's last frame.

        Returns
        -------
        ndarray of int of shape (lane,)
            Columns.
        """
        return self.offsets[self.lane_lengths - 1] + np.arange(self.n_lanes)

    @cached_property
    def runs(self) -> list[slice]:
        """Slices of steps with equally many lanes.

        Returns
        -------
        list of slice
            In order.
        """
        edges = [0, *(np.flatnonzero(np.diff(self.counts)) + 1).tolist(), self.n_steps]
        return [slice(first, end) for first, end in pairwise(edges)]

    def place(self, columns: Int64s) -> tuple[Int64s, Int64s]:
        """Return step and lane of columns.

        Parameters
        ----------
        columns : ndarray of int
            Columns.

        Returns
        -------
        tuple of ndarray of int
            Steps and lanes.
        """
        step = np.searchsorted(self.offsets, columns, side="right") - 1
        return step, columns - self.offsets[step]

    def columns_of(self, sequence: int) -> Int64s:
        """Return the columns of one sequence's frames in order of time.

        Parameters
        ----------
        sequence : int
            Number of the sequence.

        Returns
        -------
        ndarray of int of shape (time,)
            Columns.
        """
        return self.column[self.starts[sequence] : self.starts[sequence + 1]]

    def pairs(self) -> list[tuple[slice, slice]]:
        """Return slices of columns whose frames follow each other within lanes.

        Together they hold every pair (frame, next frame of the same lane) once. Steps with equal
        counts share one pair of slices, so lanes of equal length need one in all.

        Returns
        -------
        list of (slice, slice)
            Columns before and after.
        """
        found = []
        counts, offsets = self.counts, self.offsets
        for steps in self.runs:
            first, end = steps.start, steps.stop
            if first > 0:
                n = counts[first]
                before, here = offsets[first - 1], offsets[first]
                found.append((slice(before, before + n), slice(here, here + n)))
            if end - first > 1:
                left = slice(offsets[first], offsets[end - 1])
                found.append((left, slice(offsets[first + 1], offsets[end])))
        return found


def pack(lengths: NDArray[np.integer], cut: bool | None = None) -> Packing:
    """Plan the layout of sequences.

    Parameters
    ----------
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence, 1 or more.
    cut : bool, optional
        Whether sequences are cut into chunks; None cuts where they are few and long.

    Returns
    -------
    Packing
        The layout.
    """
    ends: Int64s = np.asarray(lengths, dtype=np.intp)
    starts = np.concatenate([[0], np.cumsum(ends)])
    size = _chunk_size(ends, cut)
    n_chunks = -(-ends // size)
    sequence = np.repeat(np.arange(len(ends)), n_chunks)
    first_lane = np.cumsum(n_chunks) - n_chunks
    chunk = np.arange(len(sequence)) - first_lane[sequence]
    # Chunks of one sequence differ by at most one frame, so that lanes end together.
    base, extra = ends // n_chunks, ends % n_chunks
    lane_lengths = base[sequence] + (chunk < extra[sequence])
    begins = np.cumsum(lane_lengths) - lane_lengths

    order = np.argsort(-lane_lengths, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    lane_lengths, begins = lane_lengths[order], begins[order]
    steps = np.arange(lane_lengths[0])
    counts = np.searchsorted(-lane_lengths, -steps, side="left")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    step = np.repeat(steps, counts)
    row = begins[np.arange(len(step)) - offsets[step]] + step
    column = np.empty_like(row)
    column[row] = np.arange(len(row))
    chain = np.full((n_chunks.max(), len(ends)), -1, dtype=np.intp)
    chain[chunk, sequence] = rank
    return Packing(
        lane_lengths, sequence[order], counts, offsets.astype(np.intp), column, row, starts, chain
    )


def _chunk_size(lengths: Int64s, cut: bool | None) -> int:
    longest, total = int(lengths.max()), int(lengths.sum())
    few = len(lengths) < FEW_SEQUENCES and longest >= 8 * SHORTEST_CHUNK
    if not (few if cut is None else cut):
        return longest
    # A step of the recursion costs about as much as two steps of the chain over chunks, and
    # their numbers multiply to the number of frames.
    floor: int = SHORTEST_CHUNK if cut is None else 2
    return min(longest, max(floor, math.isqrt(total // 2)))


def split(lengths: NDArray[np.integer], most_frames: int) -> list[slice]:
    """Return slices of sequences with at most so many frames each, or one sequence.

    Parameters
    ----------
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.
    most_frames : int
        Largest number of frames.

    Returns
    -------
    list of slice
        Together all sequences.
    """
    parts, first, held = [], 0, 0
    for i, length in enumerate(np.asarray(lengths).tolist()):
        if i > first and held + length > most_frames:
            parts.append(slice(first, i))
            first, held = i, 0
        held += length
    return [*parts, slice(first, len(lengths))]
