"""What the symbols of a hidden Markov model do on average, exactly, once it is stationary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.stats import transitions
from hmmlens.typing import Floats


def stationary(hmm: HMMParameters) -> Floats:
    """Return the law of the states (state) that a step of the chain leaves as it is."""
    return transitions.stationary(hmm.transmat)


def pairs(hmm: HMMParameters, lag: int = 1) -> Floats:
    """Return P(symbol now, symbol ``lag`` steps later), (symbol, symbol): B' diag(pi) A^lag B."""
    moves = np.linalg.matrix_power(hmm.transmat, lag)
    table: Floats = hmm.emissionprob.T @ (stationary(hmm)[:, None] * moves) @ hmm.emissionprob
    return table


def frequencies(hmm: HMMParameters) -> Floats:
    """Return the probability of each symbol, (symbol)."""
    distribution: Floats = stationary(hmm) @ hmm.emissionprob
    return distribution


def output_transitions(hmm: HMMParameters) -> Floats:
    """Return P(next symbol | symbol), (symbol, next_symbol)."""
    table = pairs(hmm)
    rows: Floats = table / table.sum(axis=1, keepdims=True)
    return rows


def change_probability(hmm: HMMParameters) -> float:
    """Return the probability that a symbol differs from the one before."""
    return 1.0 - float(np.trace(pairs(hmm)))


def autocorrelation(hmm: HMMParameters, lags: Sequence[int]) -> Floats:
    """Return (P(equal symbols at a lag) - P(equal by chance)) / P(not equal by chance), (lag)."""
    chance = float((frequencies(hmm) ** 2).sum())
    equal = np.array([np.trace(pairs(hmm, lag)) for lag in lags])
    return (equal - chance) / (1 - chance)
