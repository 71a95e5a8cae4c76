"""Tables of a round-trip study: grades by task, recovery by method, and unexpected grades."""

from __future__ import annotations

import pandas as pd

from hmmlens.report.roundtrip.criteria import Tables
from hmmlens.roundtrip.suite_groups import POINTS
from hmmlens.stats.bootstrap import mean_estimate
from hmmlens.validation.grading import state_count, verdict

#: Grades that are right where one is expected, besides that one itself.
ALSO_RIGHT = {"D": ("N",), "N": ("D",)}


def by_trip(tables: Tables) -> pd.DataFrame:
    """Return the grades of each task and cell: ``trip, expected, cell, n_true, n, grades, ...``.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All networks of the study.

    Returns
    -------
    DataFrame
        One row per task and cell. ``half`` is that of a task of the suite; ``grades`` counts
        grades, such as ``D 2, B 1``; ``states`` lists the numbers claimed; ``bic`` those that BIC
        chose, with a plus at the edge of its grid; ``sure`` is the number of codebook cells over
        resamples of all networks (mode and central 95 %); ``restart_ari, bootstrap_ari, gap,
        fidelity, codebook, linear`` are means.
    """
    rows = []
    trained = tables.verdicts[tables.verdicts["role"] == "trained"]
    for (trip, cell), part in trained.groupby(["trip", "cell"], sort=False):
        counts = part["grade"].value_counts()
        claimed = part[part["grade"].isin(verdict.CLAIMS)]["n_states"].astype(int)
        edge = part["bic_at_edge"].map({True: "+", False: ""})
        rows.append(
            {
                "trip": trip,
                "expected": part["expected"].iloc[0],
                "half": part["half"].iloc[0],
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
    for expected, grades in ALSO_RIGHT.items():
        wrong &= ~((rows["expected"] == expected) & rows["grade"].isin(grades))
    wrong &= ~((rows["expected"] == "C") & ~rows["grade"].isin((*POINTS, "M")))
    wrong |= (
        (rows["expected"] == "D") & (rows["grade"] == "D") & (rows["n_states"] != rows["n_true"])
    )
    columns = ["trip", "cell", "seed", "expected", "n_true", "grade", "n_states", "reasons"]
    return rows[wrong][columns]
