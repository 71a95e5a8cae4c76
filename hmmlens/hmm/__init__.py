"""Hidden Markov models: inference, sweeps over state counts, selection.

The estimators are imported on first use, because the settings of a study need none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hmmlens.hmm.autoregressive import ARHMM
    from hmmlens.hmm.input_driven import InputDrivenHMM
    from hmmlens.hmm.models import CategoricalHMM, GaussianHMM
    from hmmlens.hmm.selection import choose
    from hmmlens.hmm.sweep import HMMSweep

__all__ = ["ARHMM", "CategoricalHMM", "GaussianHMM", "HMMSweep", "InputDrivenHMM", "choose"]


def __getattr__(name: str) -> object:
    # Imports that stand here as statements, so that the code a workflow rule depends on is found.
    if name == "HMMSweep":
        from hmmlens.hmm.sweep import HMMSweep

        return HMMSweep
    if name == "choose":
        from hmmlens.hmm.selection import choose

        return choose
    if name == "InputDrivenHMM":
        from hmmlens.hmm.input_driven import InputDrivenHMM

        return InputDrivenHMM
    if name == "ARHMM":
        from hmmlens.hmm.autoregressive import ARHMM

        return ARHMM
    if name in __all__:
        from hmmlens.hmm import models

        return getattr(models, name)
    raise AttributeError(f"module 'hmmlens.hmm' has no attribute {name!r}")
