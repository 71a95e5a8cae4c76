"""Settings of the baselines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BaselineSettings:
    """Settings of the baselines that a model is compared with.

    Attributes
    ----------
    n_restarts : int
        Initialisations of k-means and of the Gaussian mixture.
    n_hmm_restarts : int
        Initialisations of the hidden Markov model, whose likelihood has more local optima.
    contexts : tuple of int
        Numbers of last inputs, or outputs, that a predictor without states reads.
    ridge : float
        Penalty of a fitted readout, relative to the mean variance of the units.
    n_readout_steps : int
        Largest number of steps of L-BFGS of a readout of symbols.
    n_automaton_sequences, n_automaton_steps : int
        Sequences, and steps of each, that an automaton is learnt from; the tree of its learning has
        a node for each step.
    """

    n_restarts: int = 3
    n_hmm_restarts: int = 10
    contexts: tuple[int, ...] = (1, 2, 4)
    ridge: float = 1e-4
    n_readout_steps: int = 100
    n_automaton_sequences: int = 60
    n_automaton_steps: int = 40


DEFAULT_BASELINES = BaselineSettings()
