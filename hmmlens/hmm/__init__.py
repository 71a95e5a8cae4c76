"""Hidden Markov models: inference, sweeps over state counts, selection.

The estimators are imported on first use, because the settings of a study need none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hmmlens.hmm.autoregressive import ARHMM
    from hmmlens.hmm.categorical import CategoricalHMM
    from hmmlens.hmm.gaussian import GaussianHMM
    from hmmlens.hmm.input_driven import InputDrivenHMM
    from hmmlens.hmm.selection import choose
    from hmmlens.hmm.sweep import HMMSweep

#: Public names and the modules that hold them.
_EXPORTS = {
    "ARHMM": "hmmlens.hmm.autoregressive",
    "CategoricalHMM": "hmmlens.hmm.categorical",
    "GaussianHMM": "hmmlens.hmm.gaussian",
    "HMMSweep": "hmmlens.hmm.sweep",
    "InputDrivenHMM": "hmmlens.hmm.input_driven",
    "choose": "hmmlens.hmm.selection",
}

__all__ = ["ARHMM", "CategoricalHMM", "GaussianHMM", "HMMSweep", "InputDrivenHMM", "choose"]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'hmmlens.hmm' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_EXPORTS[name]), name)
