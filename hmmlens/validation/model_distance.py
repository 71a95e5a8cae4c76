"""The distance between two models of symbols, whatever their states (Juang & Rabiner 1985)."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.stats.bootstrap import Estimate, mean_estimate
from hmmlens.typing import Floats, Ints


def symbol_model(
    startprob: Floats, transmat: Floats, posteriors: Floats, symbols: Ints, n_symbols: int
) -> CategoricalHMM:
    """Give the states of a model that was fitted to activations a distribution of symbols.

    Parameters
    ----------
    startprob : ndarray of shape (state,)
        Initial probabilities.
    transmat : ndarray of shape (state, next_state)
        Transition probabilities.
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities of the train split, 0 past a sequence's end.
    symbols : ndarray of shape (sequence, time)
        Symbols, -1 where there is none.
    n_symbols : int
        Number of symbols.

    Returns
    -------
    CategoricalHMM
        P(symbol | state) is counted with half a count for each symbol, so that none is impossible.
    """
    known = symbols >= 0
    joint = posteriors[known].T @ np.eye(n_symbols)[symbols[known]] + 0.5
    distribution = joint / joint.sum(axis=1, keepdims=True)
    return CategoricalHMM.from_parameters(startprob, transmat, distribution)


def juang_rabiner(
    truth: CategoricalHMM,
    found: CategoricalHMM,
    n_sequences: int,
    n_steps: int,
    rng: np.random.Generator,
) -> Estimate:
    """Return (1/T) [log P(Y | truth) - log P(Y | found)] for samples Y of ``truth``.

    Not symmetric: how badly ``found`` explains the symbols of ``truth``. The interval takes the
    sampled sequences as the unit.

    Parameters
    ----------
    truth, found : CategoricalHMM
        The models.
    n_sequences, n_steps : int
        Number of sampled sequences, and of steps of each.
    rng : numpy.random.Generator
        Source of the samples.

    Returns
    -------
    Estimate
        In nats per step; infinite where ``found`` excludes what was sampled.

    Examples
    --------
    >>> from hmmlens import CategoricalHMM
    >>> coin = CategoricalHMM.from_parameters(np.ones(1), np.ones((1, 1)), np.array([[0.5, 0.5]]))
    >>> juang_rabiner(coin, coin, 10, 20, np.random.default_rng(0)).value
    0.0
    """
    parameters = HMMParameters(truth.startprob_, truth.transmat_, truth.emissionprob_)
    symbols, _ = sample_hmm(parameters, n_sequences, n_steps, rng)
    exact = truth.filter(symbols).log_likelihood
    return mean_estimate((exact - found.filter(symbols).log_likelihood) / n_steps)
