"""How well states stand in for the network: predicting its own output from them (read-in).

All scores live in the space of the network's output, so that reducers, layers and state counts
can be compared, which likelihoods of differently reduced activations cannot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: First steps of a sequence that no statistic of the verdict looks at: the way from the zero state.
WARM_UP = 20


def output_law(output: Floats, kind: str) -> Floats:
    """Return what the network says at each step (sequence, time, output).

    Logits of symbols become probabilities; values stay as they are.
    """
    if kind != "symbols":
        return np.asarray(output, dtype=np.float64)
    shifted = np.exp(output - output.max(axis=-1, keepdims=True)).astype(np.float64)
    law: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return law


def state_outputs(posteriors: Floats, law: Floats) -> Floats:
    """Return the mean output law of each state (state, output), weighted by the posteriors.

    Parameters
    ----------
    posteriors : (sequence, time, state), filtered; 0 past a sequence's end.
    law : (sequence, time, output)
    """
    weight = posteriors.reshape(-1, posteriors.shape[-1])
    flat = law.reshape(-1, law.shape[-1])
    # What fills a sequence past its end is no output, not even of the average.
    seen = weight.any(axis=1)
    weight, flat = weight[seen], flat[seen]
    mass = weight.sum(axis=0)[:, None]
    # A state that no train step visits says what the average says.
    means: Floats = np.where(mass > 1e-9, weight.T @ flat / np.maximum(mass, 1e-9), flat.mean(0))
    return means


def fidelity(law: Floats, predicted: Floats, average: Floats, kind: str) -> float:
    """Return 1 for a perfect stand-in and 0 for one no better than the average output.

    For symbols 1 - mean KL(law || predicted) / mean KL(law || average); for values the same
    with squared errors (R2).

    Parameters
    ----------
    law, predicted : (frame, output)
    average : (output), from the train split.
    """
    if kind == "symbols":
        # Laws of a network are strictly positive; a mean over them is too.
        tiny = 1e-12
        entropy = (law * np.log(law + tiny)).sum(axis=1)
        loss = (entropy - (law * np.log(predicted + tiny)).sum(axis=1)).mean()
        worst = (entropy - (law * np.log(average + tiny)).sum(axis=1)).mean()
    else:
        loss, worst = ((law - predicted) ** 2).mean(), ((law - average) ** 2).mean()
    return float(1 - loss / worst) if worst > 0 else np.nan
