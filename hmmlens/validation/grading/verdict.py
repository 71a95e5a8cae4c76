"""The verdict on one network: whether it holds discrete states.

The numbers are the entries of :mod:`hmmlens.validation.grading.numbers`, the rules with their
thresholds those of :mod:`hmmlens.validation.grading.rules`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmlens.futures.summary import Summary
from hmmlens.validation.grading.numbers import NUMBERS, Evidence
from hmmlens.validation.grading.recorded import Losses
from hmmlens.validation.grading.rules import DEFAULT, RULES, Reason, Thresholds

#: What each grade means.
GRADES = {
    "X": "not competent at its task",
    "D": "discrete states",
    "N": "discrete states, more than can be counted",
    "M": "discrete states next to a continuum",
    "B": "points of attraction with graded states between them",
    "F": "no memory beyond the present input",
    "C": "a continuum",
    "U": "unfaithful: no small number of states stands in for the network",
    "undecided": "what the network holds cannot be decided from these data",
    "consistent with D": "consistent with discrete states, as far as the recording alone shows",
    "not supported": "no sign of discrete states, as far as the recording alone shows",
    "not judged": "not judged",
}

#: The grades in a word or two, for tables and figures; those not named are words themselves.
GRADE_WORDS = {
    "X": "not competent",
    "D": "discrete",
    "N": "many states",
    "M": "mixed",
    "B": "graded belief",
    "F": "no memory",
    "C": "continuum",
    "U": "unfaithful",
}

#: Grades that claim discrete states; figures of states carry a warning with all others.
SUPPORTED = ("D", "N", "consistent with D")
#: Grades that exclude discrete states, or show none. The others are mixed, or open.
UNSUPPORTED = ("X", "B", "F", "C", "U", "not supported")
#: Grades that name a number of states.
CLAIMS = ("D", "consistent with D")
#: The grade whose states futures certify; the explained model has these states.
CERTIFIED = "D"


def title(grade: str, n_states: float, input_driven: bool = False) -> str:
    """Return the title of every figure of states.

    Parameters
    ----------
    grade : str
        One of :data:`GRADES`.
    n_states : float
        Number of states, named where the grade claims states.
    input_driven : bool, optional
        Whether an untrained network earns the same grade.

    Returns
    -------
    str
        The title of every figure of states.

    Examples
    --------
    >>> title("D", 8)
    'Verdict: discrete states, 8 of them'
    """
    text = f"Verdict: {GRADES[grade]}"
    text += f", {n_states:.0f} of them" if grade in CLAIMS else ""
    text += "; input-driven" if input_driven else ""
    if grade in SUPPORTED:
        return text
    if grade == "X":
        # States were not asked for.
        return text
    if grade in UNSUPPORTED:
        return f"No discrete states supported. {text}"
    return f"{text}. The number of regions is a choice"


@dataclass(frozen=True)
class Verdict:
    """A grade and the reasons for it.

    Attributes
    ----------
    grade : str
        One of :data:`GRADES`.
    n_states : int or None
        Number of states that are claimed.
    input_driven : bool or None
        Whether an untrained network with a fitted readout earns the same grade; None where that was
        not tested.
    reasons : tuple of str
        A sentence for each rule that was applied, with its numbers.
    competent : bool or None
        Whether the network performs its task; None where that is not known.
    passed : tuple of bool or None
        Whether the statement of each rule holds, see
        :class:`hmmlens.validation.grading.rules.Reason`.

    Examples
    --------
    >>> verdict = Verdict("C", None, None, ("Its endpoints form a ring.",))
    >>> verdict.supported, verdict.sentence.partition(";")[0]
    (False, 'A continuum')
    """

    grade: str
    n_states: int | None
    input_driven: bool | None
    reasons: tuple[str, ...]
    competent: bool | None = None
    passed: tuple[bool | None, ...] = ()

    @property
    def supported(self) -> bool:
        """Return whether a figure of states needs no warning in its title.

        Returns
        -------
        bool
            Whether a figure of states needs no warning in its title.
        """
        return self.grade in SUPPORTED

    @property
    def sentence(self) -> str:
        """Return the verdict in one sentence.

        Returns
        -------
        str
            The verdict in one sentence.
        """
        number = "" if self.n_states is None else f", {self.n_states} of them"
        text = f"{GRADES[self.grade].capitalize()}{number}"
        if self.input_driven:
            text += "; input-driven: an untrained network earns the same grade"
        if self.competent is None and self.grade != "not judged":
            text += "; whether it is competent at its task is not known"
        return text + "."

    def row(self) -> dict[str, Any]:
        """Return the verdict as columns of a table.

        Returns
        -------
        dict of str to Any
            The verdict as columns of a table.
        """
        return {
            "grade": self.grade,
            "supported": self.supported,
            "input_driven": self.input_driven,
            "sentence": self.sentence,
            "reasons": " ".join(self.reasons),
        }


def decide(
    evidence: Evidence,
    reservoir_grade: str | None = None,
    thresholds: Thresholds = DEFAULT,
    without: Collection[str] = (),
) -> Verdict:
    """Grade one network.

    The rules (:data:`hmmlens.validation.grading.rules.RULES`) are applied in their order, and the
    first one whose outcome gives a grade decides. A network whose futures are known and for which
    none does is undecided; where they are not known, one that passes the rules of the recording is
    consistent with D.

    Parameters
    ----------
    evidence : Evidence
        The numbers of the network.
    reservoir_grade : str, optional
        Grade of an untrained network of the same kind with a fitted readout.
    thresholds : Thresholds, optional
        Thresholds of the rules.
    without : collection of str, optional
        Names of rules that are left out, to see what each of them decides.

    Returns
    -------
    Verdict
        The verdict.

    Examples
    --------
    >>> from hmmlens.validation.grading.numbers import NUMBERS, Evidence
    >>> evidence = Evidence(**dict.fromkeys(NUMBERS, np.nan)).replace(loss=1.5, marginal=1.0)
    >>> decide(evidence).grade
    'X'
    """
    grade = "undecided" if _futures_known(evidence) else "consistent with D"
    reasons: list[Reason] = []
    for name in _applied(evidence):
        rule = RULES[name]
        if name in without:
            continue
        reasons.append(rule.test(evidence, thresholds))
        if reasons[-1].holds is rule.when:
            grade = rule.grade
            break
    return Verdict(
        grade,
        int(evidence["n_states"]) if grade in CLAIMS else None,
        None if reservoir_grade is None else grade == reservoir_grade and grade in SUPPORTED,
        tuple(reason.sentence for reason in reasons),
        None if np.isnan(evidence["loss"]) else grade != "X",
        tuple(reason.holds for reason in reasons),
    )


def _futures_known(evidence: Evidence) -> bool:
    return not np.isnan(evidence["n_classes"])


def _applied(evidence: Evidence) -> list[str]:
    """Return the names of the rules that apply to such evidence, in their order."""
    kinds = ("any", "futures" if _futures_known(evidence) else "recording")
    return [name for name, rule in RULES.items() if rule.evidence in kinds]


def decide_by_futures(
    futures: Summary, losses: Losses, thresholds: Thresholds = DEFAULT
) -> Verdict:
    """Grade a network by its futures and losses alone.

    The rules that apply where futures are known read no other number.

    Parameters
    ----------
    futures : Summary
        Futures of the network.
    losses : Losses
        Test losses, NaN where the task is not known.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    Verdict
        The verdict.
    """
    numbers = dict.fromkeys((name for name, one in NUMBERS.items() if one.required), np.nan)
    numbers |= {name: value for name, value in futures.numbers.items() if name in NUMBERS}
    numbers |= {"loss": losses.network, "marginal": losses.marginal, "floor": losses.floor}
    return decide(
        Evidence(**numbers | {"n_states": futures.numbers["n_classes"]}), None, thresholds
    )


def reasons_of(row: Mapping[str, Any], thresholds: Thresholds = DEFAULT) -> list[Reason]:
    """Return the results of the rules for a row of the table of verdicts.

    Parameters
    ----------
    row : mapping of str to Any
        The numbers of :class:`Evidence` and the columns of :meth:`Verdict.row`.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    list of Reason
        In the order of the rules, up to the one that decides the grade.
    """
    if row["grade"] == "not judged":
        return [Reason(None, str(row["reasons"]))]
    evidence = Evidence(**{name: row[name] for name in NUMBERS})
    found = decide(evidence, thresholds=thresholds)
    asked = [RULES.label(name) for name in _applied(evidence)][: len(found.reasons)]
    return [Reason(*each) for each in zip(found.passed, found.reasons, asked, strict=True)]


def without_gate(evidence: Evidence, thresholds: Thresholds = DEFAULT) -> str:
    """Return the grade of a network whose competence is not tested.

    Parameters
    ----------
    evidence : Evidence
        The numbers of the network.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    str
        The grade of a network whose competence is not tested.
    """
    return decide(evidence.replace(loss=np.nan), thresholds=thresholds).grade


def not_judged(reason: str) -> Verdict:
    """Return the verdict on a network whose recording does not allow one.

    Parameters
    ----------
    reason : str
        Why, without a full stop.

    Returns
    -------
    Verdict
        The verdict.

    Examples
    --------
    >>> not_judged("the layer has other steps than the input").reasons
    ('The layer has other steps than the input.',)
    """
    return Verdict("not judged", None, None, (f"{reason[:1].upper()}{reason[1:]}.",))
