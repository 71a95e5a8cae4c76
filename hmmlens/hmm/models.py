"""Hidden Markov models with Gaussian values or symbols.

Names, shapes and arguments are hmmlearn's, so that code for its two classes runs unchanged; data
may also be (sequence, time, component) values or (sequence, time) symbols, as arrays or xarray's
DataArrays, with ``lengths`` (sequence) where they are ragged.
"""

from hmmlens.hmm.base import HiddenMarkovModel
from hmmlens.hmm.categorical import CategoricalHMM
from hmmlens.hmm.gaussian import GaussianHMM

__all__ = ["CategoricalHMM", "GaussianHMM", "HiddenMarkovModel"]
