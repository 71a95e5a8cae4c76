"""How far two models of symbols are apart, whatever their states (Juang & Rabiner 1985)."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.stats.bootstrap import Estimate, mean_estimate
from hmmlens.typing import Floats, Ints


def symbol_model(
    startprob: Floats, transmat: Floats, posteriors: Floats, symbols: Ints, n_symbols: int
) -> CategoricalHMM:
    """Give the states of a model fitted to activations a law over symbols.

    Parameters
    ----------
    posteriors : (sequence, time, state) of the train split, 0 past a sequence's end.
    symbols : (sequence, time), -1 where there is none.

    Returns
    -------
    CategoricalHMM
        P(symbol | state) counted with half a count for each symbol, so that none is impossible.
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
    """Return (1/T) [log P(Y | truth) - log P(Y | found)], Y drawn from ``truth``, nats per step.

    Not symmetric: how badly ``found`` explains what ``truth`` says. The interval takes the drawn
    sequences as the unit. Infinite where ``found`` excludes what was drawn.
    """
    parameters = HMMParameters(truth.startprob_, truth.transmat_, truth.emissionprob_)
    symbols, _ = sample_hmm(parameters, n_sequences, n_steps, rng)
    said = truth.filter(symbols).log_likelihood
    return mean_estimate((said - found.filter(symbols).log_likelihood) / n_steps)
