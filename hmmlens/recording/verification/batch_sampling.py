"""Which batches of a recording are replayed whole."""

from __future__ import annotations

import numpy as np

from hmmlens.errors import DataError
from hmmlens.recording.settings import ReplaySampling


def sampled_batches(n_batches: int, verify: str | ReplaySampling) -> set[int]:
    """Return the batches that are replayed whole.

    Parameters
    ----------
    n_batches : int
        All batches.
    verify : {"sample", "all", "none"} or ReplaySampling
        See :func:`hmmlens.extract`.

    Returns
    -------
    set of int
        Numbers of batches.

    Raises
    ------
    DataError
        When ``verify`` is something else, or its numbers are too small.
    """
    sampling = verify if isinstance(verify, ReplaySampling) else ReplaySampling()
    if verify is not sampling and verify not in ("sample", "all", "none"):
        raise DataError(
            f"verify wants 'sample', 'all', 'none' or a ReplaySampling, found {verify!r}"
        )
    if sampling.min_batches < 2 or sampling.one_in < 1:
        raise DataError(
            f"verify wants min_batches of 2 or more and one_in of 1 or more, found {sampling}"
        )
    least = max(sampling.min_batches, n_batches // sampling.one_in)
    if verify == "none":
        return set()
    if verify == "all" or n_batches <= least:
        return set(range(n_batches))
    middle = np.random.default_rng(0).choice(n_batches - 2, least - 2, replace=False)
    return {0, n_batches - 1, *(int(i) + 1 for i in middle)}
