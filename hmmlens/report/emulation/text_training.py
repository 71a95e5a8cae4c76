"""What a penalty of activity or carried states change alone, and kick units at matched loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.emulation.analysis.comparison import PAPER, UNBIASED
from hmmlens.report.emulation.acceptance import WHO, main_size, plainly_trained
from hmmlens.report.emulation.paper_networks import objectives_of
from hmmlens.report.emulation.text_networks import (
    ALIKE,
    KICKS,
    MEASURES,
    NAMES,
    kick_shares,
    measure_of,
)
from hmmlens.report.wording import count, estimate, p_text
from hmmlens.stats.paired import paired, student

#: Measures that additions to the paper's objective are compared by.
COMPARED = ("rotation_best", "kicks", "dwell", "dwell_cv", "error")
ADDITIONS = [
    *("target", "addition", "measure", "plain", "added"),
    *("difference", "low", "high", "p", "n"),
]
MATCHED = [
    *("target", "level", "sinkhorn", "sinkhorn_n", "split", "split_n"),
    *("difference", "low", "high", "p", "n"),
]


def additions(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare networks of the paper's objective with those of one seed that had an addition to it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    DataFrame
        ``target``; ``addition`` (a penalty of activity, carried states, or both); ``measure``, a
        key of :data:`hmmlens.report.emulation.text_networks.MEASURES`; ``plain`` and ``added``,
        means over the seeds that both have; their ``difference`` with Student's interval
        ``low, high``, ``p`` (signs flipped) and ``n`` seeds
    """
    if "networks" not in tables:
        return pd.DataFrame(columns=ADDITIONS)
    if "kicks_verdict" in tables:
        tables = {**tables, KICKS: kick_shares(tables["kicks_verdict"])}
    networks = tables["networks"]
    other = networks[networks["objective"].eq(PAPER)]
    other = other.drop(index=plainly_trained(other).index)
    if other.empty:
        return pd.DataFrame(columns=ADDITIONS)
    alike = [*ALIKE, "batch_size", "seed"]
    plain = main_size(networks)[[*alike, "network"]].rename(columns={"network": "base"})
    other = other.merge(plain, on=alike)
    rows: list[dict[str, Any]] = []
    for network, part in other.groupby("network", sort=False):
        addition = objectives_of(part).removeprefix(f"{PAPER} with ")
        for name in COMPARED:
            measure = MEASURES[name]
            places = [
                [{"network": who, "seed": row["seed"]} for who in (row["base"], network)]
                for row in part.to_dict("records")
            ]
            pairs = np.array([[measure_of(tables, measure, at) for at in two] for two in places])
            pairs = pairs[np.isfinite(pairs).all(axis=1)]
            if not len(pairs):
                continue
            found = paired(pairs[:, 1], pairs[:, 0])
            row = {"target": part["target"].iloc[0], "addition": addition, "measure": name}
            row |= {"plain": pairs[:, 0].mean(), "added": pairs[:, 1].mean()}
            row |= {"difference": found.difference.value, "low": found.difference.low}
            rows.append(row | {"high": found.difference.high, "p": found.p, "n": found.n})
    return pd.DataFrame(rows, columns=ADDITIONS)


def addition_sentences(table: pd.DataFrame) -> list[str]:
    """Return what an addition to the paper's objective changes, one sentence per measure.

    Parameters
    ----------
    table : DataFrame
        Result of :func:`additions`.

    Returns
    -------
    list of str
        Sentences.
    """
    answer = []
    for row in table.to_dict("records"):
        measure = MEASURES[row["measure"]]
        apart = estimate(row["difference"], row["low"], row["high"], measure.digits)
        text = (
            f"On {row['target']}, adding {row['addition']} to the paper's objective changes the "
            f"{measure.text} by {apart} ({p_text(row['p'])}, {count(row['n'], 'pair')} of one seed)"
        )
        answer.append(f"{text}: {_clear(row)}.")
    return answer


def _clear(row: Mapping[str, float]) -> str:
    if np.isnan(row["low"]):
        return "too few seeds to distinguish it from chance"
    return "no clear change" if row["low"] <= 0 <= row["high"] else "a clear change"


def matched(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare the shares of exits with kick units of both objectives at the same loss.

    The training is the unit, and trainings of one seed are pairs.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name, with ``kicks_at_loss``.

    Returns
    -------
    DataFrame
        ``target``; ``level`` of the loss (energy distance, as a share of that of independent
        symbols); for each of ``sinkhorn`` and ``split`` the mean share over trainings and their
        number (``_n``); ``difference, low, high`` (split less sinkhorn, over seeds that both
        have), ``p`` and ``n`` pairs
    """
    if "kicks_at_loss" not in tables or "networks" not in tables:
        return pd.DataFrame(columns=MATCHED)
    known = tables["kicks_at_loss"].dropna(subset=["n_exits", "n_with_kicks"])
    networks = plainly_trained(tables["networks"])[[*WHO, "objective"]]
    known = known.merge(networks, on=WHO)
    known = known.assign(share=known["n_with_kicks"] / known["n_exits"])
    rows = []
    for (target, level), part in known.groupby(["target", "level"], sort=False):
        wide = part.pivot_table(index="seed", columns="objective", values="share", aggfunc="mean")
        wide = wide.reindex(columns=[PAPER, UNBIASED])
        found = paired(wide[UNBIASED], wide[PAPER])
        row: dict[str, Any] = {"target": target, "level": level}
        for name in (PAPER, UNBIASED):
            row |= {name: student(wide[name]).value, f"{name}_n": int(wide[name].notna().sum())}
        row |= {"difference": found.difference.value, "low": found.difference.low}
        rows.append(row | {"high": found.difference.high, "p": found.p, "n": found.n})
    return pd.DataFrame(rows, columns=MATCHED)


def matched_sentences(table: pd.DataFrame) -> list[str]:
    """Return whether kick units depend on the objective where the loss does not.

    Parameters
    ----------
    table : DataFrame
        Result of :func:`matched`.

    Returns
    -------
    list of str
        One sentence per level.
    """
    answer = []
    for row in table.to_dict("records"):
        parts = [
            f"{100 * row[name]:.0f} % of exits under {NAMES[name]} (n = {row[f'{name}_n']})"
            for name in (PAPER, UNBIASED)
            if row[f"{name}_n"]
        ]
        text = (
            f"When the energy distance from {row['target']} first is {100 * row['level']:g} % of "
            f"that of independent symbols, a training has kick units for {' and '.join(parts)}"
        )
        if row["n"]:
            apart = estimate(row["difference"], row["low"], row["high"])
            text += (
                f"; the difference of the shares is {apart} ({p_text(row['p'])}, "
                f"{count(row['n'], 'pair')} of one seed): "
                f"{_clear(row).replace('change', 'difference')}"
            )
        answer.append(text + ".")
    return answer
