"""Cut one or two long recordings in time, where train, select and test each need sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.splits import SPLITS
from hmmlens.errors import DataError

if TYPE_CHECKING:
    from hmmlens.datasets.own.base import Blocks


class Cut(NamedTuple):
    """Blocks of recordings, in order of time.

    recording, first, length : (block), which recording it is of, its first step and its steps
    split : (block), 0 train, 1 select, 2 test
    note : one or two sentences that say what was done
    """

    recording: NDArray[np.int64]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    split: NDArray[np.int64]
    note: str

    def of_steps(self, array: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return (recording, time, ...) as (block, time, ...), with ``fill`` past the ends."""
        shape = len(self.length), int(self.length.max()), *array.shape[2:]
        out = np.full(shape, fill, array.dtype)
        for block, (i, first, n) in enumerate(
            zip(self.recording, self.first, self.length, strict=True)
        ):
            out[block, :n] = array[i, first : first + n]
        return out

    def places(self) -> dict[str, tuple[str, NDArray[np.int32]]]:
        """Return variables (sequence) that say which steps of which recording a block is."""
        return {
            "recording": ("sequence", self.recording.astype(np.int32)),
            "first_step": ("sequence", self.first.astype(np.int32)),
        }


def needed(n_sequences: int, split: Any) -> bool:
    """Return whether recordings are to be cut: no split is given, and there are less than three."""
    return split is None and n_sequences < len(SPLITS)


def cut(
    length: NDArray[np.integer],
    shares: Mapping[str, float],
    settings: Blocks,
    names: Sequence[str],
    least: int = 1,
) -> Cut:
    """Cut every recording into blocks of time: first those for train, then select, then test.

    Each split is one stretch of a recording, as long as its share, with a gap before the next one,
    so that no split reads steps that stand close to another's. A stretch falls into blocks, so
    that there are sequences to draw intervals from.

    Parameters
    ----------
    length : (recording), steps of each.
    shares : of train, select and test.
    settings : how many blocks, how long at least, and the gap.
    names : (recording), for the message.
    least : steps that a block needs for other reasons.

    Raises
    ------
    DataError
        When a recording is too short.
    """
    shortest = max(settings.shortest, least)
    rows: list[tuple[int, int, int, int]] = []
    told = []
    for index, n in enumerate(map(int, length)):
        gap = n // 20 if settings.gap is None else settings.gap
        edges = np.cumsum([0, *shares.values()]) * (n - (len(SPLITS) - 1) * gap)
        edges = np.round(edges).astype(int)
        parts = []
        for split, (begin, end) in enumerate(pairwise(edges)):
            begin, end = begin + split * gap, end + split * gap
            if end - begin < shortest:
                held = "is 1 sequence" if len(length) == 1 else f"are {len(length)} sequences"
                raise DataError(
                    f"there {held} and no split, but train, select and test each need one, and "
                    f"sequence {names[index]!r} of {n} steps is too short to be cut into them: "
                    f"{SPLITS[split]} would have {max(end - begin, 0)} steps, wants {shortest} or "
                    "more; give more sequences"
                )
            share = list(shares.values())[split]
            n_blocks = max(1, min(round(share * settings.count), (end - begin) // shortest))
            borders = np.linspace(begin, end, n_blocks + 1).round().astype(int)
            rows += [(index, first, last - first, split) for first, last in pairwise(borders)]
            blocks = f"{n_blocks} block{'s' if n_blocks > 1 else ''}"
            parts.append(f"{SPLITS[split]} has its steps {begin + 1} to {end} in {blocks}")
        held = ", ".join(parts) + f", and {gap} steps between them belong to none"
        told.append(held if len(length) == 1 else f"of {names[index]} ({n} steps), {held}")
    recordings, starts, lengths, splits = np.array(rows, dtype=np.int64).T
    what = f"one recording of {length[0]} steps was"
    what = what if len(length) == 1 else f"{len(length)} recordings were"
    note = (
        f"No split was given, so {what} cut in time: {'; '.join(told)}. At the "
        "beginning of each block the network starts from its initial state, without the steps "
        "before it."
    )
    return Cut(recordings, starts, lengths, splits, note)
