"""The contract of every rule of the verdict."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from hmmlens.validation.grading.numbers import NUMBERS, Evidence
from hmmlens.validation.grading.rules import DEFAULT, RULES, Thresholds
from hmmlens.validation.grading.verdict import GRADES, decide
from tests.validation.grading.test_verdict import BLIND, GOOD, LINE

#: Rule -> numbers with which it gives its grade, after evidence of the kind that it needs.
GIVING: dict[str, tuple[Evidence, dict[str, float]]] = {
    "competent": (GOOD, {"loss": 1.0}),
    "discrete": (GOOD, {}),
    "many": (GOOD, {"n_classes": 200}),
    "mixed": (GOOD, {"points": 0.5}),
    "graded": (LINE, {"density": 9.0}),
    "forgetful": (LINE, {"memory": 0.01}),
    "continuum": (LINE, {}),
    "faithful": (BLIND, {"fidelity": 0.1}),
    "carried": (BLIND, {"fidelity_states": 0.1}),
    "elbow": (BLIND, {"elbow_output": 0.0, "elbow_components": 0.0}),
    "steady": (BLIND, {"flicker": 0.5}),
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_the_contract(name: str) -> None:
    rule = RULES[name]
    assert RULES.label(name) and rule.test.__doc__ and rule.grade in GRADES
    known, change = GIVING[name]
    numbers = known.replace(**change)
    verdict, reason = decide(numbers), rule.test(numbers, DEFAULT)
    assert verdict.grade == rule.grade
    assert verdict.reasons[-1] == reason.sentence and reason.sentence.endswith(".")
    assert reason.holds is rule.when
    # The rule is not applied to evidence of the other kind.
    if rule.evidence == "recording":
        assert decide(GOOD.replace(**change)).grade == "D"
    elif rule.evidence == "futures":
        assert decide(BLIND).grade == "consistent with D"


def test_the_order_of_the_rules_is_the_same_whichever_module_is_imported_first() -> None:
    code = (
        "from hmmlens.validation.grading.rules import recording, registry; print(*registry.RULES)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    order = [
        *("competent", "discrete", "many", "mixed", "forgetful", "graded", "continuum"),
        *("faithful", "carried", "elbow", "steady"),
    ]
    assert done.stdout.split() == list(RULES) == order


@pytest.mark.parametrize("name", [field.name for field in fields(Thresholds)])
def test_every_threshold_is_that_of_a_number(name: str) -> None:
    assert any(name in entry.thresholds for _, entry in NUMBERS.items())
