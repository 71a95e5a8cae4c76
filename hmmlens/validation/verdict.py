"""The verdict on one network: whether it holds discrete states.

The numbers are the entries of :mod:`hmmlens.validation.numbers`, the rules with their thresholds
those of :mod:`hmmlens.validation.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmlens.validation.numbers import NUMBERS, Evidence
from hmmlens.validation.rules import DEFAULT, RULES, Reason, Thresholds

#: What each grade means, in the order in which the rules are applied.
GRADES = {
    "X": "not competent at its task",
    "U": "unfaithful: no small number of states stands in for the network",
    "D": "discrete attractor states",
    "B": "finite attractors with graded belief",
    "C": "a continuum that states merely quantise",
    "consistent with D": "consistent with discrete attractor states, as far as can be told without "
    "leaving it alone",
    "not supported": "no sign of discrete states, as far as can be told without leaving it alone",
    "not judged": "not judged",
}

#: Grades whose figures of states carry a warning in their titles.
UNSUPPORTED = ("C", "U", "X", "not supported", "not judged")


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
    'Verdict D: discrete attractor states, 8 of them'
    """
    text = f"Verdict {grade}: {GRADES[grade]}" if len(grade) == 1 else f"Verdict: {GRADES[grade]}"
    text += "" if grade in UNSUPPORTED else f", {n_states:.0f} of them"
    text += "; input-driven" if input_driven else ""
    return f"No discrete states supported. {text}" if grade in UNSUPPORTED else text


@dataclass(frozen=True)
class Verdict:
    """A grade and the reasons for it.

    Attributes
    ----------
    grade : str
        One of :data:`GRADES`.
    n_states : int or None
        Number of states that are claimed (D) or of attractors (B).
    input_driven : bool or None
        Whether an untrained network with a fitted readout earns the same grade; None where that was
        not tested.
    reasons : tuple of str
        A sentence for each rule that was applied, with its numbers.
    competent : bool or None
        Whether the network performs its task; None where that is not known.
    passed : tuple of bool or None
        Whether the network passes each rule, see :class:`hmmlens.validation.rules.Reason`.

    Examples
    --------
    >>> verdict = Verdict("C", None, None, ("Its endpoints form a ring.",))
    >>> verdict.supported, verdict.sentence.partition(";")[0]
    (False, 'A continuum that states merely quantise')
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
        return self.grade not in UNSUPPORTED

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
) -> Verdict:
    """Grade one network.

    The rules (:data:`hmmlens.validation.rules.RULES`) are applied in their order, and the first one
    that fails gives the grade: X where the network is known not to be competent; U unless few
    states are faithful; then, where endpoints are known, C unless they are few points that stay,
    and B unless as many states are faithful and fidelity has an elbow at their number. A network
    that passes them all has grade D. Without endpoints the highest grade is "consistent with D".

    Parameters
    ----------
    evidence : Evidence
        The numbers of the network.
    reservoir_grade : str, optional
        Grade of an untrained network of the same kind with a fitted readout.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    Verdict
        The verdict.

    Examples
    --------
    >>> from hmmlens.validation.numbers import NUMBERS, Evidence
    >>> evidence = Evidence(**dict.fromkeys(NUMBERS, np.nan)).replace(loss=1.5, marginal=1.0)
    >>> decide(evidence).grade
    'X'
    """
    blind = np.isnan(evidence["n_endpoints"])
    grade = "consistent with D" if blind else "D"
    reasons: list[Reason] = []
    for rule in RULES.values():
        failed = rule.blind_grade if blind else rule.grade
        if failed is None:
            continue
        reasons.append(rule.test(evidence, thresholds))
        if reasons[-1].holds is False:
            grade = failed
            break
    return Verdict(
        grade,
        int(evidence["n_states"]) if grade in ("D", "B", "consistent with D") else None,
        None if reservoir_grade is None else grade == reservoir_grade and grade not in ("X", "U"),
        tuple(reason.sentence for reason in reasons),
        None if np.isnan(evidence["loss"]) else grade != "X",
        tuple(reason.holds for reason in reasons),
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
    found = decide(Evidence(**{name: row[name] for name in NUMBERS}), thresholds=thresholds)
    return [Reason(*pair) for pair in zip(found.passed, found.reasons, strict=True)]


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
