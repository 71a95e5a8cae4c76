"""Cut one or two long recordings in time, where train, select and test each need sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.splits import SPLITS
from hmmlens.errors import DataError
from hmmlens.typing import Int64s, Ints

if TYPE_CHECKING:
    from hmmlens.datasets.own.base import Blocks


class Cut(NamedTuple):
    """Blocks of recordings, in order of time.

    Attributes
    ----------
    recording : ndarray of shape (block,)
        Recording of each block.
    first : ndarray of shape (block,)
        Its first step in the recording.
    length : ndarray of shape (block,)
        Its number of steps.
    split : ndarray of shape (block,)
        0 train, 1 select, 2 test.
    note : str
        One or two sentences about what was done.
    """

    recording: Int64s
    first: Int64s
    length: Int64s
    split: Int64s
    note: str

    def of_steps(self, array: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array of recordings as one of blocks.

        Parameters
        ----------
        array : ndarray of shape (recording, time, ...)
            Values of recordings.
        fill : float
            Value past the ends.

        Returns
        -------
        ndarray of shape (block, time, ...)
            Padded to the longest block.
        """
        shape = len(self.length), int(self.length.max()), *array.shape[2:]
        out = np.full(shape, fill, array.dtype)
        for block, (i, first, n) in enumerate(
            zip(self.recording, self.first, self.length, strict=True)
        ):
            out[block, :n] = array[i, first : first + n]
        return out

    def places(self) -> dict[str, tuple[str, NDArray[np.int32]]]:
        """Return which steps of which recording each block has.

        Returns
        -------
        dict
            Variables ``recording`` and ``first_step`` (sequence).
        """
        return {
            "recording": ("sequence", self.recording.astype(np.int32)),
            "first_step": ("sequence", self.first.astype(np.int32)),
        }


def needed(n_sequences: int, split: Any) -> bool:
    """Return whether recordings are to be cut: no split is given, and there are less than three.

    Parameters
    ----------
    n_sequences : int
        Number of recordings.
    split : object
        The split of the file, or None.

    Returns
    -------
    bool
        True when no split is given and there are less than three.
    """
    return split is None and n_sequences < len(SPLITS)


def cut(
    length: Ints,
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
    length : ndarray of int, shape (recording,)
        Steps of each.
    shares : mapping of str to float
        Shares of train, select and test.
    settings : Blocks
        Number of blocks, length at least, and gap.
    names : sequence of str, of length (recording)
        Names, for the message.
    least : int
        Steps that a block needs for other reasons.

    Returns
    -------
    Cut
        The blocks.

    Raises
    ------
    DataError
        When a recording is too short.
    """
    shortest = max(settings.shortest, least)
    rows: list[tuple[int, int, int, int]] = []
    notes = []
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
        notes.append(held if len(length) == 1 else f"of {names[index]} ({n} steps), {held}")
    recordings, starts, lengths, splits = np.array(rows, dtype=np.int64).T
    what = f"one recording of {length[0]} steps was"
    what = what if len(length) == 1 else f"{len(length)} recordings were"
    note = (
        f"No split was given, so {what} cut in time: {'; '.join(notes)}. At the "
        "beginning of each block the network starts from its initial state, without the steps "
        "before it."
    )
    return Cut(recordings, starts, lengths, splits, note)
