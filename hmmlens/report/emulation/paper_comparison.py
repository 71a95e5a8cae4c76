"""Comparison of a study with the findings of the paper, by the same rules for all of them.

The paper is Torre et al. 2025 (arXiv 2510.25674). Its numbers were read from its public code, from
vector graphics in its repository and from notes on it by others, and stand in
:mod:`hmmlens.report.emulation.paper_claims`, each with where it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.report.emulation.acceptance import WHO, Tables
from hmmlens.report.emulation.paper_networks import (
    compared,
    objectives_of,
    otherwise_trained,
)
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.paired import prediction, student
from hmmlens.stats.shares import share

#: One number for each training; takes all tables, and the trainings that are to be compared.
Values = Callable[[Tables, pd.DataFrame], pd.Series]

#: Share of trainings in which a statement must hold.
HOLDS = 0.8
#: Fewest trainings that a finding is judged by.
FEWEST = 3

#: How a number is judged.
RULES = {
    "number": "a number agrees if the paper's, which is of one network or few, lies in the 95 % "
    "prediction interval of a further network of this study (Student's), as it is rounded",
    "statement": "a statement agrees if it holds in 80 % of the networks or more",
    "scale": "a number that depends on how many sequences are trained on or aligned is compared at "
    "the paper's scale only",
    "protocol": "a number that this library measures otherwise than the paper (in windows of 240 "
    "steps, before any update, with another number of sequences, over many switches) is not "
    "compared; a row with “paper's protocol” is",
}
AGREES, DIFFERS = "agrees", "differs"
UNTESTABLE, UNASKED = "not testable at this scale", "not asked"
PROTOCOL = "not comparable: other protocol"
OTHER, FEW = "not comparable: other objective", f"not judged: fewer than {FEWEST} networks"
#: The answers in the order in which they are counted, and what those that are no judgement mean.
ANSWERS = {
    AGREES: "",
    DIFFERS: "",
    FEW: f"Not judged, as fewer than {FEWEST} networks here have the number",
    OTHER: "Not comparable, as another objective (split samples, a penalty of activity or carried "
    "states) trained the networks here that have the number",
    PROTOCOL: "Not comparable, as this library measures otherwise; the rows with “paper's "
    "protocol” are of the same networks",
    UNTESTABLE: "Not testable at this scale, as they depend on the number of sequences",
    UNASKED: "Not asked, as no network here has the number",
}


class Claim(NamedTuple):
    """Something that the paper found.

    topic : what it is about
    what : in words; of a statement, the statement
    target : the target of the networks; empty for all of the paper's
    paper : as text
    low, high : its range, or the numbers that are rounded to it; of a statement the least share
        and 1
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
    rule: Literal["number", "statement", "scale", "protocol"] = "number"


def numbers(
    topic: str,
    what: str,
    source: str,
    values: Values,
    rule: Literal["number", "scale", "protocol"] = "number",
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
    rule : {'number', 'scale', 'protocol'}
        Rule of comparison, a key of :data:`RULES`.
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
            low, high = rounded(number)
            text = f"{number:g}"
        claims.append(Claim(topic, what, target, text, low, high, source, values, rule))
    return claims


def rounded(number: float) -> tuple[float, float]:
    """Return the ends of the interval of numbers that are rounded to a number.

    Parameters
    ----------
    number : float
        The number; its last digit, as it is printed, is the one that was rounded.

    Returns
    -------
    low, high : float
        Half a unit of the last digit to either side.

    Examples
    --------
    >>> rounded(0.56)
    (0.555, 0.565)
    >>> rounded(3)
    (2.5, 3.5)
    """
    exact = Decimal(str(number))
    half = Decimal(1).scaleb(int(exact.as_tuple().exponent)) / 2
    return float(exact - half), float(exact + half)


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


class Judged(NamedTuple):
    """A finding of this study that is compared with one of the paper.

    Attributes
    ----------
    ours : Estimate
        The number of this study: the mean with Student's interval, or the share of trainings in
        which a statement holds with its exact one.
    predicted : Estimate
        The mean with the 95 % prediction interval of a further training, of a statement without
        one.
    answer : str
        One of :data:`ANSWERS`.
    """

    ours: Estimate
    predicted: Estimate
    answer: str


def judged(claim: Claim, values: pd.Series, paper_scale: bool) -> Judged:
    """Return the number of this study with its intervals, and whether it agrees with the paper.

    Parameters
    ----------
    claim : Claim
        The finding of the paper.
    values : Series
        One number, or truth value, for each training that the paper's objective trained.
    paper_scale : bool
        Whether the study has the paper's batch and sequence lengths.

    Returns
    -------
    Judged
        Number of this study with its intervals, and the answer.
    """
    values = values.dropna()
    n = len(values)
    nothing = Estimate(np.nan, np.nan, np.nan)
    if not n:
        return Judged(nothing, nothing, UNASKED)
    if claim.rule == "statement":
        ours = share(int(values.astype(bool).sum()), n)
        predicted = nothing._replace(value=ours.value)
        agree = ours.value >= claim.low
    else:
        ours, predicted = student(values), prediction(values)
        agree = predicted.low <= claim.high and predicted.high >= claim.low
    if claim.rule == "protocol":
        answer = PROTOCOL
    elif claim.rule == "scale" and not paper_scale:
        answer = UNTESTABLE
    elif n < FEWEST:
        answer = FEW
    else:
        answer = AGREES if agree else DIFFERS
    return Judged(ours, predicted, answer)


def paper_table(tables: Tables, claims: Iterable[Claim], paper_scale: bool) -> pd.DataFrame:
    """Compare the paper's findings with those of a study.

    A finding on which only networks of another objective have a number is not comparable; their
    number stands in its row.

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
    of_target = cache(lambda target: compared(tables["networks"], target))
    for claim in claims:
        kept = of_target(claim.target)
        values = claim.values(tables, kept).dropna()
        found = judged(claim, values, paper_scale)
        if not len(values):
            kept = otherwise_trained(tables["networks"], claim.target)
            values = claim.values(tables, kept).dropna()
            if len(values):
                found = judged(claim, values, paper_scale)._replace(answer=OTHER)
        measured = kept.set_index(WHO).loc[values.index] if len(values) else kept.head(0)
        rows.append(
            {"topic": claim.topic, "what": claim.what, "target": claim.target}
            | {"paper": claim.paper, "paper_low": claim.low, "paper_high": claim.high}
            | {"source": claim.source, "ours": found.ours.value}
            | {"low": found.ours.low, "high": found.ours.high}
            | {"predicted_low": found.predicted.low, "predicted_high": found.predicted.high}
            | {"n": len(values), "objective": objectives_of(measured)}
            | {"answer": found.answer, "rule": RULES[claim.rule]}
        )
    return pd.DataFrame(rows)


def counted(table: pd.DataFrame) -> list[str]:
    """Return how many of the paper's findings have each answer.

    Parameters
    ----------
    table : DataFrame
        Table ``paper``.

    Returns
    -------
    list of str
        Sentences, whose counts add up to the number of rows.

    Examples
    --------
    >>> for sentence in counted(pd.DataFrame({"answer": ["agrees", "differs", "not asked"]})):
    ...     print(sentence)
    Of 3 findings of the paper, 1 agrees with ours and 1 differs.
    Not asked, as no network here has the number: 1.
    """
    counts = {answer: int(table["answer"].eq(answer).sum()) for answer in ANSWERS}
    agree, differ = counts[AGREES], counts[DIFFERS]
    first = (
        f"Of {len(table)} findings of the paper, {agree} {'agrees' if agree == 1 else 'agree'} "
        f"with ours and {differ} {'differs' if differ == 1 else 'differ'}."
    )
    return [first] + [
        f"{meaning}: {counts[answer]}."
        for answer, meaning in ANSWERS.items()
        if meaning and counts[answer]
    ]
