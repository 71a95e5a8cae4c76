"""h-step fidelity of states: how well they predict the network's outputs several steps ahead.

The state is inferred at one step and then moved by the transitions alone, with the true inputs and
without activations; h = 0 is fidelity at the same step. Given its inputs a network is
deterministic, so a perfect model reaches 1 at every h.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints
from hmmlens.validation.fidelity import fidelity


def free_run(posteriors: Floats, transmat: Floats, classes: Ints, horizon: int) -> Iterator[Floats]:
    """Yield P(state_t | activations up to t - h, inputs up to t) for h = 0 to ``horizon``.

    Parameters
    ----------
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities; the class of step t moves the state from step t - 1 to t.
    classes : ndarray of shape (sequence, time)
        Class of each input.
    horizon : int
        Largest number of steps ahead.

    Yields
    ------
    ndarray of shape (sequence, time, state)
        State probabilities; steps before h hold 0.

    Examples
    --------
    >>> posteriors = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    >>> transmat = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    >>> ahead = list(free_run(posteriors, transmat, np.zeros((1, 2), dtype=int), horizon=1))
    >>> ahead[1].round(2).tolist()
    [[[0.0, 0.0], [0.9, 0.1]]]
    """
    present = [(c, np.nonzero(classes[:, 1:] == c)) for c in range(len(transmat))]
    distribution = posteriors
    for h in range(horizon + 1):
        if h:
            moved = np.zeros_like(distribution)
            for c, (row, step) in present:
                moved[row, step + 1] = distribution[row, step] @ transmat[c]
            distribution = moved
        yield distribution


def sequence_scores(
    distribution: Floats, predicted: Floats, inside: NDArray[np.bool_], average: Floats
) -> Floats:
    """Return the R2 of each sequence, all relative to the same variance.

    Their mean, weighted by scored frames, is the R2 of all frames.

    Parameters
    ----------
    distribution, predicted : ndarray of shape (sequence, time, output)
        Outputs of the network, and predictions of them.
    inside : ndarray of shape (sequence, time)
        The frames that are scored; one or more in each sequence.
    average : ndarray of shape (output,)
        Mean output of the train split.

    Returns
    -------
    ndarray of shape (sequence,)
        R2 of each sequence.
    """
    worst = ((distribution[inside] - average) ** 2).sum(axis=1).mean()
    miss = np.where(inside, ((distribution - predicted) ** 2).sum(axis=2), 0.0).sum(axis=1)
    scores: Floats = 1 - miss / inside.sum(axis=1) / worst
    return scores


def fidelity_curve(
    distribution: Floats,
    posteriors: Floats,
    transmat: Floats,
    means: Floats,
    classes: Ints,
    inside: NDArray[np.bool_],
    average: Floats,
    horizon: int,
    kind: str = "values",
) -> Floats:
    """Return the fidelity F(h) of the free run for h = 0 to ``horizon``.

    Every h is scored on the same frames: those at least ``horizon`` steps after the start.

    Parameters
    ----------
    distribution : ndarray of shape (sequence, time, output)
        Outputs of the network.
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities; one table (1, state, next_state) with classes of 0 is the plain
        free run of a model without inputs.
    means : ndarray of shape (state, output)
        Mean output of each state.
    classes : ndarray of shape (sequence, time)
        Class of each input.
    inside : ndarray of shape (sequence, time)
        The frames that may be scored.
    average : ndarray of shape (output,)
        Mean output of the train split.
    horizon : int
        Largest number of steps ahead.
    kind : str, optional
        ``values`` scores by R2, ``symbols`` by divergence, see
        :func:`hmmlens.validation.fidelity.fidelity`.

    Returns
    -------
    ndarray of shape (horizon + 1,)
        Fidelity at each number of steps.

    Raises
    ------
    DataError
        When no frame lies so far from the start.
    """
    scored = inside.copy()
    scored[:, :horizon] = False
    if not scored.any():
        raise DataError(f"no sequence is longer than the horizon of {horizon} steps")
    return np.array(
        [
            fidelity(distribution[scored], state[scored] @ means, average, kind)
            for state in free_run(posteriors, transmat, classes, horizon)
        ]
    )
