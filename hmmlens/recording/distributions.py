"""The output distribution of a network at each step."""

from __future__ import annotations

import numpy as np

from hmmlens.typing import Floats

#: First steps of a sequence that no statistic of the verdict looks at: the way from the zero state.
WARM_UP = 20


def output_distribution(output: Floats, kind: str) -> Floats:
    """Return what the network says at each step (sequence, time, output).

    Logits of symbols become probabilities; values stay as they are.
    """
    if kind != "symbols":
        return np.asarray(output, dtype=np.float64)
    shifted = np.exp(output - output.max(axis=-1, keepdims=True)).astype(np.float64)
    distribution: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return distribution
