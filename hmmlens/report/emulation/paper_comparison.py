"""Comparison of a study with the findings of the paper, by the same rules for all of them.

The paper is Torre et al. 2025 (arXiv 2510.25674). Its numbers were read from its public code, from
vector graphics in its repository and from notes on it by others, and stand in
:mod:`hmmlens.report.emulation.paper_claims`, each with where it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.report.emulation.acceptance import Tables, like_paper, main_size
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.paired import student
from hmmlens.stats.shares import share

#: One number for each training; takes all tables, and the trainings that are to be compared.
Values = Callable[[Tables, pd.DataFrame], pd.Series]

#: A number of the paper that has no range of its own is given this share of it to either side.
AROUND = 0.1
#: Share of trainings in which a statement must hold.
HOLDS = 0.8
#: Fewest trainings whose interval is taken.
FEWEST = 3

#: How a number is judged.
RULES = {
    "number": "agrees if the 95 % interval over trainings overlaps the paper's range (its own, "
    f"or 10 % to either side of a single number); with fewer than {FEWEST} trainings, if their "
    "mean lies within it",
    "statement": "agrees if it holds in 80 % of the trainings or more",
    "scale": "hangs on how many sequences are trained on or aligned, so it is compared at the "
    "paper's scale only",
}
AGREES, DIFFERS = "agrees", "differs"
UNTESTABLE, UNASKED = "not testable at this scale", "not asked"


class Claim(NamedTuple):
    """Something that the paper found.

    topic : what it is about
    what : in words; of a statement, the statement
    target : the target of the networks; empty for all of the paper's
    paper : as text
    low, high : its range; of a statement the least share and 1
    source : where it stands, and how it was got from there
    values : what we have in its place
    rule : of :data:`RULES`
    """

    topic: str
    what: str
    target: str
    paper: str
    low: float
    high: float
    source: str
    values: Values
    rule: Literal["number", "statement", "scale"] = "number"


def numbers(
    topic: str,
    what: str,
    source: str,
    values: Values,
    rule: Literal["number", "scale"] = "number",
    *,
    around: float = AROUND,
    **found: float | tuple[float, float],
) -> list[Claim]:
    """Return a claim for each target: a number, or the two ends of a range.

    Parameters
    ----------
    topic : str
        Topic of the finding.
    what : str
        Description of the finding.
    source : str
        Source of the numbers.
    values : callable
        Returns the number of each training that is compared.
    rule : {'number', 'scale'}
        Rule of comparison, a key of :data:`RULES`.
    around : float
        Tolerance of a number without a range, as a share of it.
    **found : float or tuple of float
        Target -> number of the paper, or its range.

    Returns
    -------
    list of Claim
        One claim per target.
    """
    claims = []
    for target, number in found.items():
        if isinstance(number, tuple):
            low, high = number
            text = f"{low:g} to {high:g}"
        else:
            low, high = sorted((number * (1 - around), number * (1 + around)))
            text = f"{number:g}"
        claims.append(Claim(topic, what, target, text, low, high, source, values, rule))
    return claims


def statement(topic: str, what: str, source: str, values: Values, target: str = "") -> Claim:
    """Return a claim that holds of a training or does not; ``values`` are True and False.

    Parameters
    ----------
    topic : str
        Topic of the finding.
    what : str
        The statement.
    source : str
        Source of the statement.
    values : callable
        Returns whether the statement holds for each training.
    target : str
        Name of the target; empty for all targets.

    Returns
    -------
    Claim
        The claim.
    """
    return Claim(topic, what, target, "yes", HOLDS, 1.0, source, values, "statement")


def compared(networks: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the trainings that a claim about a target is compared with.

    Those of the paper's kind and size; where there are any that its own objective trained, only
    these. Without a target, those of all targets.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.
    target : str
        Name of the target; empty for all targets.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    if not target:
        parts = [compared(networks, name) for name in networks["target"].unique()]
        return pd.concat(parts)
    own = networks[networks["target"] == target]
    kept = main_size(own)
    if len(kept):
        return kept
    other = like_paper(own)
    return other[other["n_units"].eq(150) & other["n_noise"].eq(100)]


def judged(claim: Claim, values: pd.Series, paper_scale: bool) -> tuple[Estimate, str]:
    """Return the number of this study with its interval, and whether it agrees with the paper.

    Parameters
    ----------
    claim : Claim
        The finding of the paper.
    values : Series
        One number, or truth value, for each training.
    paper_scale : bool
        Whether the study has the paper's batch and sequence lengths.

    Returns
    -------
    tuple of (Estimate, str)
        Number of this study with its interval, and the answer.
    """
    values = values.dropna()
    n = len(values)
    if not n:
        return Estimate(np.nan, np.nan, np.nan), UNASKED
    if claim.rule == "statement":
        ours = share(int(values.astype(bool).sum()), n)
        return ours, AGREES if ours.value >= claim.low else DIFFERS
    ours = student(values)
    if claim.rule == "scale" and not paper_scale:
        return ours, UNTESTABLE
    low, high = (ours.low, ours.high) if n >= FEWEST else (ours.value, ours.value)
    return ours, AGREES if low <= claim.high and high >= claim.low else DIFFERS


def paper_table(tables: Tables, claims: Iterable[Claim], paper_scale: bool) -> pd.DataFrame:
    """Compare the paper's findings with those of a study.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    claims : iterable of Claim
        The findings of the paper.
    paper_scale : bool
        Whether the study has the paper's batch and sequence lengths.

    Returns
    -------
    DataFrame
        One row per claim, see :mod:`hmmlens.report.emulation.pipeline`.
    """
    rows = []
    for claim in claims:
        kept = compared(tables["networks"], claim.target)
        values = claim.values(tables, kept)
        ours, answer = judged(claim, values, paper_scale)
        rows.append(
            {"topic": claim.topic, "what": claim.what, "target": claim.target}
            | {"paper": claim.paper, "paper_low": claim.low, "paper_high": claim.high}
            | {"source": claim.source, "ours": ours.value, "low": ours.low, "high": ours.high}
            | {"n": len(values.dropna()), "objective": " ".join(kept["objective"].unique())}
            | {"answer": answer, "rule": RULES[claim.rule]}
        )
    return pd.DataFrame(rows)
