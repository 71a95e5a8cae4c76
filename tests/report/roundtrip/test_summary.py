"""Gates are reached where they should be, and missed where they should be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.report.acceptance import outcome_sentences
from hmmlens.report.roundtrip import criteria, summary
from hmmlens.report.roundtrip.criteria import Tables


def tables(*, suite: bool = True, **changes: object) -> Tables:
    """Return two networks on each of some tasks that are all as they should be."""
    rows = []
    for trip, expected, n, half in (
        ("fully3", "D", 3, np.nan),
        ("toggle", "D", 2, np.nan),
        ("weak2", "B", 2, np.nan),
        ("ar1", "C", 0, np.nan),
        *(
            (f"suite-{half}-{expected}", expected, n, half)
            for half in (("fixing", "reporting") if suite else ())
            for expected, n in (("D", 3), ("N", 64), ("M", 2), ("B", 3), ("F", 0), ("C", 0))
        ),
    ):
        for seed in range(2):
            common = {"trip": trip, "cell": "gru", "seed": seed, "expected": expected, "n_true": n}
            common["half"] = half
            numbers = {"fidelity_5": 0.95, "codebook_5": 0.95, "linear_5": 0.5, "gap_closed": 0.99}
            numbers |= {"n_classes": max(n, 1), "between": 1.0, "within": 0.1, "chain": 2.0}
            numbers |= {"n_states": n, "ratio": 1.0, "elbow_output": 5.0, "elbow_components": 5.0}
            trained = {"role": "trained", "grade": expected, "grade_without_gate": expected}
            trained |= {"bic_n_states": 12, "bic_at_edge": True, "input_driven": trip == "fully3"}
            trained |= {"restart_ari": 0.9, "bootstrap_ari": 0.8}
            trained |= {"count_share_2": 0.5 * seed, "count_share_3": 1 - 0.5 * seed}
            rows.append(common | numbers | trained | {"reasons": "Because."})
            for role in ("untrained", "reservoir", "shuffled", "phase-randomised"):
                rows.append(
                    common | numbers | {"role": role, "grade": "X", "grade_without_gate": "C"}
                )
    verdicts = pd.DataFrame(rows)
    for column, (where, value) in changes.items():
        verdicts.loc[verdicts.eval(where), column] = value
    recovery = pd.DataFrame(
        [
            {"trip": trip, "method": "hmm", "share": share, "ari": share, "ami": share,
             "accuracy": share, "transition_distance": 0.1}
            for trip in ("fully3", "flipflop2") for share in (0.95, 0.97)
        ]
    )  # fmt: skip
    cost = pd.DataFrame({"cpu_verdict": [1.0, 1.0], "cpu_training": [3.0, 4.0], "cpu_sweep": 1.0})
    none = pd.DataFrame()
    return Tables(verdicts, recovery, none, none, none, cost)


def outcomes(found: Tables) -> dict[str, str]:
    return criteria.gates(found).set_index("gate")["outcome"].to_dict()


def test_all_gates_are_reached_by_networks_that_are_as_they_should_be() -> None:
    found = outcomes(tables())
    asked = {gate: outcome for gate, outcome in found.items() if outcome in ("reached", "missed")}
    assert len(asked) == len(criteria.CRITERIA) and set(asked.values()) == {"reached"}
    table = criteria.gates(tables())
    assert outcome_sentences(table) == [
        f"{len(asked)} of {len(asked)} acceptance criteria are reached."
    ]
    assert summary.misses(tables()).empty


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"grade": ("trip == 'ar1' and role == 'trained'", "B")},
         "False D, N or B on trained continua"),
        ({"grade": ("role == 'shuffled'", "D")}, "False D, N or B on activations shuffled in time"),
        ({"grade": ("role == 'phase-randomised'", "D")},
         "False D, N or B on phase-randomised activations"),
        ({"n_states": ("trip == 'toggle'", 4)},
         "D with the exact number of states, on discrete tasks"),
        ({"grade": ("trip == 'weak2' and role == 'trained'", "D")}, "D on tasks of graded belief"),
        ({"input_driven": ("trip == 'fully3'", False)},
         "Reservoir flag on fully3 where its states are certified"),
        ({"codebook_5": ("expected == 'D'", 0.99)},
         "R2 at h = 5, driven HMM minus k-means chain, discrete tasks"),
        ({"linear_5": ("trip == 'toggle'", 0.93)},
         "R2 at h = 5, driven HMM minus linear baseline, memory tasks"),
        ({"grade": ("trip == 'suite-reporting-D'", "undecided")},
         "D or N on discrete tasks, competent networks, half reporting"),
        ({"n_states": ("trip == 'suite-reporting-D'", 4)},
         "exact number of states where these get D, competent networks, half reporting"),
        ({"grade": ("trip == 'suite-reporting-C'", "N")},
         "false D, N or B on continua, competent networks, half reporting"),
        ({"grade": ("trip == 'suite-reporting-M'", "D")},
         "false D or N on mixed tasks, competent networks, half reporting"),
        ({"grade": ("trip == 'suite-reporting-F'", "D")},
         "false D or N without memory, competent networks, half reporting"),
    ],
)  # fmt: skip
def test_a_gate_is_missed_where_it_should_be(change: dict[str, object], gate: str) -> None:
    found = tables(**change)
    assert outcomes(found)[gate] == "missed"
    sentences = outcome_sentences(criteria.gates(found))
    assert any(gate in sentence and "required" in sentence for sentence in sentences[1:])


def test_a_network_that_was_graded_otherwise_is_listed_with_its_reasons() -> None:
    found = summary.misses(tables(n_states=("trip == 'toggle' and seed == 1", 4)))
    assert found[["trip", "seed", "n_states", "reasons"]].to_numpy().tolist() == [
        ["toggle", 1, 4, "Because."]
    ]
    # U or X on a continuum claims nothing.
    assert summary.misses(tables(grade=("trip == 'ar1'", "U"))).empty


def test_the_half_on_which_thresholds_were_fixed_is_only_reported() -> None:
    changed = tables(grade=("half == 'fixing' and role == 'trained'", "D"))
    rows = criteria.gates(changed).set_index("gate")
    fixing = rows[rows.index.str.endswith("half fixing")]
    assert len(fixing) == 6 and set(fixing["outcome"]) == {"reported"}
    assert fixing.loc["false D, N or B on continua, competent networks, half fixing", "value"] == 1
    # Networks that do not do their task count for neither half.
    weak = tables(grade=("trip == 'suite-reporting-C' and seed == 0", "X"))
    row = (
        criteria.gates(weak)
        .set_index("gate")
        .loc["false D, N or B on continua, competent networks, half reporting"]
    )
    assert (row["n"], row["value"]) == (1, 0)


def test_d_and_n_are_both_right_for_a_finite_number_of_states() -> None:
    for trip, grade in (("suite-reporting-N", "D"), ("suite-reporting-D", "N")):
        where = f"trip == '{trip}' and role == 'trained'"
        assert summary.misses(tables(grade=(where, grade))).empty
    found = summary.misses(tables(grade=("trip == 'suite-reporting-C'", "M")))
    assert len(found) == 2


def test_what_no_network_has_a_part_in_is_not_asked() -> None:
    found = tables()
    some = found._replace(
        verdicts=found.verdicts[found.verdicts["expected"] == "D"], recovery=pd.DataFrame()
    )
    gates = outcomes(some)
    assert gates["False D, N or B on trained continua"] == "not asked"
    assert gates["ARI of the tied HMM as a share of the ceiling, fully3"] == "not asked"
    assert summary.by_method(some).empty


def test_tasks_show_grades_and_counts() -> None:
    row = summary.by_trip(tables(grade=("trip == 'toggle' and seed == 0", "X"))).iloc[1]
    assert row["trip"] == "toggle" and row["grades"] in ("D 1, X 1", "X 1, D 1")
    assert row["states"] == "2" and row["bic"] == "12+ 12+"
    # Of all resamples of both networks a quarter choose 2 and the rest 3.
    assert row["sure"] == "3 (2 to 3) at the edge" and row["restart_ari"] == pytest.approx(0.9)
