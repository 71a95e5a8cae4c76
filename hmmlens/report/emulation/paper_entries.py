"""Entries of a study's tables that are compared with the paper's numbers, one for each training."""

from __future__ import annotations

import pandas as pd

from hmmlens.report.emulation.acceptance import WHO, Tables, of
from hmmlens.report.emulation.paper_comparison import Values

#: The last checkpoints, whose mean the paper calls converged.
N_CONVERGED = 6


def rows_of(tables: Tables, name: str, kept: pd.DataFrame, **where: object) -> pd.DataFrame:
    """Return the rows of a table that are of some trainings and have those entries.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    name : str
        Name of the table.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.
    **where : object
        Column -> entry that its rows have.

    Returns
    -------
    DataFrame
        Rows of the table.
    """
    rows = of(tables, name, kept, *where)
    for column, wanted in where.items():
        rows = rows[rows[column].eq(wanted)]
    return rows


def entry(name: str, column: str = "value", **where: object) -> Values:
    """Return one entry of a table, or the mean of several.

    Parameters
    ----------
    name : str
        Name of the table.
    column : str
        Column of the numbers.
    **where : object
        Column -> entry that the rows have.

    Returns
    -------
    callable
        Returns one number per training.
    """

    def _find(tables: Tables, kept: pd.DataFrame) -> pd.Series:
        rows = rows_of(tables, name, kept, **where)
        if rows.empty:
            return pd.Series(dtype=float)
        return rows.groupby(WHO)[column].mean().astype(float)

    return _find


def quotient(one: Values, two: Values) -> Values:
    """Return one number over another, training by training.

    Parameters
    ----------
    one : callable
        Returns the numerator of each training.
    two : callable
        Returns the denominator.

    Returns
    -------
    callable
        Returns one number per training.
    """
    return lambda tables, kept: one(tables, kept) / two(tables, kept)


def above(one: Values, two: Values) -> Values:
    """Return whether one number is above another, for trainings that have both.

    Parameters
    ----------
    one : callable
        Returns the number of each training that is to be larger.
    two : callable
        Returns the number that is to be smaller.

    Returns
    -------
    callable
        Returns one boolean per training.
    """

    def _find(tables: Tables, kept: pd.DataFrame) -> pd.Series:
        both = pd.concat([one(tables, kept), two(tables, kept)], axis=1).dropna()
        return both.iloc[:, 0] > both.iloc[:, 1]

    return _find


def converged(column: str) -> Values:
    """Return the mean over the last checkpoints of a measure of the evolution.

    Parameters
    ----------
    column : str
        Column of the table ``reverse_evolution``.

    Returns
    -------
    callable
        Returns one number per training.
    """

    def _find(tables: Tables, kept: pd.DataFrame) -> pd.Series:
        rows = of(tables, "reverse_evolution", kept, "update", column).sort_values("update")
        last = rows.groupby(WHO).tail(N_CONVERGED)
        return last.groupby(WHO)[column].mean().astype(float)

    return _find


def earliest(column: str) -> Values:
    """Return a measure of the evolution before any update.

    Parameters
    ----------
    column : str
        Column of the table ``reverse_evolution``.

    Returns
    -------
    callable
        Returns one number per training.
    """
    return entry("reverse_evolution", column, update=0)


def of_network(column: str) -> Values:
    """Return a column of the table of networks.

    Parameters
    ----------
    column : str
        Column of the table of networks.

    Returns
    -------
    callable
        Returns one number per training.
    """
    return lambda _, kept: kept.set_index(WHO)[column].astype(float)


def region(measure: str, name: str) -> Values:
    """Return a measure of one of the regions.

    Parameters
    ----------
    measure : str
        Measure in the table ``reverse_regions``.
    name : str
        Name of the region.

    Returns
    -------
    callable
        Returns one number per training.
    """
    return entry("reverse_regions", region=name, measure=measure)


def score(metric: str, column: str = "value") -> Values:
    """Return an entry of the scores.

    Parameters
    ----------
    metric : str
        Metric in the table ``scores_metrics``.
    column : str
        Column of the numbers.

    Returns
    -------
    callable
        Returns one number per training.
    """
    return entry("scores_metrics", column, metric=metric)


def spread(point: str) -> Values:
    """Return how far rollouts on fresh noise are spread after five steps from a point.

    Parameters
    ----------
    point : str
        ``cluster`` or ``kick``.

    Returns
    -------
    callable
        Returns one number per training.
    """
    return entry(
        "reverse_sensitivity", point=point, step=5, share=1.0, mix="linear", measure="trace"
    )


def protocol_rate(when: str) -> Values:
    """Return the transition rate in one run as long as the paper's.

    Parameters
    ----------
    when : str
        Column ``when`` of the table ``protocols_rates``.

    Returns
    -------
    callable
        Returns one number per training, the mean where there are several checkpoints.
    """
    return entry("protocols_rates", "rate", when=when)


def single_switch(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return the ratio of spreads at the switch after the longest dwell of one run.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One number per training, of its first run with a usable switch.
    """
    rows = of(tables, "protocols_switches", kept, "run", "ratio").sort_values("run")
    return rows.groupby(WHO)["ratio"].first().astype(float)


def kick_verdict(criterion: str) -> Values:
    """Return the verdict on kick units by one criterion, ``g1`` or ``g2``.

    Parameters
    ----------
    criterion : str
        Column of the table ``kicks_verdict``.

    Returns
    -------
    callable
        Returns one boolean per training.
    """

    def _find(tables: Tables, kept: pd.DataFrame) -> pd.Series:
        return of(tables, "kicks_verdict", kept, criterion).set_index(WHO)[criterion].astype(bool)

    return _find
