"""Choose one model of a sweep by a criterion, and say when the choice means little."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.errors import DataError

#: Criteria, and whether the smallest or the largest value wins.
CRITERIA = {"bic": "min", "aic": "min", "icl": "min", "held_out": "max"}


class Choice(NamedTuple):
    """What a criterion picks.

    at_edge : the pick is the largest number of states offered (of its covariance type)
    sentence : the choice in words
    """

    criterion: str
    covariance_type: str
    n_states: int
    at_edge: bool
    sentence: str


def best_restarts(results: pd.DataFrame) -> pd.DataFrame:
    """Return the restart with the highest likelihood of each (covariance_type, n_states)."""
    fitted = results.dropna(subset=["log_likelihood"])
    rows = fitted.groupby(["covariance_type", "n_states"], sort=True)["log_likelihood"].idxmax()
    return fitted.loc[rows].reset_index(drop=True)


def choose(results: pd.DataFrame, criterion: str = "bic") -> Choice:
    """Choose among all fits of one data set; never across data sets or reducers.

    Raises
    ------
    DataError
        When every fit broke down, or none has the criterion's score.
    """
    table = best_restarts(results)
    if table.empty:
        raise DataError("every fit of the sweep broke down, so no model can be chosen")
    if table[criterion].isna().all():
        raise DataError(f"no fit of the sweep has a {criterion} score, so none can be chosen by it")
    pick = table[criterion].idxmin() if CRITERIA[criterion] == "min" else table[criterion].idxmax()
    row = table.loc[pick]
    same = table[table["covariance_type"] == row["covariance_type"]]
    n_states = int(row["n_states"])
    at_edge = n_states == same["n_states"].max() and len(same) > 1
    name = {"held_out": "held-out likelihood"}.get(criterion, criterion.upper())
    sentence = f"{name} chooses {n_states} state{'s' if n_states > 1 else ''}"
    if at_edge:
        sentence += ", the most that were offered: no finite number is supported by it"
    return Choice(criterion, str(row["covariance_type"]), n_states, bool(at_edge), sentence + ".")


def smallest_within(n_states: np.ndarray, score: np.ndarray, tolerance: float) -> int:
    """Return the smallest state count whose score is within ``tolerance`` of the best.

    Parameters
    ----------
    n_states, score : (model); a higher score is better, NaN is ignored.
    """
    enough = score >= np.nanmax(score) - tolerance
    return int(n_states[enough].min())
