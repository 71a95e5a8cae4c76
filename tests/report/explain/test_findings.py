"""Sentences state a negative result where the numbers are negative."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.report import wording
from hmmlens.report.explain import findings
from hmmlens.report.explain.agreement_words import agreement_sentence
from hmmlens.report.explain.choice_words import choice_sentence, likelihood_sentence
from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.verdict import decide


def agreement(trained: float, low: float, untrained: float, raw: float) -> pd.DataFrame:
    high = trained + (trained - low)
    rows = [("trained", trained, low, high, 0.004)]
    rows += [("untrained", untrained, 0.0, 1.0, 0.5), ("raw input", raw, 0.0, 1.0, 0.5)]
    table = pd.DataFrame(rows, columns=["role", "ari", "ari_low", "ari_high", "shift_p"])
    return table.assign(covariance_type="tied", n_states=3, ceiling_ari=np.nan)


def networks(**columns: object) -> pd.DataFrame:
    row = {
        "metric": "nll",
        "test": 0.35,
        "floor": 0.33,
        "above_floor_percent": 6.06,
        "best_baseline": "2-gram context",
        "best_baseline_score": 0.36,
        "n_epochs": 30,
    }
    return pd.DataFrame([row | columns])


def test_an_agreement_above_all_controls_counts() -> None:
    text = agreement_sentence(agreement(0.9, 0.85, 0.1, 0.2), "the truth")
    assert (
        "is 0.90 with tied covariance (compared with the untrained control 0.10 and the raw" in text
    )
    assert (
        "the raw input 0.20, p 0.004 under the null hypothesis of a truth shifted in time)" in text
    )
    assert "every control lies below the interval of the trained network" in text
    # One training is no evidence on training in general; several have an interval of their own.
    assert text.endswith("one training does not show that training in general adds to them.")
    several = [agreement(ari, 0.85, 0.1, 0.2).assign(seed=i) for i, ari in enumerate((0.9, 0.96))]
    text = agreement_sentence(pd.concat(several, ignore_index=True), "the truth")
    # 0.73 +- 12.71 * 0.03: Student's factor of one degree of freedom.
    assert "over 2 trainings the difference from the best of them is 0.73 (0.35 to 1.11)." in text


def test_an_agreement_that_one_control_reaches_does_not_count() -> None:
    text = agreement_sentence(agreement(0.9, 0.85, 0.1, 0.86), "the truth")
    assert "clearly above the untrained control, but not above the raw input" in text
    assert "does not show that training built the states" in text


def test_a_control_that_agrees_better_is_reported() -> None:
    text = agreement_sentence(agreement(0.7, 0.65, 0.1, 0.92), "the truth")
    assert text.endswith(
        "With tied covariance it is clearly above the untrained control, but below the raw input: "
        "these states may be correct, but they do not show that training added anything."
    )
    # Within the interval it is not better.
    text = agreement_sentence(agreement(0.7, 0.65, 0.1, 0.74), "the truth")
    assert "but not above the raw input" in text


def test_an_agreement_that_all_controls_reach_does_not_count() -> None:
    text = agreement_sentence(agreement(0.9, 0.85, 0.93, 0.86), "the truth")
    assert "not clearly above the untrained control or the raw input" in text
    assert "every control" not in text


def test_without_a_known_truth_nothing_is_compared() -> None:
    text = agreement_sentence(agreement(np.nan, np.nan, np.nan, np.nan), "the truth")
    assert text.endswith("no agreement is compared.")


def test_a_network_far_from_its_floor_is_reported() -> None:
    assert "not every training comes within 5 %" in findings.task_sentence(networks())
    near = findings.task_sentence(networks(test=0.34, above_floor_percent=3.03))
    assert "3.0 % above that of the exact filter (0.330)" in near
    assert "not every" not in near


def test_a_network_worse_than_a_simple_baseline_is_judged_by_the_rule_of_the_verdict() -> None:
    """A loss far below the best constant answer's is competent, whatever a baseline reaches."""
    for loss, holds in ((0.3, True), (0.95, False)):
        graded = pd.DataFrame([{"loss": loss, "marginal": 1.0, "floor": np.nan}])
        text = findings.task_sentence(networks(best_baseline_score=0.2), graded=graded)
        assert "which is better. By the rule of the verdict, it is" in text
        words = f"{'' if holds else 'not '}competent: its test loss is {loss:.2f} of that of the"
        assert f"it is {words}" in text and "(at most 0.9 wanted)." in text
        evidence = Evidence(
            loss=loss, marginal=1.0, fidelity=0.95, fidelity_states=0.95, n_states=3, resolution=3,
            elbow_output=4.0, elbow_components=4.0, flicker=0.0,
        )  # fmt: skip
        assert (decide(evidence).competent is True) == holds
    half = pd.DataFrame({"loss": [0.3, 0.95], "marginal": 1.0, "floor": np.nan})
    assert "1 of 2 trainings is competent" in findings.competence_sentence(half)
    assert findings.competence_sentence(half.assign(loss=np.nan)) == ""
    loaded = findings.task_sentence(networks(best_baseline_score=0.34, n_epochs=0), "Not new")
    assert loaded.endswith(
        "better; it was fitted to these data, the network to data elsewhere. Not new."
    )
    assert "Not new" not in findings.task_sentence(networks(), "Not new")


def test_a_p_value_names_its_null_hypothesis_or_why_there_is_none() -> None:
    over = {"null": "permuted over 12 groups", "null_units": 12}
    text = agreement_sentence(agreement(0.9, 0.85, 0.1, 0.2).assign(**over), "the truth")
    assert "p 0.004 under the null hypothesis of a truth permuted over 12 groups" in text
    none = {"null": "no test against chance is possible, because of x", "shift_p": np.nan}
    text = agreement_sentence(agreement(0.9, 0.85, 0.1, 0.2).assign(**none), "the truth")
    assert "no test against chance is possible, because of x" in text and "p " not in text[:80]


def test_a_choice_at_the_edge_supports_no_finite_number() -> None:
    rows = [("bic", 10, True, 0.97), ("explained", 3, False, 0.96)]
    table = pd.DataFrame(rows, columns=["pick", "n_states", "at_edge", "fidelity_test"])
    text = choice_sentence(table, "bic")
    assert "chooses 10 states, the largest number that was fitted: it still improves" in text
    assert text.startswith("BIC (the Bayesian information criterion)")
    # Alone, the choice is labelled as another question than the verdict, with its meaning.
    alone = likelihood_sentence(table, "bic")
    assert alone.startswith("This is not the verdict. BIC (the Bayesian information criterion)")
    assert alone.endswith("and is no evidence of discrete states.") and "explained" not in alone
    inside = choice_sentence(table.assign(at_edge=False), "bic")
    assert "the largest number" not in inside
    assert inside.endswith("with 3 states it is the smallest that is nearly as faithful as the "
                           "best; its fidelity at the same step is 0.96.")  # fmt: skip
    certified = choice_sentence(table.assign(certified_ari=[np.nan, 0.99]), "bic")
    assert "the 3 states of the verdict, which the futures of the network certify" in certified


def test_endpoints_are_points_only_where_a_finer_resolution_finds_no_more() -> None:
    points = pd.DataFrame({"n_coarse": [8, 8], "n_fine": [8, 9], "ratio": [1.0, 9 / 8]})
    assert findings.endpoint_sentence(points, "zeros").endswith("separate points.")
    spread = pd.DataFrame({"n_coarse": [5], "n_fine": [16], "ratio": [3.2]})
    assert findings.endpoint_sentence(spread, "zeros").endswith("not clearly separate points.")
    one = pd.DataFrame({"n_coarse": [1], "n_fine": [1], "ratio": [1.0]})
    assert findings.endpoint_sentence(one, "zeros").endswith("one point, which holds no memory.")
    assert "end in 1 point, in 1 at a four times finer" in findings.endpoint_sentence(one, "zeros")


def test_a_span_of_seeds_shows_both_ends_and_minus_signs() -> None:
    assert wording.span(pd.Series([0.5, 0.5])) == "0.50"
    assert wording.span(pd.Series([-0.04, 0.25, np.nan])) == "\N{MINUS SIGN}0.04 to 0.25"
    assert wording.span(pd.Series([np.nan])) == "not known"


def test_verdicts_of_seeds_are_listed_only_where_they_differ() -> None:
    rows = pd.DataFrame({"seed": [0, 1, 2], "sentence": ["Yes.", "No.", "Yes."]})
    assert findings.verdict_sentence(rows) == "Seeds 0, 2: Yes. Seed 1: No."
    assert findings.verdict_sentence(rows[rows["seed"] != 1]) == "Yes."
