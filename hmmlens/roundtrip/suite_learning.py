"""How much data a verdict needs: verdicts on networks of which fewer sequences are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.roundtrip.suite_groups import LEARNT, STATES
from hmmlens.roundtrip.suite_rates import counted
from hmmlens.roundtrip.suite_verdicts import Member, futures_of, member
from hmmlens.seeds import derive_seed
from hmmlens.typing import Int64s
from hmmlens.validation.grading.verdict import CLAIMS, decide_by_futures

#: Numbers of sequences that are recorded, and shares of them in train, select and test.
SEQUENCES, SHARES = (25, 50, 100, 200, 400), (0.6, 0.2, 0.2)
#: Samples of sequences of each size.
SAMPLES = 3
#: Networks that are judged, of each half: on discrete tasks, and on continua.
DISCRETE, CONTINUA = 6, 3


def choose_networks(networks: pd.DataFrame) -> list[str]:
    """Return networks that learnt their tasks, evenly spaced in the order of the tasks.

    Parameters
    ----------
    networks : DataFrame
        See :func:`hmmlens.roundtrip.suite.index`.

    Returns
    -------
    list of str
        Folders of GRU networks of seed 0 that keep at most a tenth of the loss: of each half
        :data:`DISCRETE` on tasks with few states and :data:`CONTINUA` on continua.
    """
    chosen = []
    learnt = networks[(networks["cell"] == "gru") & (networks["seed"] == 0)]
    learnt = learnt[learnt["remaining"] <= LEARNT].sort_values("task")
    for half in ("fixing", "reporting"):
        for answer, n in (("discrete", DISCRETE), ("continuum", CONTINUA)):
            part = learnt[(learnt["half"] == half) & (learnt["answer"] == answer)]
            at = np.linspace(0, len(part) - 1, min(n, len(part))).round().astype(int)
            chosen += part["folder"].iloc[at].tolist()
    return chosen


def sample(split: Int64s, n_sequences: int, rng: np.random.Generator) -> Int64s:
    """Return a random sample of sequences with :data:`SHARES` of each split.

    Parameters
    ----------
    split : ndarray of shape (sequence,)
        0 for train, 1 for select, 2 for test.
    n_sequences : int
        Sequences in all; fewer where a split does not have as many.
    rng : numpy.random.Generator
        Source of the sample.

    Returns
    -------
    ndarray of shape (chosen,)
        Their numbers, in their order.

    Examples
    --------
    >>> split = np.repeat([0, 1, 2], 50)
    >>> chosen = sample(split, 25, np.random.default_rng(0))
    >>> np.bincount(split[chosen]).tolist()
    [15, 5, 5]
    """
    parts = []
    for part, share in enumerate(SHARES):
        rows = np.flatnonzero(split == part)
        parts.append(rng.permutation(rows)[: max(1, round(share * n_sequences))])
    return np.sort(np.concatenate(parts))


def verdicts(place: Path) -> Iterator[dict[str, Any]]:
    """Judge a network of the suite by samples of its sequences.

    Parameters
    ----------
    place : pathlib.Path
        Folder of the network.

    Yields
    ------
    dict
        For each of :data:`SEQUENCES` and :data:`SAMPLES` samples: what is known of the network,
        ``sequences``, ``steps`` in all, ``sample``, ``grade`` and ``n_claimed``.
    """
    found = member(place)
    split, length = (found.data[name].to_numpy() for name in ("split", "length"))
    for n in SEQUENCES:
        for k in range(SAMPLES):
            rng = np.random.default_rng(
                derive_seed(found.seed, "learning", place.name, str(n), str(k))
            )
            rows = sample(split, n, rng)
            about = {"sequences": len(rows), "steps": int(length[rows].sum()), "sample": k}
            yield found.about | about | _verdict(found, rows)


def _verdict(found: Member, rows: Int64s) -> dict[str, Any]:
    futures = futures_of(found, rows)
    if futures is None:
        return {"grade": "not judged", "n_claimed": np.nan}
    verdict = decide_by_futures(futures, found.losses)
    return {"grade": verdict.grade, "n_claimed": verdict.n_states}


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rates of the verdict by the number of sequences.

    Parameters
    ----------
    table : DataFrame
        Rows of :func:`verdicts`.

    Returns
    -------
    DataFrame
        For each half, answer and number of ``sequences``: the mean number of ``steps``;
        ``verdicts`` and ``tasks``; how many claim states, ``hits`` with ``share`` (samples of one
        network are no independent units, so there is no interval); ``exact``, how many of these
        name the right number; and ``other_grades``.
    """
    rows = []
    for (half, answer, n), part in table.groupby(["half", "answer", "sequences"]):
        states = part["grade"].isin(STATES)
        exact = part["grade"].isin(CLAIMS) & (part["n_claimed"] == part["n_states"])
        others = part["grade"][~states].value_counts().sort_index()
        found = counted(states)
        rows.append(
            {
                "half": half, "answer": answer, "sequences": n, "steps": part["steps"].mean(),
                "verdicts": len(part), "tasks": part["task"].nunique(), "hits": found["hits"],
                "share": found["share"], "exact": int(exact.sum()),
                "other_grades": ", ".join(f"{grade} {k}" for grade, k in others.items()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
