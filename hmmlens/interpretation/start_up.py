"""States that are visited at the beginning of sequences only: transients from the initial state."""

from __future__ import annotations

import numpy as np

from hmmlens.futures.sampling import first_step
from hmmlens.typing import Floats, Ints

#: Share of a state's steps that lie at the beginning of sequences, at least.
SHARE = 0.99
#: Largest probability that so many sequences show a state at their beginning by chance.
CHANCE = 1e-3


def start_up_steps(path: Ints, n_states: int) -> Floats:
    """Return within how many first steps of sequences each start-up state lies.

    The beginning of a sequence is the part in which the verdict compares no states, see
    :func:`hmmlens.futures.sampling.first_step`: an eighth of the longest sequence, or 5 steps.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, below 0 where unknown or past the end.
    n_states : int
        Number of states.

    Returns
    -------
    ndarray of shape (state,)
        Steps from the beginning that hold 99 % of the steps in the state; NaN for a state that is
        visited later as well, or in too few sequences to exclude chance.

    Examples
    --------
    Ten sequences begin with two steps in state 1, which never comes back:

    >>> path = np.zeros((10, 40), dtype=int)
    >>> path[:, :2] = 1
    >>> start_up_steps(path, 2).tolist()
    [nan, 2.0]
    """
    length = (path >= 0).sum(axis=1)
    found = np.full(n_states, np.nan)
    if not length.any():
        return found
    limit = first_step(int(length.max()))
    by_chance = float(np.minimum(limit, length).sum() / length.sum())
    for k in range(n_states):
        rows, steps = np.nonzero(path == k)
        if not len(steps):
            continue
        last = int(np.sort(steps)[int(np.ceil(SHARE * len(steps))) - 1])
        if last < limit and by_chance ** len(np.unique(rows)) < CHANCE:
            found[k] = last + 1
    return found
