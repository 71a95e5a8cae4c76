"""Random assignment of sequences to the splits train, select and test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

SPLITS = ("train", "select", "test")


def split_sequences(
    n_sequences: int, shares: Mapping[str, float], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Assign whole sequences at random to the splits.

    Parameters
    ----------
    n_sequences : int
        Number of sequences, at least as many as there are splits.
    shares : mapping of str to float
        Share of the sequences in each split.
    rng : numpy.random.Generator
        Source of the assignment.

    Returns
    -------
    ndarray of int8, shape (sequence,)
        0, 1, 2, ... in the order of ``shares``; each occurs at least once.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> split = split_sequences(10, {"train": 0.6, "select": 0.2, "test": 0.2}, rng)
    >>> np.bincount(split).tolist()
    [6, 2, 2]
    """
    import numpy as np

    counts = [max(1, round(share * n_sequences)) for share in shares.values()]
    counts[0] = n_sequences - sum(counts[1:])
    while counts[0] < 1:
        counts[counts.index(max(counts))] -= 1
        counts[0] += 1
    labels = np.repeat(np.arange(len(counts), dtype=np.int8), counts)
    return rng.permutation(labels)
