"""The rule about the task, which is applied to every network before all others."""

from __future__ import annotations

from hmmlens.validation.grading.competence import competence
from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.rules.registry import Reason, rule
from hmmlens.validation.grading.rules.thresholds import Thresholds


@rule("competent", label="Does it perform its task", grade="X", when=False, evidence="any")
def _competent(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether the network performs its task."""
    found = competence(
        numbers["loss"], numbers["marginal"], numbers["floor"], thresholds.loss, thresholds.gap
    )
    return Reason(found.holds, found.sentence)
