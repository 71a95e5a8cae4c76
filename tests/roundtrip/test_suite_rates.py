"""Rates, ROC curves and ablations on small tables whose outcome is known."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from hmmlens.roundtrip import (
    suite_ablation,
    suite_agreement,
    suite_learning,
    suite_rates,
    suite_roc,
)
from hmmlens.roundtrip.suite_groups import evidence, groups
from hmmlens.validation.grading.numbers import NUMBERS
from hmmlens.validation.grading.rules import DEFAULT, RULES
from hmmlens.validation.grading.verdict import decide

#: Numbers of a network whose states are certified, and of one with a continuum.
CERTIFIED = {
    "n_classes": 3, "within": 0.1, "between": 1.0, "points": 1.0, "ambiguity": 0.1,
    "n_compared": 300, "counts_output": 0.0, "memory": 1.0, "chain": 1.2, "dimension": 0.5,
    "density": 2.0, "forgets_after": np.nan, "accuracy": 0.99, "input_accuracy": 0.5,
    "moves": 0.99, "machine_20": 0.99,
}  # fmt: skip
CONTINUUM = CERTIFIED | {
    "n_classes": 1, "within": np.nan, "between": np.nan, "points": np.nan, "chain": 20.0,
    "moves": np.nan, "accuracy": np.nan, "input_accuracy": np.nan, "machine_20": np.nan,
}  # fmt: skip


def network(task: str, answer: str, numbers: dict[str, Any], **about: Any) -> dict[str, Any]:
    """Return the row of a network of the half ``reporting``."""
    row: dict[str, Any] = {
        "task": task, "half": "reporting", "answer": answer, "n_states": 3, "cell": "gru",
        "seed": 0, "loss": 0.01, "marginal": 1.0, "floor": 0.0, "remaining": 0.01,
        "role": "trained",
    }  # fmt: skip
    row |= numbers | about
    verdict = decide(evidence(row))
    return row | {"grade": verdict.grade, "n_claimed": verdict.n_states}


def table() -> pd.DataFrame:
    """Return networks on discrete tasks and continua, and some before training."""
    untrained = {"role": "untrained"}
    return pd.DataFrame(
        [
            network("a", "discrete", CERTIFIED),
            network("a", "discrete", CERTIFIED | {"n_classes": 4}, cell="lstm"),
            network("b", "discrete", CERTIFIED | {"moves": 0.5}),
            network("b", "discrete", CERTIFIED, cell="lstm", loss=0.5, remaining=0.5),
            network("c", "continuum", CONTINUUM),
            network("c", "continuum", CERTIFIED | {"points": 0.2, "machine_20": 0.5}, cell="lstm"),
            network("d", "continuum", CONTINUUM, loss=0.9, remaining=0.9),
            network("a", "discrete", CERTIFIED, **untrained),
            network("c", "continuum", CONTINUUM, **untrained),
        ]
    )


def test_rates_count_networks_and_tasks() -> None:
    found = suite_rates.rates(table()).set_index(["half", "question"]).loc["reporting"]

    def counts(question: str) -> list[int]:
        return found.loc[question, ["networks", "hits", "tasks", "task_hits"]].tolist()

    assert counts("discrete task, learnt: D") == [3, 2, 2, 1]
    assert counts("of these D: number of states exact") == [2, 1, 1, 0]
    assert counts("discrete task, not learnt: D") == [1, 0, 1, 0]
    assert counts("continuum: D or B (error)") == [3, 0, 2, 0]
    # One network is not competent.
    assert counts("continuum, competent: D or B (error)") == [2, 0, 1, 0]
    assert counts("continuum, competent: M (error)") == [2, 1, 1, 1]
    assert counts("untrained, without the gate of competence: D (error)") == [2, 1, 2, 1]
    assert counts("activations shuffled in time: D or B (error)") == [0, 0, 0, 0]
    row = found.loc["discrete task, learnt: D"]
    interval = binomtest(2, 3).proportion_ci(0.95, "exact")
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_rates_of_mixed_tasks_are_given_for_competent_networks_too() -> None:
    both = CERTIFIED | {"points": 0.2, "machine_20": 0.5}
    rows = [
        network("m", "mixed", both),
        network("m", "mixed", CERTIFIED, cell="lstm"),
        network("n", "mixed", both),
        network("n", "mixed", CERTIFIED, cell="lstm", loss=0.9, remaining=0.9),
    ]
    assert [row["grade"] for row in rows] == ["M", "D", "M", "X"]
    found = suite_rates.rates(pd.DataFrame(rows)).set_index(["half", "question"]).loc["reporting"]
    for question, expected in {
        "mixed: D (error)": [4, 1, 2, 1],
        "mixed, competent: D (error)": [3, 1, 2, 1],
        "mixed, competent: M": [3, 2, 2, 1],
    }.items():
        counts = found.loc[question, ["networks", "hits", "tasks", "task_hits"]]
        assert counts.tolist() == expected


def test_tasks_have_their_grades_and_intervals() -> None:
    found = suite_rates.by_task(table()).set_index("task")
    assert found.loc["a", ["networks", "learnt", "hits", "exact"]].tolist() == [2, 2, 2, 1]
    assert found.loc["b", ["competent", "learnt", "hits"]].tolist() == [1, 1, 0]
    assert found.loc["c", "grades"] == "C 1, M 1" and found.loc["d", "grades"] == "X 1"


def test_groups_are_by_what_was_learnt() -> None:
    found = groups(table())
    assert {name: len(part) for name, part in found.items() if len(part)} == {
        "discrete": 3, "continuum": 2, "not learnt": 2, "untrained": 2,
    }  # fmt: skip


def test_a_curve_is_that_of_pairwise_comparisons() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(1, 1, 40).round(1), rng.normal(0, 1, 30).round(1)])
    scores[[0, 50]] = np.inf
    scores[[1, 2, 60]] = -np.inf
    positive = np.arange(70) < 40
    with np.errstate(invalid="ignore"):
        larger = scores[positive][:, None] > scores[~positive]
    equal = scores[positive][:, None] == scores[~positive]
    assert suite_roc.area(scores, positive) == pytest.approx((larger + equal / 2).mean())
    line = suite_roc.curve(scores, positive)
    for row in line.iloc[1:].itertuples():
        called = scores >= row.threshold
        assert row.sensitivity == pytest.approx(called[positive].mean())
        assert row.specificity == pytest.approx((~called[~positive]).mean())


@pytest.mark.parametrize("score", suite_roc.SCORES, ids=lambda s: f"{s.rule}, {s.threshold}")
def test_a_score_says_at_which_threshold_the_rule_holds(score: suite_roc.Score) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(60):
        n_classes = int(rng.choice([1, 2, 5, 40]))
        rows.append(
            CERTIFIED
            | {
                "n_classes": n_classes, "within": rng.uniform(0.05, 0.5), "between": 1.0,
                "points": rng.uniform(0.5, 1), "ambiguity": rng.uniform(0, 0.5),
                "memory": rng.uniform(0, 0.4), "chain": rng.uniform(1, 9),
                "density": rng.uniform(1, 12), "forgets_after": rng.choice([np.nan, 3.0]),
                "moves": rng.uniform(0.7, 1), "machine_20": rng.uniform(0.8, 1),
                "input_accuracy": rng.uniform(0.7, 1),
            }
        )  # fmt: skip
    networks = [evidence(network("a", "discrete", row)) for row in rows]
    alone, in_rule = suite_roc.scores_of(networks, score)
    test = RULES[score.rule].test
    sign = 1 if score.least else -1
    at = sign * getattr(DEFAULT, score.threshold)
    holds = np.array([bool(test(one, DEFAULT).holds) for one in networks])
    # At the threshold in force the score gives what the rule gives; numbers that must be small are
    # strictly below theirs in some rules.
    edge = np.isclose(in_rule, at)
    np.testing.assert_array_equal((in_rule >= at)[~edge], holds[~edge])
    finite = np.isfinite(in_rule)
    np.testing.assert_array_equal(in_rule[finite], alone[finite])


def test_curves_have_the_rates_of_the_rule_in_force() -> None:
    areas, curves = suite_roc.roc_curves(table())
    part = areas[(areas["rule"] == "discrete") & (areas["against"] == "other tasks")]
    assert set(part["number"]) == {s.threshold for s in suite_roc.SCORES if s.rule == "discrete"}
    # Two of three that learnt a discrete task, none of two that learnt a continuum.
    assert (part[["positives", "negatives"]].to_numpy() == [3, 2]).all()
    assert part["sensitivity"].to_numpy() == pytest.approx(2 / 3)
    assert (part["specificity"] == 1).all()
    moves = curves[
        (curves["rule"] == "discrete") & (curves["number"] == "moves")
        & (curves["against"] == "other tasks")
    ]  # fmt: skip
    lenient = moves[moves["threshold"] <= 0.5]
    assert lenient["sensitivity"].iloc[0] == 1 and lenient["specificity"].iloc[0] == 1
    # Numbers that must be small are in their own unit.
    small = curves[(curves["number"] == "share_of_sample") & (curves["rule"] == "discrete")]
    assert not (small["threshold"].replace([np.inf, -np.inf], np.nan).dropna() < 0).any()


def test_ablation_says_what_a_condition_stops() -> None:
    found = suite_ablation.ablation(table())
    found = (
        found[found["half"] == "reporting"]
        .set_index(["kind", "name", "group"])["hits"]
        .sort_index()
    )
    whole = found.loc["nothing", ""]
    assert whole[["discrete", "continuum", "untrained"]].tolist() == [2, 0, 1]
    moves = found.loc["without condition", "class and input determine the next class"]
    assert moves[["discrete", "continuum"]].tolist() == [3, 0]
    tight = found.loc["without condition", "classes are tight"]
    assert tight[["discrete", "continuum"]].tolist() == [2, 1]
    assert found.loc["no condition", "", "continuum"] == 1
    assert found.loc["condition alone", "classes are tight", "continuum"] == 0
    without = found.loc["without rule", RULES.label("discrete")]
    assert without[["discrete", "continuum", "untrained"]].tolist() == [0, 0, 0]
    # The competence of the one that keeps half of the loss is what stops it.
    assert whole["not learnt"] == 0
    assert found.loc["without rule", RULES.label("competent"), "not learnt"] == 1


def test_agreement_wants_the_same_number_of_states_where_one_is_named() -> None:
    verdicts = table()
    verdicts = verdicts[verdicts["role"] == "trained"]
    compared = verdicts.rename(columns={"grade": "study", "n_claimed": "study_states"})
    compared["explain"], compared["explain_states"] = compared["study"], compared["study_states"]
    compared = compared.reset_index(drop=True)
    compared["forward"], compared["forward_states"] = compared["study"], compared["study_states"]
    # Another number counts where states are claimed, and not for a continuum.
    compared.loc[0, "explain_states"] = 5
    compared.loc[4, "explain_states"] = 9
    compared.loc[5, "explain"] = "C"
    found = suite_agreement.rates(compared, verdicts).set_index(["verdicts", "group"])
    whole = found.loc[("explain and study", "all")]
    assert whole[["networks", "hits", "same_grade"]].tolist() == [7, 5, 6]
    assert found.loc[("explain and study", "discrete, learnt"), "hits"] == 2
    assert found.loc[("study and suite", "all"), "hits"] == 7


def test_numbers_of_an_untrained_network_have_no_losses() -> None:
    rows = [network("a", "discrete", CERTIFIED, loss=2.0, role=role) for role in
            ("trained", "untrained")]  # fmt: skip
    assert [row["grade"] for row in rows] == ["X", "D"]
    assert set(evidence(rows[0])) == set(NUMBERS)


ROOT = Path(__file__).parents[2]


def test_the_readme_has_the_rates_that_were_measured() -> None:
    rates = pd.read_csv(ROOT / "benchmarks" / "verdict_rates.csv")
    rates = rates[rates["half"] == "reporting"].set_index("question")
    text = " ".join((ROOT / "README.md").read_text().split())
    for question, words in {
        "discrete task, learnt: D": "{hits} of {networks} networks that learnt a discrete task",
        "of these D: number of states exact": "exact number of states in {hits} of {networks}",
        "continuum: D or B (error)": "of {networks} networks that learnt a continuum {hits} get",
        "mixed, competent: D (error)": "Of {networks} that learnt a mixture of a bit or a count "
        "and a continuum, {hits} get D",
        "mixed, competent: M": "and {hits} are recognised as mixed",
        "untrained, without the gate of competence: D (error)": "{hits} of {networks} untrained",
    }.items():
        assert words.format(**rates.loc[question].to_dict()) in text
    found = pd.read_csv(ROOT / "benchmarks" / "explain_rates.csv")
    found = found[(found["half"] == "reporting") & (found["group"] == "all")].set_index("verdicts")
    for pair, words in {
        "explain and study": "the same grade and number to {hits} of {networks} networks",
        "study and suite": "another sample of sequences and states {hits} of {networks} get",
    }.items():
        assert words.format(**found.loc[pair].to_dict()) in text


def test_samples_of_sequences_have_the_shares_of_the_splits() -> None:
    split = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [600, 200, 60]))
    rng = np.random.default_rng(0)
    chosen = suite_learning.sample(split, 200, rng)
    assert np.bincount(split[chosen]).tolist() == [120, 40, 40]
    assert len(set(chosen)) == 200 and (np.diff(chosen) > 0).all()
    # There are no more than 60 of test.
    assert np.bincount(split[suite_learning.sample(split, 400, rng)]).tolist() == [240, 80, 60]
    assert not np.array_equal(chosen, suite_learning.sample(split, 200, rng))


def test_networks_for_learning_curves_learnt_their_tasks_and_are_of_both_halves() -> None:
    rows = [
        {"task": f"{half}{answer}{i:02d}", "cell": cell, "seed": seed, "half": half,
         "answer": answer, "remaining": 0.5 if i == 3 else 0.01,
         "folder": f"{half}{answer}{i:02d}-{cell}-{seed}"}
        for half in ("fixing", "reporting") for answer in ("discrete", "continuum", "mixed")
        for i in range(9) for cell in ("gru", "lstm") for seed in (0, 1)
    ]  # fmt: skip
    found = suite_learning.choose_networks(pd.DataFrame(rows))
    assert len(found) == len(set(found)) == 18
    assert all(folder.endswith("-gru-0") and "03-" not in folder for folder in found)
    assert sum("discrete" in folder for folder in found) == 12
    assert sum("reporting" in folder for folder in found) == 9


def test_learning_rates_are_by_number_of_sequences() -> None:
    table = pd.DataFrame(
        [
            {"task": task, "half": "fixing", "answer": "discrete", "n_states": 2, "sequences": n,
             "steps": 50 * n, "grade": grade, "n_claimed": claimed}
            for task, n, grade, claimed in [
                ("a", 25, "undecided", np.nan), ("a", 25, "D", 3), ("b", 25, "C", np.nan),
                ("a", 50, "D", 2), ("b", 50, "D", 2),
            ]
        ]
    )  # fmt: skip
    few, more = suite_learning.rates(table).to_dict("records")
    assert (few["verdicts"], few["tasks"], few["hits"], few["exact"]) == (3, 2, 1, 0)
    assert few["other_grades"] == "C 1, undecided 1"
    assert (more["steps"], more["share"], more["exact"]) == (2500, 1, 2)


def test_the_page_of_error_rates_has_the_tables_that_were_measured() -> None:
    page = (ROOT / "docs" / "error_rates.md").read_text()
    found = runpy.run_path(str(ROOT / "benchmarks" / "verdict_page.py"))
    assert all(f"<!-- table: {name} -->\n|" in page for name in found["TABLES"])
    assert found["written"](page) == page


def test_the_rates_are_those_of_the_networks() -> None:
    networks = pd.read_csv(ROOT / "benchmarks" / "verdict_networks.csv")
    agreement = pd.read_csv(ROOT / "benchmarks" / "explain_agreement.csv")
    learning = pd.read_csv(ROOT / "benchmarks" / "verdict_learning.csv")
    roc, curves = suite_roc.roc_curves(networks)
    for name, made in {
        "verdict_rates": suite_rates.rates(networks),
        "verdict_tasks": suite_rates.by_task(networks),
        "verdict_ablation": suite_ablation.ablation(networks),
        "verdict_roc": roc,
        "verdict_curves": curves,
        "explain_rates": suite_agreement.rates(agreement, networks),
        "verdict_learning_rates": suite_learning.rates(learning),
    }.items():
        text = made.to_csv(index=False, float_format="%.4g")
        assert text == (ROOT / "benchmarks" / f"{name}.csv").read_text(), name
    # Grades follow from the numbers in the table.
    known = networks[networks["n_classes"].notna()]
    assert [decide(evidence(row)).grade for row in known.to_dict("records")] == list(known["grade"])
