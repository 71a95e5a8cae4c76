"""Paired comparison of networks of one seed that were trained by two objectives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.paired import paired, student

#: The paper's objective, and the one without its bias.
PAPER, UNBIASED = "sinkhorn", "split"
#: Columns of a table of one network.
COLUMNS = ("objective", "batch_size", "seed", "measure", "value")
#: Columns of a comparison, also where there is nothing to compare.
COMPARED = [
    *("measure", "batch_size"),
    *(f"{name}{end}" for name in (PAPER, UNBIASED) for end in ("", "_low", "_high", "_n")),
    *("difference", "difference_low", "difference_high", "p", "n_pairs"),
]

#: Columns of powers, also where there are none.
POWERS = [
    *("measure", "objective", "n", "power", "low", "high"),
    *("smallest_n", "at_smallest", "largest_n", "at_largest"),
]


def join_networks(networks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of networks as one.

    Parameters
    ----------
    networks : iterable of DataFrame
        Of each network, one row per measure, with columns :data:`COLUMNS`.

    Returns
    -------
    DataFrame
        All rows.

    Raises
    ------
    DataError
        When there is no table, one lacks a column, or a network occurs twice.
    """
    tables = list(networks)
    if not tables:
        raise DataError("there is no network to compare")
    for table in tables:
        missing = [name for name in COLUMNS if name not in table]
        if missing:
            raise DataError(f"a network's table has no {', '.join(missing)}")
    table = pd.concat([table[list(COLUMNS)] for table in tables], ignore_index=True)
    if table.duplicated(list(COLUMNS[:4])).any():
        raise DataError("two rows are of the same objective, batch size, seed and measure")
    return table


def compare(networks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Compare networks that were trained by the paper's objective and by the unbiased one.

    Parameters
    ----------
    networks : iterable of DataFrame
        See :func:`join_networks`.

    Returns
    -------
    DataFrame
        One row per measure and batch size: ``measure, batch_size``; for each of ``sinkhorn`` and
        ``split`` its mean over seeds with Student's interval (``_low, _high``) and number
        (``_n``); ``difference, difference_low, difference_high`` (split less sinkhorn, over
        seeds that both have), ``p`` (signs flipped; see
        :func:`hmmlens.stats.paired.sign_flip`), ``n_pairs``
    """
    table = join_networks(networks)
    rows: list[dict[str, Any]] = []
    for (measure, batch_size), part in table.groupby(["measure", "batch_size"], sort=False):
        wide = part.pivot(index="seed", columns="objective", values="value")
        wide = (
            wide.reindex(columns=[PAPER, UNBIASED]).astype(float).replace([np.inf, -np.inf], np.nan)
        )
        row: dict[str, Any] = {"measure": measure, "batch_size": batch_size}
        for name in (PAPER, UNBIASED):
            row |= _named(name, student(wide[name])) | {f"{name}_n": int(wide[name].notna().sum())}
        apart = paired(wide[UNBIASED], wide[PAPER])
        row |= _named("difference", apart.difference)
        rows.append(row | {"p": apart.p, "n_pairs": apart.n})
    return pd.DataFrame(rows, columns=COMPARED)


def trends(networks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return how measures change with the size of the batch.

    Parameters
    ----------
    networks : iterable of DataFrame
        See :func:`join_networks`.

    Returns
    -------
    DataFrame
        ``measure, objective, slope, low, high`` (change by each doubling; least squares within each
        seed, Student's interval over seeds), ``n`` (seeds with two sizes or more)
    """
    rows: list[dict[str, Any]] = []
    for (measure, objective), part in join_networks(networks).groupby(
        ["measure", "objective"], sort=False
    ):
        known = part[np.isfinite(part["value"].astype(float))]
        slopes = [
            float(np.polyfit(np.log2(one["batch_size"].astype(float)), one["value"], 1)[0])
            for _, one in known.groupby("seed")
            if one["batch_size"].nunique() > 1
        ]
        if slopes:
            row = {"measure": measure, "objective": objective, "n": len(slopes)}
            rows.append(row | dict(zip(("slope", "low", "high"), student(slopes), strict=True)))
    return pd.DataFrame(rows, columns=["measure", "objective", "n", "slope", "low", "high"])


def powers(networks: Iterable[pd.DataFrame], own: Mapping[str, float]) -> pd.DataFrame:
    """Return the power of the batch size with which measures approach those of the target.

    A bias that is proportional to 1 / n gives -1, one that does not depend on n gives 0.

    Parameters
    ----------
    networks : iterable of DataFrame
        See :func:`join_networks`.
    own : mapping of str to float
        Measure -> the target's own value.

    Returns
    -------
    DataFrame
        ``measure, objective``; ``power, low, high`` of the distance to the target's value (least
        squares of logarithms within each seed, Student's interval over seeds); ``n``, seeds with
        two sizes or more; ``smallest_n, at_smallest, largest_n, at_largest``, mean distances
    """
    table = join_networks(networks)
    rows: list[dict[str, Any]] = []
    for (measure, objective), part in table[table["measure"].isin(list(own))].groupby(
        ["measure", "objective"], sort=False
    ):
        far = (part["value"].astype(float) - own[str(measure)]).abs()
        known = part.assign(far=far)[np.isfinite(far) & far.gt(0)]
        slopes = [
            float(np.polyfit(np.log(one["batch_size"].astype(float)), np.log(one["far"]), 1)[0])
            for _, one in known.groupby("seed")
            if one["batch_size"].nunique() > 1
        ]
        if slopes:
            mean = known.groupby("batch_size")["far"].mean()
            row = {"measure": measure, "objective": objective, "n": len(slopes)}
            row |= dict(zip(("power", "low", "high"), student(slopes), strict=True))
            row |= {"smallest_n": int(mean.index[0]), "at_smallest": float(mean.iloc[0])}
            rows.append(
                row | {"largest_n": int(mean.index[-1]), "at_largest": float(mean.iloc[-1])}
            )
    return pd.DataFrame(rows, columns=POWERS)


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
