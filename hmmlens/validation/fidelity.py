"""How well states stand in for the network: predicting its own output from them (read-in).

All scores live in the space of the network's output, so that reducers, layers and state counts
can be compared, which likelihoods of differently reduced activations cannot.
"""

from __future__ import annotations

import numpy as np

from hmmlens.typing import Floats


def fidelity(distribution: Floats, predicted: Floats, average: Floats, kind: str) -> float:
    """Return 1 for a perfect stand-in and 0 for one no better than the average output.

    For symbols 1 - mean KL(law || predicted) / mean KL(law || average); for values the same
    with squared errors (R2).

    Parameters
    ----------
    distribution, predicted : (frame, output)
    average : (output), from the train split.
    """
    if kind == "symbols":
        # Laws of a network are strictly positive; a mean over them is too.
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
