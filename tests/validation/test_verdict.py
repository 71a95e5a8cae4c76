"""Every rule of the verdict, at its threshold and past it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmlens.validation.numbers import Evidence
from hmmlens.validation.rules import DEFAULT
from hmmlens.validation.verdict import (
    GRADES,
    UNSUPPORTED,
    decide,
    not_judged,
    reasons_of,
    title,
    without_gate,
)

#: A flip-flop as it should be.
GOOD = Evidence(
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
BLIND = GOOD.replace(n_endpoints=np.nan, ratio=np.nan, drift=np.nan)


@pytest.mark.parametrize(
    ("change", "grade"),
    [
        ({}, "D"),
        ({"elbow_output": 1.49, "elbow_components": 2.99}, "B"),
        ({"elbow_output": 1.5, "elbow_components": -1.0}, "D"),
        ({"elbow_output": -1.0, "elbow_components": 3.0}, "D"),
        ({"elbow_output": np.nan, "elbow_components": np.nan}, "B"),
        ({"ratio": 2.51}, "C"),
        ({"drift": 0.051}, "C"),
        ({"n_endpoints": 1}, "C"),
        ({"n_endpoints": 13}, "C"),
        ({"fidelity": 0.899}, "U"),
        ({"fidelity_states": 0.899}, "B"),
        ({"loss": 0.91}, "X"),
        ({"loss": 0.91, "floor": 0.9}, "D"),
        ({"loss": 0.93, "floor": 0.9}, "X"),
        ({"loss": 0.91, "floor": np.nan}, "X"),
        ({"loss": 0.21}, "X"),
        ({"loss": 0.21, "floor": np.nan}, "D"),
        ({"loss": 0.2}, "D"),
        ({"loss": 0.91, "fidelity": 0.1, "ratio": 9.0}, "X"),
        ({"fidelity": 0.1, "ratio": 9.0}, "U"),
    ],
)
def test_rules(change: dict[str, float], grade: str) -> None:
    verdict = decide(GOOD.replace(**change))
    assert verdict.grade == grade
    assert verdict.supported == (grade in ("D", "B"))
    assert verdict.n_states == (8 if grade in ("D", "B") else None)
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


def test_without_weights_flicker_or_no_elbow_support_nothing() -> None:
    assert decide(BLIND).grade == "consistent with D"
    assert decide(BLIND.replace(flicker=0.06)).grade == "not supported"
    flat = decide(BLIND.replace(elbow_output=0.1, elbow_components=0.1))
    assert flat.grade == "not supported" and not flat.supported
    assert decide(BLIND.replace(fidelity_states=0.8)).grade == "not supported"


def test_reasons_are_sentences_with_their_numbers() -> None:
    reasons = decide(GOOD).reasons
    assert len(reasons) == 5
    assert all(text.endswith(".") and text[0].isupper() for text in reasons)
    assert reasons[0] == (
        "Its test loss is 0.01 of that of the best constant answer and closes 99 % of the way to "
        "the least possible (at least 80 % wanted)."
    )
    assert "At most 12 states" in reasons[1] and "R2 0.98 (0.9 wanted)" in reasons[1]
    assert "A driven HMM with 8 states" in reasons[3] and "R2 0.98 (0.9 wanted)" in reasons[3]
    assert "settles in 8 places, 1.0 times as many" in reasons[2] and "0.001 rms" in reasons[2]
    assert "11.0 bits" in reasons[4] and "5.0 bits" in reasons[4] and "a cliff" in reasons[4]
    # Rules after the one that decides are not applied.
    assert len(decide(GOOD.replace(loss=0.95)).reasons) == 1
    assert "nothing is remembered" in decide(GOOD.replace(n_endpoints=1)).reasons[2]


def test_same_grade_without_training_is_input_driven() -> None:
    assert decide(GOOD).input_driven is None
    assert decide(GOOD, "X").input_driven is False
    driven = decide(GOOD, "D")
    assert driven.input_driven is True
    assert driven.sentence == (
        "Discrete attractor states, 8 of them; input-driven: an untrained network earns the same "
        "grade."
    )
    # Two networks that both fail have nothing in common.
    assert decide(GOOD.replace(loss=0.95), "X").input_driven is False


def test_a_network_without_a_task_is_not_called_incompetent() -> None:
    unknown = decide(GOOD.replace(loss=np.nan, marginal=np.nan, floor=np.nan))
    assert unknown.grade == "D" and unknown.competent is None
    assert unknown.reasons[0].startswith("Whether it is competent is not known")
    assert unknown.sentence.endswith("; whether it is competent at its task is not known.")
    assert decide(GOOD).competent is True and decide(GOOD.replace(loss=0.95)).competent is False
    assert decide(GOOD.replace(loss=np.nan, fidelity=0.1)).grade == "U"


def test_without_the_gate_an_untrained_control_has_another_grade() -> None:
    untrained = GOOD.replace(loss=1.0)
    assert decide(untrained).grade == "X" and without_gate(untrained) == "D"
    assert without_gate(untrained.replace(fidelity=0.2)) == "U"
    assert without_gate(GOOD) == decide(GOOD).grade


@pytest.mark.parametrize("grade", GRADES)
def test_titles_of_figures_state_where_no_states_are_supported(grade: str) -> None:
    text = title(grade, 3)
    assert GRADES[grade] in text
    assert text.startswith("No discrete states supported") == (grade in UNSUPPORTED)
    assert ("3 of them" in text) == (grade not in UNSUPPORTED)
    assert "input-driven" in title(grade, 3, True) and "input-driven" not in text


def test_what_cannot_be_judged_is_not_supported_with_a_reason() -> None:
    verdict = not_judged("no unit of this layer ever changes")
    assert not verdict.supported and verdict.n_states is None
    assert verdict.row()["reasons"] == "No unit of this layer ever changes."
    assert verdict.sentence == "Not judged."


def test_reasons_of_a_row_of_the_table_are_those_of_its_verdict() -> None:
    for evidence in (GOOD, GOOD.replace(fidelity=0.64), GOOD.replace(loss=np.nan, drift=0.9)):
        found = decide(evidence)
        row = {**evidence, **found.row()}
        read = pd.read_csv(io.StringIO(pd.DataFrame([row]).to_csv(index=False))).iloc[0]
        reasons = reasons_of(read)
        assert tuple(reason.sentence for reason in reasons) == found.reasons
        assert len(found.passed) == len(found.reasons)
    short = reasons_of({**GOOD.replace(fidelity=0.64), "grade": "U", "reasons": ""})
    assert [reason.holds for reason in short] == [True, False]
    assert (
        short[1].statement.startswith("Failed: At most 12 states predict")
        and "R2 0.64 (0.9 wanted)" in short[1].statement
    )
    unknown = reasons_of({**GOOD.replace(loss=np.nan), "grade": "D", "reasons": ""})
    assert unknown[0].statement.startswith("Not known: Whether it is competent")
    assert all(reason.holds for reason in unknown[1:])
    blind = not_judged("no sequence is long enough").row()
    assert reasons_of(blind)[0].statement == "Not known: No sequence is long enough."
