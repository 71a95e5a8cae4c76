"""Acceptance criteria: what the networks of a study are required to show, and whether they do.

A criterion is data: a description, a function that takes the numbers it is about from the tables of
a study, and a threshold. A criterion that is not met is reported as missed; one for which the study
has too few networks is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom

from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.shares import share

#: Outcomes of a criterion, as they stand in tables.
REACHED, MISSED, REPORTED, NOT_ASKED = "reached", "missed", "reported", "not asked"


class Criterion(NamedTuple):
    """One acceptance criterion.

    Attributes
    ----------
    what : str
        Description in words, the first column of the table of criteria.
    values : callable
        Takes the tables of a study and returns a Series with one entry for each network (or other
        unit) that the criterion is about: booleans, of which the share counts, or numbers.
    wanted : float
        Threshold of their share, mean or median; NaN for a number that is only reported.
    fewest : int
        Fewest entries for which the criterion is asked.
    least : bool
        Whether the threshold is a lower bound; otherwise it is an upper bound.
    median : bool
        Whether numbers are summarised by their median instead of their mean.
    """

    what: str
    values: Callable[[Any], pd.Series]
    wanted: float
    fewest: int = 1
    least: bool = True
    median: bool = False


def median_estimate(values: pd.Series) -> Estimate:
    """Return the median with its distribution-free 95 % interval.

    The limits are order statistics whose ranks come from the binomial distribution (Conover, 1999,
    section 3.2).

    Parameters
    ----------
    values : Series
        One number for each unit.

    Returns
    -------
    Estimate
        The limits are NaN below six values.
    """
    ordered = np.sort(values.to_numpy(dtype=float))
    n = len(ordered)
    below = int(binom.ppf(0.025, n, 0.5))
    if below < 1:
        return Estimate(float(np.median(ordered)), np.nan, np.nan)
    return Estimate(float(np.median(ordered)), float(ordered[below - 1]), float(ordered[n - below]))


def summarised(
    criterion: Criterion, values: pd.Series, mean: Callable[[pd.Series], Estimate]
) -> Estimate:
    """Return the share, mean or median of the values of a criterion, with its interval.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    values : Series
        Its values without missing ones.
    mean : callable
        Returns the mean of numbers with an interval.

    Returns
    -------
    Estimate
        All NaN without values.
    """
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan)
    if values.dtype == bool:
        return share(int(values.sum()), len(values))
    return median_estimate(values) if criterion.median else mean(values)


def outcome(criterion: Criterion, value: float, n: int) -> str:
    """Return whether a criterion is reached, missed, only reported, or not asked.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    value : float
        Share, mean or median of its values.
    n : int
        Number of values.

    Returns
    -------
    str
        One of :data:`REACHED`, :data:`MISSED`, :data:`REPORTED` and :data:`NOT_ASKED`.
    """
    if n < max(1, criterion.fewest):
        return NOT_ASKED
    if np.isnan(criterion.wanted):
        return REPORTED
    met = value >= criterion.wanted if criterion.least else value <= criterion.wanted
    return REACHED if met else MISSED


def criteria_table(
    criteria: Iterable[Criterion], tables: Any, mean: Callable[[pd.Series], Estimate]
) -> pd.DataFrame:
    """Return every criterion with its threshold, the number found, and the outcome.

    Parameters
    ----------
    criteria : iterable of Criterion
        The criteria, in the order of the rows.
    tables : object
        Tables of the study, passed to :attr:`Criterion.values`.
    mean : callable
        Returns the mean of a Series of numbers with an interval.

    Returns
    -------
    DataFrame
        ``gate, limit`` (at least, at most), ``wanted, value, low, high, n, outcome``. Shares have
        an exact interval, medians one of ranks, means that of ``mean``.
    """
    rows = []
    for criterion in criteria:
        values = criterion.values(tables).dropna()
        found = summarised(criterion, values, mean)
        limit = "at least" if criterion.least else "at most"
        rows.append(
            {
                "gate": criterion.what,
                "limit": "" if np.isnan(criterion.wanted) else limit,
                "wanted": criterion.wanted,
                **found._asdict(),
                "n": len(values),
                "outcome": outcome(criterion, found.value, len(values)),
            }
        )
    return pd.DataFrame(rows)


def outcome_sentences(table: pd.DataFrame) -> list[str]:
    """Return how many criteria are reached and, one sentence each, those that are missed.

    Parameters
    ----------
    table : DataFrame
        See :func:`criteria_table`.

    Returns
    -------
    list of str
        At least one sentence.
    """
    asked = table[table["outcome"].isin([REACHED, MISSED])]
    missed = asked[asked["outcome"] == MISSED]
    met = len(asked) - len(missed)
    sentences = [f"{met} of {len(asked)} acceptance criteria are reached."]
    for row in missed.itertuples():
        sentences.append(
            f"Missed: {row.gate}: {row.value:.3f} (95 % interval {row.low:.3f} to {row.high:.3f}, "
            f"n = {row.n}), {row.limit} {row.wanted:g} required."
        )
    return sentences
