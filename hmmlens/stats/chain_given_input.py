"""A chain whose transition probabilities depend on the class of the input at each step.

Those of step t depend on the class at step t. Paths are labels (sequence, time), -1 past a
sequence's end, and classes have the same shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats, Ints


def transition_tables(path: Ints, classes: Ints, n_states: int, n_classes: int) -> Floats:
    """Return the observed shares of the next states, for each class of inputs.

    Parameters
    ----------
    path, classes : ndarray of shape (sequence, time)
        State and class of the input of each step.
    n_states, n_classes : int
        Numbers of states and classes.

    Returns
    -------
    ndarray of shape (class, state, next_state)
        A state that never met a class has its average over classes there; one that is never left
        keeps to itself.

    Examples
    --------
    >>> transition_tables(np.array([[0, 1, 0, 0]]), np.array([[0, 1, 1, 0]]), 2, 2).tolist()
    [[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]]
    """
    known = (path[:, :-1] >= 0) & (path[:, 1:] >= 0)
    code = (classes[:, 1:][known] * n_states + path[:, :-1][known]) * n_states + path[:, 1:][known]
    size = n_classes * n_states**2
    moves = np.bincount(code, minlength=size).reshape(n_classes, n_states, n_states)
    total = moves.sum(axis=0)
    total = total + np.diag(total.sum(axis=1) == 0)
    filled = np.where(moves.any(axis=2, keepdims=True), moves, total).astype(np.float64)
    table: Floats = filled / filled.sum(axis=2, keepdims=True)
    return table


def simulated(
    path: Ints, classes: Ints, tables: Floats, n_samples: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return paths of a chain with given inputs, and with the first states and ends of ``path``.

    Parameters
    ----------
    path, classes : ndarray of shape (sequence, time)
        State and class of the input of each step.
    tables : ndarray of shape (class, state, next_state)
        Transition probabilities.
    n_samples : int
        Number of paths.
    rng : numpy.random.Generator
        Source of the paths.

    Returns
    -------
    ndarray of shape (sample, sequence, time)
        Paths; a step that follows a gap begins anew in the state that it has there.
    """
    upto = tables.cumsum(axis=2)
    upto[:, :, -1] = 1.0
    out = np.broadcast_to(path.astype(np.int64), (n_samples, *path.shape)).copy()
    for t in range(1, path.shape[1]):
        goes_on = (path[:, t] >= 0) & (path[:, t - 1] >= 0)
        before = out[:, goes_on, t - 1]
        rows = upto[classes[goes_on, t], before]
        out[:, goes_on, t] = (rows <= rng.random(before.shape)[..., None]).sum(axis=-1)
    return out
