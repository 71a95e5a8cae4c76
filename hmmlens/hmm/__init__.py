"""Hidden Markov models: inference, sweeps over state counts, selection.

The estimators are imported on first use, because the settings of a study need none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hmmlens.hmm.models import CategoricalHMM, GaussianHMM
    from hmmlens.hmm.sweep import HMMSweep

__all__ = ["CategoricalHMM", "GaussianHMM", "HMMSweep"]


def __getattr__(name: str) -> object:
    if name == "HMMSweep":
        from hmmlens.hmm.sweep import HMMSweep

        return HMMSweep
    if name in __all__:
        from hmmlens.hmm import models

        return getattr(models, name)
    raise AttributeError(f"module 'hmmlens.hmm' has no attribute {name!r}")
