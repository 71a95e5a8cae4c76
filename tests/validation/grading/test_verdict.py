"""Every rule of the verdict, at its threshold and past it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.rules import DEFAULT
from hmmlens.validation.grading.verdict import (
    CLAIMS,
    GRADES,
    SUPPORTED,
    UNSUPPORTED,
    decide,
    not_judged,
    reasons_of,
    title,
    without_gate,
)

#: The recording of a flip-flop as it should be, without futures.
BLIND = Evidence(
    loss=0.01,
    marginal=1.0,
    floor=0.0,
    fidelity=0.98,
    fidelity_states=0.98,
    n_states=8,
    resolution=8,
    elbow_output=11.0,
    elbow_components=5.0,
    flicker=0.0,
    n_endpoints=8,
    ratio=1.0,
    drift=0.001,
)
#: The same with its futures.
GOOD = BLIND.replace(
    n_classes=8, within=0.05, between=1.0, points=1.0, ambiguity=0.03, n_compared=300,
    counts_output=0, memory=1.9, chain=1.5, dimension=0.5, density=3.0, forgets_after=26,
    accuracy=0.99, input_accuracy=0.3, moves=0.98, machine_20=0.92, machine_worst=0.9,
)  # fmt: skip
#: Futures without classes.
LINE = GOOD.replace(
    n_classes=1, within=np.nan, between=np.nan, points=np.nan, ambiguity=np.nan, moves=np.nan,
    machine_20=np.nan, chain=16.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "change", "grade"),
    [
        (GOOD, {}, "D"),
        (GOOD, {"between": 0.125}, "D"),
        (GOOD, {"between": 0.124}, "undecided"),
        (GOOD, {"between": 0.124, "chain": 4.0}, "C"),
        (GOOD, {"points": 0.9}, "D"),
        (GOOD, {"points": 0.89}, "M"),
        (GOOD, {"points": 0.89, "moves": 0.89, "ambiguity": 0.3}, "undecided"),
        (GOOD, {"moves": 0.89}, "undecided"),
        (GOOD, {"moves": np.nan}, "D"),
        # A machine that returns the output makes up for wide classes and for a narrow gap.
        (GOOD, {"points": 0.5, "machine_20": 0.95}, "D"),
        (GOOD, {"machine_worst": 0.5}, "D"),
        (GOOD, {"machine_worst": 0.49}, "M"),
        (GOOD, {"machine_worst": 0.49, "moves": 0.89}, "undecided"),
        (GOOD, {"points": 0.5, "machine_20": 0.95, "counts_output": 1}, "M"),
        # Not where the input is all that the machine needs.
        (GOOD, {"points": 0.5, "machine_20": 0.95, "input_accuracy": 0.9}, "M"),
        (GOOD, {"between": 0.0751, "machine_20": 0.95}, "D"),
        (GOOD, {"between": 0.074, "machine_20": 0.95}, "undecided"),
        (GOOD, {"moves": 0.89, "machine_20": 0.99}, "undecided"),
        (GOOD, {"n_classes": 30}, "D"),
        (GOOD, {"n_classes": 31}, "N"),
        (GOOD, {"between": 0.1, "ambiguity": 0.2}, "undecided"),
        (GOOD, {"between": 0.1, "ambiguity": 0.2, "points": 0.5}, "B"),
        (GOOD, {"between": 0.1, "ambiguity": 0.3, "points": 0.5}, "undecided"),
        (LINE, {}, "C"),
        (LINE, {"chain": 3.9}, "undecided"),
        (LINE, {"density": 6.0}, "B"),
        (LINE, {"memory": 0.1}, "F"),
        (GOOD, {"loss": 0.91}, "X"),
        (GOOD, {"loss": 0.91, "floor": 0.9}, "D"),
        (GOOD, {"loss": 0.93, "floor": 0.9}, "X"),
        (GOOD, {"loss": 0.91, "floor": np.nan}, "X"),
        (GOOD, {"loss": 0.21}, "X"),
        (GOOD, {"loss": 0.21, "floor": np.nan}, "D"),
        (LINE, {"loss": 0.91}, "X"),
        # What the recording alone shows decides nothing where futures are known.
        (GOOD, {"fidelity": 0.1, "ratio": 9.0, "flicker": 1.0}, "D"),
        (BLIND, {}, "consistent with D"),
        (BLIND, {"fidelity": 0.899}, "U"),
        (BLIND, {"fidelity_states": 0.899}, "not supported"),
        (BLIND, {"elbow_output": 1.49, "elbow_components": 2.99}, "not supported"),
        (BLIND, {"elbow_output": 1.5, "elbow_components": -1.0}, "consistent with D"),
        (BLIND, {"elbow_output": np.nan, "elbow_components": np.nan}, "not supported"),
        (BLIND, {"flicker": 0.06}, "not supported"),
        (BLIND, {"loss": 0.91}, "X"),
    ],
)
def test_rules(evidence: Evidence, change: dict[str, float], grade: str) -> None:
    verdict = decide(evidence.replace(**change))
    assert verdict.grade == grade
    assert verdict.supported == (grade in ("D", "N", "consistent with D"))
    claimed = int(change.get("n_classes", 8)) if evidence is GOOD else 8
    expected = 8 if grade in ("D", "consistent with D") else None
    assert verdict.n_states == expected or claimed == 30
    assert GRADES[grade][1:] in verdict.sentence


NUMBERS = st.floats(-20, 20)


@given(NUMBERS, NUMBERS, st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1))
def test_without_weights_it_is_consistent_with_d_at_most(
    out: float, components: float, loss: float, fidelity: float, flicker: float
) -> None:
    evidence = BLIND.replace(
        elbow_output=out,
        elbow_components=components,
        loss=loss,
        fidelity=fidelity,
        flicker=flicker,
    )
    grade = decide(evidence).grade
    assert grade in ("consistent with D", "not supported", "U", "X")
    if grade == "consistent with D":
        assert flicker < DEFAULT.flicker and max(out / 1.5, components / 3) >= 1


def test_reasons_are_sentences_with_their_numbers() -> None:
    reasons = decide(GOOD).reasons
    assert len(reasons) == 2
    assert all(text.endswith(".") and text[0].isupper() for text in reasons)
    assert reasons[0] == (
        "Its test loss is 0.01 of that of the best constant answer and closes 99 % of the way to "
        "the least possible (at least 80 % of the way wanted)."
    )
    assert reasons[1] == (
        "By their outputs from the next input on, 300 visited states fall into 8 classes: "
        "neighbours in a class differ by at most 0.05 standard deviations of the output, classes "
        "by at least 1.00, 20.0 times as much (2.5 wanted); 100 % of the states are in tight "
        "classes (90 % wanted), and class and input determine 98 % of the changes of class on test "
        "sequences (90 % wanted)."
    )
    assert "the number is a lower bound" in decide(GOOD.replace(machine_20=0.5)).reasons[1]
    assert "16.0 times the largest gap" in decide(LINE).reasons[-1]
    assert "differ by 0.10 standard deviations" in decide(LINE.replace(memory=0.1)).reasons[-1]
    # Rules after the one that decides are not applied.
    assert len(decide(GOOD.replace(loss=0.95)).reasons) == 1


def test_same_grade_without_training_is_input_driven() -> None:
    assert decide(GOOD).input_driven is None
    assert decide(GOOD, "X").input_driven is False
    driven = decide(GOOD, "D")
    assert driven.input_driven is True
    assert driven.sentence == (
        "Discrete states, 8 of them; input-driven: an untrained network earns the same grade."
    )
    # Two networks that both fail have nothing in common.
    assert decide(GOOD.replace(loss=0.95), "X").input_driven is False


def test_a_network_without_a_task_is_not_called_incompetent() -> None:
    unknown = decide(GOOD.replace(loss=np.nan, marginal=np.nan, floor=np.nan))
    assert unknown.grade == "D" and unknown.competent is None
    assert unknown.reasons[0].startswith("Whether it is competent is not known")
    assert unknown.sentence.endswith("; whether it is competent at its task is not known.")
    assert decide(GOOD).competent is True and decide(GOOD.replace(loss=0.95)).competent is False
    assert decide(LINE.replace(loss=np.nan)).grade == "C"


def test_without_the_gate_an_untrained_control_has_another_grade() -> None:
    untrained = GOOD.replace(loss=1.0)
    assert decide(untrained).grade == "X" and without_gate(untrained) == "D"
    assert without_gate(LINE.replace(loss=1.0)) == "C"
    assert without_gate(GOOD) == decide(GOOD).grade


@pytest.mark.parametrize("grade", GRADES)
def test_titles_of_figures_state_where_no_states_are_supported(grade: str) -> None:
    text = title(grade, 3)
    assert GRADES[grade] in text
    assert text.startswith("No discrete states supported") == (
        grade in UNSUPPORTED and grade != "X"
    )
    other = grade not in (*SUPPORTED, *UNSUPPORTED)
    assert text.endswith("The number of regions is a choice") == other
    assert ("3 of them" in text) == (grade in CLAIMS)
    assert "input-driven" in title(grade, 3, True) and "input-driven" not in text


def test_what_cannot_be_judged_is_not_supported_with_a_reason() -> None:
    verdict = not_judged("no unit of this layer ever changes")
    assert not verdict.supported and verdict.n_states is None
    assert verdict.row()["reasons"] == "No unit of this layer ever changes."
    assert verdict.sentence == "Not judged."


def test_reasons_of_a_row_of_the_table_are_those_of_its_verdict() -> None:
    for evidence in (GOOD, LINE, BLIND, GOOD.replace(loss=np.nan, points=0.5)):
        found = decide(evidence)
        row = {**evidence, **found.row()}
        read = pd.read_csv(io.StringIO(pd.DataFrame([row]).to_csv(index=False))).iloc[0]
        reasons = reasons_of(read)
        assert tuple(reason.sentence for reason in reasons) == found.reasons
        assert len(found.passed) == len(found.reasons)
    short = reasons_of({**BLIND.replace(fidelity=0.64), "grade": "U", "reasons": ""})
    assert [reason.holds for reason in short] == [True, False]
    asked = "Do few states predict the output? No: At most 12 states predict"
    assert short[1].statement.startswith(asked)
    assert "R² 0.64 (0.9 wanted)" in short[1].statement
    unknown = reasons_of({**GOOD.replace(loss=np.nan), "grade": "D", "reasons": ""})
    assert unknown[0].statement.startswith("Does it perform its task? Not known: ")
    assert all(reason.holds for reason in unknown[1:])
    blind = not_judged("no sequence is long enough").row()
    assert reasons_of(blind)[0].statement == "Not known: No sequence is long enough."
