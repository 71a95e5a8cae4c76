"""Sentences on the bias of the objective, and on what networks become without it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hmmlens.emulation.analysis.comparison import compare, powers, trends
from hmmlens.emulation.analysis.reference_generators import TRUE
from hmmlens.report.emulation import text_networks, text_training
from hmmlens.report.emulation.text_networks import NAMES
from hmmlens.report.wording import count, estimate, listed, number, of_row


def sentences(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the answer on bias: of the objectives by themselves, then of trained networks.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``bias_summary``, ``bias_best_factor`` and ``bias_shrinkage``; ``networks``,
        ``reverse_orbits`` and ``scores_metrics``. Tables may be missing.

    Returns
    -------
    list of str
        Sentences; empty where the study does not address the question.
    """
    answer: list[str] = []
    if "bias_summary" in tables:
        for target in dict.fromkeys(tables["bias_summary"]["target"]):
            parts = {
                name: tables[f"bias_{name}"][tables[f"bias_{name}"]["target"] == target]
                for name in ("summary", "best_factor", "shrinkage")
                if f"bias_{name}" in tables
            }
            answer += [of_objective(parts, target, name) for name in NAMES
                     if (parts["summary"]["objective"] == name).any()]  # fmt: skip
    for target, networks in text_networks.comparable(tables):
        own = text_networks.own_of(tables, target)
        answer += text_networks.sentences(compare(networks), trends(networks), target, own)
        answer += text_networks.power_sentences(powers(networks, own))
    answer += text_training.addition_sentences(text_training.additions(tables))
    answer += text_training.matched_sentences(text_training.matched(tables))
    return answer


def of_objective(tables: Mapping[str, pd.DataFrame], target: str, objective: str) -> str:
    """Return the bias of an objective, and the generators that it prefers to the target.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``summary`` and, where known, ``best_factor`` and ``shrinkage`` of
        :mod:`hmmlens.emulation.analysis.objective_bias`, of one target.
    target : str
        Name of a target.
    objective : str
        Name of the objective.

    Returns
    -------
    str
        Sentences.
    """
    rows = {name: table[table["objective"] == objective] for name, table in tables.items()}
    sizes = sorted(rows["summary"]["n"].unique())
    first, last = (rows["summary"][rows["summary"]["n"] == n] for n in (sizes[0], sizes[-1]))
    name, digits = NAMES[objective], 3 if objective == "energy" else 2
    own = [part[part["generator"] == TRUE].iloc[0] for part in (first, last)]
    text = (
        f"For sequences of {target} itself {name} is {of_value(own[1], digits)} at n = {sizes[-1]}"
    )
    biased = own[1]["low"] > 0
    text += ", where an unbiased one is 0" if biased else ""
    if len(sizes) > 1:
        text += f" ({number(own[0]['value'], digits)} at n = {sizes[0]}"
        power = _power(rows.get("shrinkage"), "value at the target")
        text += f"; it falls as n to the power {power})" if biased and power else ")"
    text += ". "
    liked = last[(last["generator"] != TRUE) & (last["excess_high"] < 0)].sort_values("excess")
    wrong = last[last["generator"] != TRUE]
    if len(liked):
        names = listed(f"“{row.generator}” ({number(row.excess, digits)})" for row in
                       liked.itertuples())  # fmt: skip
        text += (
            f"At that size it scores {len(liked)} of {count(len(wrong), 'wrong generator')} "
            f"below the target: {names}"
        )
        power = _power(rows.get("shrinkage"), "gain of the best other")
        before = first[(first["generator"] != TRUE)]["excess"].min()
        text += f"; the largest gain was {number(before, digits)} at n = {sizes[0]}" if (
            len(sizes) > 1) else ""  # fmt: skip
        text += f" and changes as n to the power {power}" if power and len(sizes) > 1 else ""
        text += ". "
    else:
        clear = int((wrong["excess_low"] > 0).sum())
        text += (
            f"At that size it scores none of {count(len(wrong), 'wrong generator')} below the "
            f"target, and {clear} of them clearly above. "
        )
    return text + _factor(rows.get("best_factor"))


def of_value(row: pd.Series, digits: int) -> str:
    """Return a value with its interval.

    Parameters
    ----------
    row : Series
        Row with ``value, low, high``.
    digits : int
        Number of decimals.

    Returns
    -------
    str
        Text of the number.
    """
    return estimate(row["value"], row["low"], row["high"], digits)


def _power(table: pd.DataFrame | None, name: str) -> str:
    """Return a power with its interval, empty where there is none."""
    if table is None or table.empty:
        return ""
    row = table[table["of"] == name].iloc[0]
    return "" if np.isnan(row["power"]) else of_row(row, "power")


def _factor(table: pd.DataFrame | None) -> str:
    if table is None or table.empty:
        return ""
    table = table.sort_values("n")

    def of(row: pd.Series) -> str:
        edge = ", the edge of what was tried" if row["at_edge"] else ""
        return f"{estimate(row['factor'], row['low'], row['high'])} at n = {row['n']}{edge}"

    answer = listed(dict.fromkeys(of(table.iloc[i]) for i in (0, -1)))
    last = table.iloc[-1]
    right = last["low"] <= 1 <= last["high"]
    end = "which is right" if right else "while 1 is right"
    return f"It likes best a chain that moves on so many times as often: {answer}, {end}."
