"""The answer, its evidence and its limits, for every grade of the verdict."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from hmmlens.report.explain import state_words
from hmmlens.report.explain.answers import answer, answer_of_layer
from hmmlens.report.explain.findings import same_output_sentence
from hmmlens.validation.grading.verdict import GRADES

ROW = {
    "n_states": 8,
    "n_classes": 8,
    "n_compared": 300,
    "within": 0.02,
    "between": 0.5,
    "points": 0.7,
    "machine_20": 0.98,
    "machine_worst": 0.97,
    "moves": 0.95,
    "memory": 0.03,
    "chain": 7.5,
    "dimension": 1.2,
    "forgets_after": 12,
    "fidelity": 0.97,
    "loss": 0.9,
    "marginal": 1.0,
    "reasons": "",
    "input_driven": False,
}


@pytest.mark.parametrize("grade", GRADES)
def test_every_grade_has_an_answer_in_whole_sentences_without_letters(grade: str) -> None:
    given = answer({**ROW, "grade": grade})
    for sentence in (given.found, given.evidence, given.limit):
        assert sentence[0].isupper() and sentence.endswith(".")
        # No grade by its letter, and no number that is not known.
        assert not re.search(r"\b[BCDFMNUX]\b|nan|None", sentence)
    assert given.certified == (grade == "D")


def test_the_numbers_of_the_sentences_are_those_of_the_row() -> None:
    given = answer({**ROW, "grade": "D"})
    assert given.found == "It holds 8 discrete states."
    assert "Continued from 300 visited states" in given.evidence
    assert (
        "8 classes of behaviour: states of different classes differ at least 25.0 times as much"
        in given.evidence
    )
    assert "20 steps ahead with R² 0.98" in given.evidence
    least = answer({**ROW, "grade": "D", "machine_20": 0.5})
    assert least.found == "It holds at least 8 discrete states."
    assert "more states than were found" in least.limit
    assert "7.5 times the largest gap" in answer({**ROW, "grade": "C"}).evidence


@pytest.mark.parametrize(("chain", "shown"), [(2.04, "2.0"), (3.97, "3.97"), (3.9996, "3.9996")])
def test_a_number_below_its_limit_does_not_look_equal_to_it(chain: float, shown: str) -> None:
    evidence = answer({**ROW, "grade": "undecided", "chain": chain}).evidence
    assert f"over only {shown} times its largest gap, where a continuum needs 4." in evidence


def test_a_continuum_inside_classes_is_shown_by_what_shows_it() -> None:
    wide = answer({**ROW, "grade": "M", "machine_worst": 0.9})
    assert "30 % of the states lie in classes that vary inside" in wide.evidence
    tight = answer({**ROW, "grade": "M", "points": 1.0, "machine_worst": 0.2})
    assert "returns one of them with R² 0.20 only" in tight.evidence


def test_states_that_initial_weights_have_as_well_are_no_proof_of_training() -> None:
    driven = answer({**ROW, "grade": "D", "input_driven": True})
    assert driven.limit.startswith("Its initial weights with a readout fitted to the task earn")
    assert "initial weights" not in answer({**ROW, "grade": "C", "input_driven": True}).limit


def test_a_limit_of_the_number_stands_beside_that_of_the_initial_weights() -> None:
    both = answer({**ROW, "grade": "D", "input_driven": True, "machine_20": 0.5})
    assert (
        both.limit.startswith("Its initial weights") and "more states than were found" in both.limit
    )


def test_trainings_that_differ_are_told_apart() -> None:
    def _of(*grades: str) -> str:
        rows = [{**ROW, "grade": grade, "seed": seed} for seed, grade in enumerate(grades)]
        return str(answer_of_layer(pd.DataFrame(rows))["found"])

    assert _of("D") == "It holds 8 discrete states."
    assert _of("D", "D") == "It holds 8 discrete states, in both trainings."
    assert _of("D", "D", "D").endswith("in all 3 trainings.")
    assert _of("D", "C") == (
        "Training 0: it holds 8 discrete states. Training 1: it holds a continuum, not discrete "
        "states."
    )
    assert answer_of_layer(pd.DataFrame())["found"] == "Not judged yet."


def test_states_with_one_output_are_found_in_every_output() -> None:
    means = np.array([[0.0, 1.0], [0.0, 1.02], [0.0, 2.0], [3.0, 1.0]])
    assert state_words.equal_outputs(means, np.array([1.0, 0.5])) == [[1], [0], [], []]
    # An output that never varies distinguishes nothing.
    assert state_words.equal_outputs(np.ones((2, 1)), np.zeros(1)) == [[1], [0]]
    states = pd.DataFrame({"state": ["A", "B", "C"], "same_output": ["B", "A", ""]})
    assert same_output_sentence(states).startswith("States with the same present output: A and B.")
    assert same_output_sentence(states.assign(same_output=np.nan)) == ""
