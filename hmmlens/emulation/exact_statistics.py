"""Exact statistics of the symbols of a hidden Markov model in its stationary state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.stats import transitions
from hmmlens.typing import Floats


def stationary(hmm: HMMParameters) -> Floats:
    """Return the stationary distribution of the states.

    Parameters
    ----------
    hmm : HMMParameters

    Returns
    -------
    ndarray of shape (state)
        Probabilities, which sum to 1.
    """
    return transitions.stationary(hmm.transmat)


def pairs(hmm: HMMParameters, lag: int = 1) -> Floats:
    """Return P(symbol now, symbol ``lag`` steps later), B' diag(pi) A^lag B.

    Parameters
    ----------
    hmm : HMMParameters
    lag : int
        Steps.

    Returns
    -------
    ndarray of shape (symbol, symbol)
        Joint probabilities, which sum to 1.
    """
    powers = np.linalg.matrix_power(hmm.transmat, lag)
    table: Floats = hmm.emissionprob.T @ (stationary(hmm)[:, None] * powers) @ hmm.emissionprob
    return table


def frequencies(hmm: HMMParameters) -> Floats:
    """Return the probability of each symbol.

    Parameters
    ----------
    hmm : HMMParameters

    Returns
    -------
    ndarray of shape (symbol)
        Probabilities, which sum to 1.
    """
    distribution: Floats = stationary(hmm) @ hmm.emissionprob
    return distribution


def output_transitions(hmm: HMMParameters) -> Floats:
    """Return P(next symbol | symbol).

    Parameters
    ----------
    hmm : HMMParameters

    Returns
    -------
    ndarray of shape (symbol, next symbol)
        Conditional probabilities; rows sum to 1.

    Examples
    --------
    >>> from hmmlens.datasets.synthetic.generators import preset_hmm
    >>> output_transitions(preset_hmm("chain2")).sum(axis=1).round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    table = pairs(hmm)
    rows: Floats = table / table.sum(axis=1, keepdims=True)
    return rows


def change_probability(hmm: HMMParameters) -> float:
    """Return the probability that a symbol differs from the one before.

    Parameters
    ----------
    hmm : HMMParameters

    Returns
    -------
    float
        A probability.

    Examples
    --------
    >>> from hmmlens.datasets.synthetic.generators import check_hmm
    >>> hmm = check_hmm([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[1.0, 0.0], [0.0, 1.0]])
    >>> round(change_probability(hmm), 6)
    0.1
    """
    return 1.0 - float(np.trace(pairs(hmm)))


def autocorrelation(hmm: HMMParameters, lags: Sequence[int]) -> Floats:
    """Return (P(equal symbols at a lag) - P(equal by chance)) / P(not equal by chance).

    Parameters
    ----------
    hmm : HMMParameters
    lags : sequence of int
        Steps.

    Returns
    -------
    ndarray of shape (lag)
        1 where equal symbols are certain, 0 where they are as frequent as by chance.
    """
    chance = float((frequencies(hmm) ** 2).sum())
    equal = np.array([np.trace(pairs(hmm, lag)) for lag in lags])
    return (equal - chance) / (1 - chance)
