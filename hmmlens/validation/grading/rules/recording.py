"""The rules for networks of which the recording alone is known."""

from __future__ import annotations

import numpy as np

from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.rules.registry import Reason, rule
from hmmlens.validation.grading.rules.thresholds import Thresholds


@rule(
    "faithful",
    label="Do few states predict the output",
    grade="U",
    when=False,
    evidence="recording",
)
def _faithful(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether a small number of codebook cells predicts the output ahead."""
    value, least = numbers["fidelity"], thresholds.fidelity
    return Reason(
        bool(value >= least),
        f"At most {thresholds.most_states} states predict the output five steps ahead with R² "
        f"{value:.2f} ({least:g} wanted).",
    )


@rule("carried", label="Does a model with that number of states predict the output",
      grade="not supported", when=False, evidence="recording")  # fmt: skip
def _carried(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether an input-driven HMM predicts the output ahead."""
    value, n = numbers["fidelity_states"], int(numbers["n_states"])
    states = f"{n} state" + ("" if n == 1 else "s")
    return Reason(
        bool(value >= thresholds.fidelity),
        f"An input-driven HMM with {states} predicts the output five steps ahead with R² "
        f"{value:.2f} ({thresholds.fidelity:g} wanted).",
    )


@rule("elbow", label="Does fidelity stop growing at that number of states",
      grade="not supported", when=False, evidence="recording")  # fmt: skip
def _elbow(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether fidelity stops growing with the number of codebook cells at ``n_states``."""
    output, components = numbers["elbow_output"], numbers["elbow_components"]
    holds = output >= thresholds.elbow_output or components >= thresholds.elbow_components
    return Reason(
        bool(holds),
        f"The error of fidelity halves {_bits(output)} more often when the states are doubled to "
        f"{int(numbers['n_states'])} than when they are doubled again "
        f"({thresholds.elbow_output:g} wanted; in principal components {_bits(components)}, "
        f"{thresholds.elbow_components:g} wanted).",
    )


@rule(
    "steady",
    label="Is one state clear at nearly every step",
    grade="not supported",
    when=False,
    evidence="recording",
)
def _steady(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether one state is clear at nearly every step."""
    value, most = numbers["flicker"], thresholds.flicker
    return Reason(
        bool(value < most),
        f"In {100 * value:.0f} % of steps no state is clear (below {100 * most:.0f} % wanted).",
    )


def _bits(value: float) -> str:
    return "an unknown number of times" if np.isnan(value) else f"{value:.1f} times"
