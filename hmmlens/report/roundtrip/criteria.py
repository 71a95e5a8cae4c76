"""Compare the networks of a round-trip study with what is required of them.

The requirements are :data:`CRITERIA`. One that is not met is printed as missed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.report.acceptance import Criterion, criteria_table
from hmmlens.roundtrip.suite_groups import POINTS, STATES
from hmmlens.stats.bootstrap import Estimate, mean_estimate

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
        return table[column].isin(POINTS)

    return find


def _half(
    half: str,
    expected: tuple[str, ...],
    hit: Callable[[pd.DataFrame], pd.Series],
    grades: tuple[str, ...] | None = None,
) -> Callable[[Tables], pd.Series]:
    """Return which competent networks on tasks of a half of the suite are hits."""

    def find(tables: Tables) -> pd.Series:
        rows = tables.verdicts[tables.verdicts["role"] == "trained"]
        chosen = rows["half"].eq(half) & rows["expected"].isin(expected) & (rows["grade"] != "X")
        if grades is not None:
            chosen &= rows["grade"].isin(grades)
        return hit(rows[chosen])

    return find


def _graded(grades: tuple[str, ...]) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda rows: rows["grade"].isin(grades)


def _right_number(rows: pd.DataFrame) -> pd.Series:
    return rows["n_states"] == rows["n_true"]


def _of_suite(half: str, wanted: bool) -> tuple[Criterion, ...]:
    """Return the criteria for one half of the suite, only reported where none is wanted."""

    def _made(
        what: str,
        values: Callable[[Tables], pd.Series],
        limit: float,
        least: bool = True,
    ) -> Criterion:
        text = f"{what}, competent networks, half {half}"
        return Criterion(text, values, limit if wanted else np.nan, least=least)

    finite = ("D", "N")
    return (
        _made("D or N on discrete tasks", _half(half, finite, _graded(STATES)), 0.9),
        _made(
            "exact number of states where these get D",
            _half(half, finite, _right_number, ("D",)),
            0.9,
        ),
        _made("false D, N or B on continua", _half(half, ("C",), _graded(POINTS)), 0.05, False),
        _made("false D or N on mixed tasks", _half(half, ("M",), _graded(STATES)), 0.0, False),
        _made("false D or N on beliefs", _half(half, ("B",), _graded(STATES)), 0.0, False),
        _made("false D or N without memory", _half(half, ("F",), _graded(STATES)), 0.0, False),
    )


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


def _flagged(name: str) -> Callable[[Tables], pd.Series]:
    """Return the reservoir flag of the networks whose states are certified."""

    def find(tables: Tables) -> pd.Series:
        rows = tables.verdicts
        rows = rows[(rows["role"] == "trained") & rows["trip"].str.startswith(name)]
        return rows[rows["grade"].isin(STATES)]["input_driven"].eq(True)

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
    Criterion("False D, N or B on trained continua", _claimed("C", "trained"), 0.05, least=False),
    Criterion(
        "False D, N or B on activations shuffled in time",
        _claimed(None, "shuffled"),
        0.05,
        least=False,
    ),
    Criterion(
        "False D, N or B on phase-randomised activations",
        _claimed(None, "phase-randomised"),
        0.05,
        least=False,
    ),
)

CRITERIA = (
    *_FALSE,
    Criterion(
        "False D, N or B on all of these",
        lambda t: pd.concat([gate.values(t) for gate in _FALSE]), 0.05, least=False,
    ),
    Criterion("D with the exact number of states, on discrete tasks", _exact, 0.9),
    Criterion("B on tasks of graded belief", _grade("B", "B"), 0.9),
    Criterion("D on tasks of graded belief", _grade("B", "D"), 0.0, least=False),
    Criterion("Reservoir flag on fully3 where its states are certified", _flagged("fully3"), 1.0),
    Criterion("ARI of the tied HMM as a share of the ceiling, fully3", _recovered("fully3"), 0.9),
    Criterion(
        "ARI of the tied HMM as a share of the ceiling, flip-flops", _recovered("flipflop"), 0.9,
    ),
    Criterion("R2 at h = 5, driven HMM minus k-means chain, discrete tasks", _over_codebook, -0.02),
    Criterion("R2 at h = 5, driven HMM minus linear baseline, memory tasks", _over_linear, 0.05),
    Criterion("CPU time of a verdict over that of training and sweep", _cost, 1.0, least=False),
    *_of_suite("reporting", wanted=True),
)  # fmt: skip

#: Numbers that are reported without a threshold.
REPORTED = (
    *_of_suite("fixing", wanted=False),
    Criterion("D, N or B of untrained networks", _claimed(None, "untrained"), np.nan),
    Criterion(
        "D, N or B of untrained networks where their competence is not tested",
        _claimed(None, "untrained", column="grade_without_gate"), np.nan,
    ),
    Criterion("D, N or B of reservoirs on discrete tasks", _claimed("D", "reservoir"), np.nan),
    Criterion("D, N or B of reservoirs on continua", _claimed("C", "reservoir"), np.nan),
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
