"""Hold the networks of a round-trip study against what is promised of them.

What is promised stands in :data:`CRITERIA`, once. A gate that is missed is printed as missed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.report.acceptance import Criterion, criteria_table
from hmmlens.stats.bootstrap import Estimate, mean_estimate
from hmmlens.validation import state_count

#: Grades that claim states or attractors.
CLAIMS = ("D", "B", "consistent with D")
#: Tasks that need a memory beyond the last inputs, by the beginning of their names.
MEMORY = ("flipflop", "toggle", "count")


class Tables(NamedTuple):
    """All networks of a study.

    verdicts : one row for each network and role, see :func:`hmmlens.roundtrip.grades.grade_roles`
    recovery : one row for each network and method, see :mod:`hmmlens.roundtrip.recovered`
    rivals : one row for each network and baseline, see :mod:`hmmlens.roundtrip.baselines`
    beliefs, spoken : one row for each network of symbols and score, see
        :mod:`hmmlens.roundtrip.generated`
    cost : one row for each network, CPU seconds of each step
    """

    verdicts: pd.DataFrame
    recovery: pd.DataFrame
    rivals: pd.DataFrame
    beliefs: pd.DataFrame
    spoken: pd.DataFrame
    cost: pd.DataFrame


def _of(table: pd.DataFrame, expected: str, *roles: str) -> pd.DataFrame:
    return table[(table["expected"] == expected) & table["role"].isin(roles)]


def _claimed(
    expected: str | None, *roles: str, column: str = "grade"
) -> Callable[[Tables], pd.Series]:
    def find(tables: Tables) -> pd.Series:
        table = tables.verdicts
        table = table[table["role"].isin(roles)]
        if expected is not None:
            table = table[table["expected"] == expected]
        return table[column].isin(CLAIMS)

    return find


def _exact(tables: Tables) -> pd.Series:
    rows = _of(tables.verdicts, "D", "trained")
    return (rows["grade"] == "D") & (rows["n_states"] == rows["n_true"])


def _grade(expected: str, *grades: str) -> Callable[[Tables], pd.Series]:
    return lambda tables: _of(tables.verdicts, expected, "trained")["grade"].isin(grades)


def _task(name: str, column: str, wanted: object) -> Callable[[Tables], pd.Series]:
    def find(tables: Tables) -> pd.Series:
        rows = tables.verdicts
        rows = rows[(rows["role"] == "trained") & rows["trip"].str.startswith(name)]
        return rows[column].eq(wanted)

    return find


def _recovered(name: str) -> Callable[[Tables], pd.Series]:
    def find(tables: Tables) -> pd.Series:
        rows = tables.recovery
        if rows.empty:
            return pd.Series(dtype=float)
        return rows[(rows["method"] == "hmm") & rows["trip"].str.startswith(name)]["share"]

    return find


def _over_codebook(tables: Tables) -> pd.Series:
    rows = _of(tables.verdicts, "D", "trained")
    return rows["fidelity_5"] - rows["codebook_5"]


def _over_linear(tables: Tables) -> pd.Series:
    rows = tables.verdicts
    rows = rows[(rows["role"] == "trained") & rows["trip"].str.startswith(MEMORY)]
    return rows["fidelity_5"] - rows["linear_5"]


def _cost(tables: Tables) -> pd.Series:
    rows = tables.cost
    return rows["cpu_verdict"] / (rows["cpu_training"] + rows["cpu_sweep"])


#: Gates of false claims, which are also pooled.
_FALSE = (
    Criterion("False D or B on trained continua", _claimed("C", "trained"), 0.05, least=False),
    Criterion(
        "False D or B on activations shuffled in time",
        _claimed(None, "shuffled"),
        0.05,
        least=False,
    ),
    Criterion(
        "False D or B on phase-randomised activations",
        _claimed(None, "phase-randomised"),
        0.05,
        least=False,
    ),
)

CRITERIA = (
    *_FALSE,
    Criterion(
        "False D or B on all of these",
        lambda t: pd.concat([gate.values(t) for gate in _FALSE]), 0.05, least=False,
    ),
    Criterion("D with the exact number of states, on discrete tasks", _exact, 0.9),
    Criterion("B on tasks of graded belief", _grade("B", "B"), 0.9),
    Criterion("D on tasks of graded belief", _grade("B", "D"), 0.0, least=False),
    Criterion("Input-driven fires on fully3", _task("fully3", "input_driven", True), 1.0),
    Criterion("ARI of the tied HMM as a share of the ceiling, fully3", _recovered("fully3"), 0.9),
    Criterion(
        "ARI of the tied HMM as a share of the ceiling, flip-flops", _recovered("flipflop"), 0.9,
    ),
    Criterion("R2 at h = 5, driven HMM minus k-means chain, discrete tasks", _over_codebook, -0.02),
    Criterion("R2 at h = 5, driven HMM minus linear rival, memory tasks", _over_linear, 0.05),
    Criterion("CPU time of a verdict over that of training and sweep", _cost, 1.0, least=False),
)  # fmt: skip

#: Numbers that are reported without a threshold.
REPORTED = (
    Criterion("D or B of untrained networks", _claimed(None, "untrained"), np.nan),
    Criterion(
        "D or B of untrained networks, were competence not asked for",
        _claimed(None, "untrained", column="grade_without_gate"), np.nan,
    ),
    Criterion("D or B of reservoirs on discrete tasks", _claimed("D", "reservoir"), np.nan),
    Criterion("D or B of reservoirs on continua", _claimed("C", "reservoir"), np.nan),
    Criterion("D on the mod-3 counter", _task("count3", "grade", "D"), np.nan),
    Criterion(
        "BIC at the edge of its grid",
        lambda t: t.verdicts[t.verdicts["role"] == "trained"]["bic_at_edge"].eq(True), np.nan,
    ),
)  # fmt: skip


def gates(tables: Tables) -> pd.DataFrame:
    """Return the criteria with what was found of them.

    Parameters
    ----------
    tables : Tables
        All networks of the study.

    Returns
    -------
    DataFrame
        See :func:`hmmlens.report.acceptance.criteria_table`; means have Student's interval.
    """

    def _mean(values: pd.Series) -> Estimate:
        return mean_estimate(values.to_numpy(dtype=float))

    return criteria_table((*CRITERIA, *REPORTED), tables, _mean)


def by_trip(tables: Tables) -> pd.DataFrame:
    """Return the grades of each task and cell: ``trip, expected, cell, n_true, n, grades, ...``.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All networks of the study.

    Returns
    -------
    DataFrame
        One row per task and cell. ``grades`` counts grades, such as ``D 2, B 1``; ``states`` lists
        the numbers claimed; ``bic`` those that BIC chose, with a plus at the edge of its grid;
        ``sure`` is the number of codebook cells over resamples of all networks (mode and central 95
        %); ``restart_ari, bootstrap_ari, gap, fidelity, codebook, linear`` are means.
    """
    rows = []
    trained = tables.verdicts[tables.verdicts["role"] == "trained"]
    for (trip, cell), part in trained.groupby(["trip", "cell"], sort=False):
        counts = part["grade"].value_counts()
        claimed = part[part["grade"].isin(CLAIMS)]["n_states"].astype(int)
        edge = part["bic_at_edge"].map({True: "+", False: ""})
        rows.append(
            {
                "trip": trip,
                "expected": part["expected"].iloc[0],
                "cell": cell,
                "n_true": int(part["n_true"].iloc[0]),
                "n": len(part),
                "grades": ", ".join(f"{grade} {count}" for grade, count in counts.items()),
                "states": " ".join(map(str, claimed)),
                "bic": " ".join(part["bic_n_states"].astype(int).astype(str) + edge),
                "sure": _sure(part),
                "restart_ari": part["restart_ari"].mean(),
                "bootstrap_ari": part["bootstrap_ari"].mean(),
                "input_driven": int(part["input_driven"].eq(True).sum()),
                "gap": part["gap_closed"].mean(),
                "fidelity": part["fidelity_5"].mean(),
                "codebook": part["codebook_5"].mean(),
                "linear": part["linear_5"].mean(),
            }
        )
    return pd.DataFrame(rows)


def _sure(rows: pd.DataFrame) -> str:
    counts = state_count.over_trainings(rows)
    if counts is None:
        return ""
    edge = " at the edge" if counts.at_edge >= state_count.EDGE_SHARE else ""
    return f"{counts.mode} ({counts.low} to {counts.high}){edge}"


def by_method(tables: Tables) -> pd.DataFrame:
    """Return the mean recovery of each method on each task, with intervals over networks.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All networks of the study.

    Returns
    -------
    DataFrame
        One row per task and method.
    """
    rows = []
    columns = ["ari", "ami", "accuracy", "share", "transition_distance"]
    if tables.recovery.empty:
        return pd.DataFrame(columns=["trip", "method", "n", *columns, "share_low", "share_high"])
    for (trip, method), part in tables.recovery.groupby(["trip", "method"], sort=False):
        _, low, high = mean_estimate(part["share"].to_numpy(dtype=float))
        rows.append(
            {"trip": trip, "method": method, "n": len(part)}
            | part[columns].mean().to_dict()
            | {"share_low": low, "share_high": high}
        )
    return pd.DataFrame(rows)


def mean_over_networks(table: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Return means of ``columns`` over networks, and their number ``n``, in the order of rows.

    Parameters
    ----------
    table : DataFrame
        One row per network and group.
    by : list of str
        Columns that name a group.
    columns : list of str
        Columns of numbers.

    Returns
    -------
    DataFrame
        One row per group.
    """
    if table.empty:
        return pd.DataFrame(columns=[*by, "n", *columns])
    groups = table.groupby(by, sort=False)
    return groups[columns].mean().assign(n=groups.size()).reset_index()


def summaries(tables: Tables) -> dict[str, pd.DataFrame]:
    """Return means over networks: ``rival_means``, ``belief_means`` and ``spoken_means``.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All networks of the study.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    spoken = mean_over_networks(tables.spoken, ["trip", "score"], ["value", "null"])
    # Finite sets of one source differ too.
    spoken["excess"] = spoken["value"] - spoken["null"].fillna(0.0)
    return {
        "rival_means": mean_over_networks(
            tables.rivals, ["trip", "rival"], ["fidelity_0", "fidelity_5"]
        ),
        "belief_means": mean_over_networks(tables.beliefs, ["trip", "source", "score"], ["value"]),
        "spoken_means": spoken,
    }


def misses(tables: Tables) -> pd.DataFrame:
    """Return the trained networks whose grade is not the expected one.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All networks of the study.

    Returns
    -------
    DataFrame
        One row per network, with the reasons of its verdict.
    """
    rows = tables.verdicts[tables.verdicts["role"] == "trained"]
    wrong = (rows["expected"] != "open") & (rows["grade"] != rows["expected"])
    wrong &= ~((rows["expected"] == "C") & ~rows["grade"].isin(CLAIMS))
    wrong |= (
        (rows["expected"] == "D") & (rows["grade"] == "D") & (rows["n_states"] != rows["n_true"])
    )
    columns = ["trip", "cell", "seed", "expected", "n_true", "grade", "n_states", "reasons"]
    return rows[wrong][columns]
