"""Error rates of the verdict on the networks of the suite, by half and by task."""

from __future__ import annotations

from typing import Any

import pandas as pd

from hmmlens.roundtrip.suite_groups import LEARNT, POINTS, STATES
from hmmlens.stats.shares import share

#: Answers with a finite number of states.
DISCRETE = ("discrete", "many")


def rates(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the error rates of the verdict.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    DataFrame
        For each half of the tasks and each question: ``networks``, ``hits``, ``share`` and its
        exact 95 % interval (Clopper & Pearson 1934) ``low, high``; and the same by task, ``tasks``
        and ``task_hits``, where a task is a hit if all of its networks are (or, for errors, any).
    """
    role = verdicts["role"]
    trained = verdicts[role == "trained"]
    answer = trained["answer"]
    discrete = answer.isin(DISCRETE)
    learnt = trained["remaining"] <= LEARNT
    competent = trained["grade"] != "X"
    states, points = verdicts["grade"].isin(STATES), verdicts["grade"].isin(POINTS)
    certified = states.loc[trained.index]
    exact = trained["n_claimed"] == trained["n_states"]
    questions: list[tuple[str, pd.DataFrame, pd.Series, bool]] = [
        ("discrete task, learnt: D", trained[discrete & learnt], states, False),
        (
            "of these D: number of states exact",
            trained[discrete & learnt & certified], exact, False,
        ),
        ("discrete task, not learnt: D", trained[discrete & ~learnt], states, False),
        ("continuum: D or B (error)", trained[answer == "continuum"], points, True),
        (
            "continuum, competent: D or B (error)",
            trained[(answer == "continuum") & competent], points, True,
        ),
        (
            "continuum, competent: M (error)",
            trained[(answer == "continuum") & competent], verdicts["grade"] == "M", True,
        ),
        ("mixed: D (error)", trained[answer == "mixed"], states, True),
        (
            "mixed, competent: D (error)",
            trained[(answer == "mixed") & competent], states, True,
        ),
        (
            "mixed, competent: M",
            trained[(answer == "mixed") & competent], verdicts["grade"] == "M", False,
        ),
        ("belief: D", trained[answer == "belief"], states, False),
        ("no memory: D (error)", trained[answer == "forgets"], states, True),
        (
            "untrained, without the gate of competence: D (error)",
            verdicts[role == "untrained"], states, True,
        ),
        (
            "activations shuffled in time: D or B (error)",
            verdicts[role == "shuffled"], points, True,
        ),
        (
            "phase-randomised activations: D or B (error)",
            verdicts[role == "phase-randomised"], points, True,
        ),
    ]  # fmt: skip
    rows = []
    for half in ("fixing", "reporting"):
        for question, table, outcome, error in questions:
            part = table[table["half"] == half]
            hit = outcome.loc[part.index]
            by_task = hit.groupby(part["task"])
            task_hits = by_task.any() if error else by_task.all()
            rows.append(
                {"half": half, "question": question, "networks": len(hit)}
                | counted(hit)
                | {"tasks": len(task_hits), "task_hits": int(task_hits.sum())}
            )
    return pd.DataFrame(rows)


def by_task(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the grades of the trained networks of each task.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    DataFrame
        For each task ``half, task, answer, n_states``, its ``networks`` and how many of them are
        ``competent`` (no X) and have ``learnt`` it; ``grades`` such as ``D 2, C 1``; among those
        that have learnt it ``hits``, how many claim states, with ``share, low, high`` as in
        :func:`rates`, and ``exact``, how many of these claim the right number.
    """
    rows = []
    trained = verdicts[verdicts["role"] == "trained"]
    for (half, task), part in trained.groupby(["half", "task"]):
        learnt = part[part["remaining"] <= LEARNT]
        states = learnt["grade"].isin(STATES)
        counts = part["grade"].value_counts().sort_index()
        rows.append(
            {
                "half": half, "task": task, "answer": part["answer"].iloc[0],
                "n_states": part["n_states"].iloc[0], "networks": len(part),
                "competent": int((part["grade"] != "X").sum()), "learnt": len(learnt),
                "grades": ", ".join(f"{grade} {n}" for grade, n in counts.items()),
            }
            | counted(states)
            | {"exact": int((states & (learnt["n_claimed"] == learnt["n_states"])).sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def counted(hit: pd.Series) -> dict[str, Any]:
    """Return how many are hits, and the exact 95 % interval of their share.

    Parameters
    ----------
    hit : Series of bool
        Whether each is one.

    Returns
    -------
    dict
        ``hits, share, low, high``.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in counted(pd.Series([True, False])).items()}
    {'hits': 1, 'share': 0.5, 'low': 0.013, 'high': 0.987}
    """
    hits = int(hit.sum())
    value, low, high = share(hits, len(hit))
    return {"hits": hits, "share": value, "low": low, "high": high}
