"""The groups of networks of the suite that are compared, and the numbers of each network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.validation.grading.numbers import NUMBERS, Evidence
from hmmlens.validation.grading.verdict import SUPPORTED

#: Largest share of the loss that a network may keep to count as having learnt a discrete task.
LEARNT = 0.1
#: Grades that claim discrete states, and grades that claim points.
STATES, POINTS = SUPPORTED, (*SUPPORTED, "B")
#: The grades that are right for networks that learnt a task, by the answer of the task.
RIGHT = {
    "discrete": ("D", "N"),
    "many": ("D", "N"),
    "mixed": ("M",),
    "belief": ("B",),
    "forgets": ("F",),
    "continuum": ("C",),
}


def groups(verdicts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the networks whose futures are known by what they learnt.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    dict of str to DataFrame
        The answer of the task -> networks that learnt it: those on discrete tasks that keep at most
        a tenth of the loss, and others that are competent (no X); ``not learnt``, the other trained
        ones; and ``untrained``. Surrogates have no futures and are in no group.
    """
    known = verdicts[verdicts["n_classes"].notna()]
    trained = known[known["role"] == "trained"]
    finite = trained["answer"].isin(["discrete", "many"])
    learnt = trained[(trained["grade"] != "X") & ~(finite & (trained["remaining"] > LEARNT))]
    found = {answer: learnt[learnt["answer"] == answer] for answer in RIGHT}
    found["not learnt"] = trained[~trained.index.isin(learnt.index)]
    return found | {"untrained": known[known["role"] == "untrained"]}


def evidence(row: Mapping[str, Any]) -> Evidence:
    """Return the numbers of a network that its grade rests on.

    Parameters
    ----------
    row : mapping of str to Any
        A row of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    Evidence
        NaN where the row has no such number. The losses of an untrained network are left out, as
        its competence is not tested.
    """
    numbers = {name: float(row[name]) if name in row else np.nan for name in NUMBERS}
    # In these tables the column n_states is the true number.
    numbers["n_states"] = numbers["n_classes"]
    if row["role"] == "untrained":
        numbers |= {"loss": np.nan, "marginal": np.nan, "floor": np.nan}
    return Evidence(**numbers)
