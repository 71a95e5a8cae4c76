"""hmmlens: explain trained recurrent networks with hidden Markov models.

Importing this package imports neither torch nor matplotlib; each is imported where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

#: Public names and the modules that hold them; resolved on first use to keep start-up short.
_EXPORTS = {
    "CategoricalHMM": "hmmlens.hmm",
    "ConfigError": "hmmlens.errors",
    "DataError": "hmmlens.errors",
    "Explanation": "hmmlens.report.explain.result",
    "GaussianHMM": "hmmlens.hmm",
    "HMMSweep": "hmmlens.hmm",
    "HmmlensError": "hmmlens.errors",
    "InputDrivenHMM": "hmmlens.hmm",
    "StoreError": "hmmlens.errors",
    "Verdict": "hmmlens.validation.grading.verdict",
    "check": "hmmlens.explanation.checking",
    "choose": "hmmlens.hmm",
    "explain": "hmmlens.explanation.pipeline",
    "explain_states": "hmmlens.explanation.states",
    "extract": "hmmlens.recording.extract",
    "list_layers": "hmmlens.recording.listing",
    "judge": "hmmlens.validation.grading.evidence",
    "record": "hmmlens.recording.during_training",
    "reduce": "hmmlens.reduction.reduce",
    "Reducer": "hmmlens.reduction.estimator",
}

if TYPE_CHECKING:
    from hmmlens.errors import ConfigError, DataError, HmmlensError, StoreError
    from hmmlens.explanation.checking import check
    from hmmlens.explanation.pipeline import explain
    from hmmlens.explanation.states import explain_states
    from hmmlens.hmm import CategoricalHMM, GaussianHMM, HMMSweep, InputDrivenHMM, choose
    from hmmlens.recording.during_training import record
    from hmmlens.recording.extract import extract
    from hmmlens.recording.listing import list_layers
    from hmmlens.reduction.estimator import Reducer
    from hmmlens.reduction.reduce import reduce
    from hmmlens.report.explain.result import Explanation
    from hmmlens.validation.grading.evidence import judge
    from hmmlens.validation.grading.verdict import Verdict

__all__ = [
    "CategoricalHMM",
    "ConfigError",
    "DataError",
    "Explanation",
    "GaussianHMM",
    "HMMSweep",
    "HmmlensError",
    "InputDrivenHMM",
    "Reducer",
    "StoreError",
    "Verdict",
    "__version__",
    "check",
    "choose",
    "explain",
    "explain_states",
    "extract",
    "judge",
    "list_layers",
    "record",
    "reduce",
]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'hmmlens' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_EXPORTS[name]), name)
