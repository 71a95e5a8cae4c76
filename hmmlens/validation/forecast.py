"""How well states stand in for the network's dynamics: predicting its outputs h steps ahead.

The state is known at one step and then moved by the transitions alone, with the true inputs and
never the activations (M9b; h = 0 is the read-in, M9a). Given its inputs a network is
deterministic, so a perfect stand-in reaches 1 at every h.
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
    posteriors : (sequence, time, state), filtered.
    transmat : (class, state, next_state), the class of step t moving the state there.
    classes : (sequence, time)

    Yields
    ------
    distributions : (sequence, time, state); steps before h hold 0.
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
    """Return the R2 of each sequence (sequence), all measured against the same variance.

    Their mean, weighted by scored frames, is the R2 of all frames.

    Parameters
    ----------
    distribution, predicted : (sequence, time, output)
    inside : (sequence, time), the frames that are scored; one or more in each sequence.
    average : (output), from the train split.
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
    """Return the fidelity F(h) of the free run for h = 0 to ``horizon``, (h).

    Every h is scored on the same frames: those at least ``horizon`` steps after the start.

    Parameters
    ----------
    distribution : (sequence, time, output), what the network says.
    posteriors : (sequence, time, state), filtered.
    transmat : (class, state, next_state); one table (1, state, next_state) with classes of 0 is
        the plain free run of a model that knows no inputs.
    means : (state, output), the output law of each state.
    inside : (sequence, time), the frames that may be scored.
    average : (output), from the train split.
    kind : ``values`` scores by R2, ``symbols`` by divergence, see
        :func:`hmmlens.validation.fidelity.fidelity`.

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
