"""Fidelity of states at the same step: how well they predict the network's own output.

All scores live in the space of the network's output, so that reducers, layers and state counts can
be compared, which likelihoods of differently reduced activations cannot.
"""

from __future__ import annotations

import numpy as np

from hmmlens.typing import Floats


def fidelity(distribution: Floats, predicted: Floats, average: Floats, kind: str) -> float:
    """Return 1 for a perfect prediction and 0 for one no better than the average output.

    For symbols 1 - mean KL(output || predicted) / mean KL(output || average); for values the same
    with squared errors (R2).

    Parameters
    ----------
    distribution, predicted : ndarray of shape (frame, output)
        Outputs of the network, and predictions of them.
    average : ndarray of shape (output,)
        Mean output of the train split.
    kind : str
        ``symbols`` or ``values``.

    Returns
    -------
    float
        NaN where the output never varies.

    Examples
    --------
    >>> outputs = np.array([[0.0], [1.0]])
    >>> fidelity(outputs, outputs, np.array([0.5]), "values")
    1.0
    """
    if kind == "symbols":
        # Distributions of a network are strictly positive; a mean over them is too.
        tiny = 1e-12
        entropy = (distribution * np.log(distribution + tiny)).sum(axis=1)
        loss = (entropy - (distribution * np.log(predicted + tiny)).sum(axis=1)).mean()
        worst = (entropy - (distribution * np.log(average + tiny)).sum(axis=1)).mean()
    else:
        loss, worst = (
            ((distribution - predicted) ** 2).mean(),
            ((distribution - average) ** 2).mean(),
        )
    return float(1 - loss / worst) if worst > 0 else np.nan
