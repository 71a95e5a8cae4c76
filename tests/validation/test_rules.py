"""The contract of every rule of the verdict."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hmmlens.validation.numbers import NUMBERS, Evidence
from hmmlens.validation.rules import DEFAULT, RULES, Thresholds
from hmmlens.validation.verdict import GRADES, decide

GOOD = Evidence(
    loss=0.01, marginal=1.0, floor=0.0, fidelity=0.98, fidelity_states=0.98, n_states=8,
    resolution=8, elbow_output=11.0, elbow_components=5.0, flicker=0.0, n_endpoints=8, ratio=1.0,
    drift=0.001,
)  # fmt: skip
#: Numbers with which a network fails the rule of this name.
FAILING = {
    "competent": {"loss": 1.0},
    "faithful": {"fidelity": 0.1},
    "attractors": {"ratio": 9.0},
    "carried": {"fidelity_states": 0.1},
    "elbow": {"elbow_output": 0.0, "elbow_components": 0.0},
    "steady": {"flicker": 0.5},
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("blind", [False, True])
def test_every_rule_keeps_the_contract(name: str, blind: bool) -> None:
    rule = RULES[name]
    grade = rule.blind_grade if blind else rule.grade
    assert RULES.label(name) and rule.test.__doc__
    known = GOOD.replace(n_endpoints=float("nan")) if blind else GOOD
    if not blind or name != "attractors":
        passed = rule.test(known, DEFAULT)
        assert passed.holds is True and passed.sentence.endswith(".")
    failed = known.replace(**FAILING[name])
    if grade is None:
        assert decide(failed).grade == decide(known).grade
        return
    assert grade in GRADES and decide(failed).grade == grade
    assert decide(failed).reasons[-1] == rule.test(failed, DEFAULT).sentence
    assert rule.test(failed, DEFAULT).holds is False


@pytest.mark.parametrize("name", [field.name for field in fields(Thresholds)])
def test_every_threshold_is_that_of_a_number(name: str) -> None:
    assert any(name in entry.thresholds for _, entry in NUMBERS.items())
