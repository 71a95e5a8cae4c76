"""Hidden Markov models: inference, sweeps over state counts, selection."""

from hmmlens.hmm.models import CategoricalHMM, GaussianHMM
from hmmlens.hmm.sweep import HMMSweep

__all__ = ["CategoricalHMM", "GaussianHMM", "HMMSweep"]
