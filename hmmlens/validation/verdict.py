"""The verdict on one network: whether it holds discrete states.

All rules and thresholds stand here. They were fixed on the networks of four draws (GRU, seeds 100
and 101; vanilla, seed 102; LSTM, seed 103; 32 units) of sixteen tasks: fully3, fully5, flip-flops
of 2 and 3 bits, toggle, mod-3 counter; cyclic4 and two tasks of two symbols; AR(1), VAR(2), two
rings, a clipped integrator, leaky integrators and head direction. Two rules came later, after
networks of RRXOR and Z1R (seeds 300 and 301), whose endpoints are cycles: points may come round
instead of standing still, and as many states as endpoints must be faithful for D. Two were drawn
anew on five draws (all cells, seed 7001, 0 to 4) of fully8, which had no part in the first ones,
and of fully3, fully5, cyclic4, mess3 and both tasks of two symbols: the elbow of the output law
lies between the least of fully8 and the largest of cyclic4, and where a floor is known, a loss near
that of a constant answer is no fault. Nothing else may move them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from hmmlens.validation.competence import GAP, LOSS, competence

#: What each grade says, in the order in which the rules are tried.
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

#: Grades whose state pictures must say so in their titles.
UNSUPPORTED = ("C", "U", "X", "not supported", "not judged")


def title(grade: str, n_states: float, input_driven: bool = False) -> str:
    """Return what stands above every picture of states.

    Parameters
    ----------
    n_states : told where the grade claims states.
    """
    text = f"Verdict {grade}: {GRADES[grade]}" if len(grade) == 1 else f"Verdict: {GRADES[grade]}"
    text += "" if grade in UNSUPPORTED else f", {n_states:.0f} of them"
    text += "; input-driven" if input_driven else ""
    return f"No discrete states supported. {text}" if grade in UNSUPPORTED else text


@dataclass(frozen=True)
class Thresholds:
    """Where the rules draw their lines.

    loss : most of the marginal loss that a competent network may keep, where no floor is known
    gap : least share of the way from the marginal loss to the floor, where one is
    fidelity : least R2 of the output five steps ahead
    most_states : most states that count as few
    ratio : most fine balls for each coarse one
    drift : how near 95 % of endpoints must come back later, in rms of the output
    elbow_output, elbow_components : least elbow, in bits, of codebooks of the output law and of
        the principal components
    flicker : largest share of steps without a clear state, where there are no weights
    """

    loss: float = LOSS
    gap: float = GAP
    fidelity: float = 0.9
    most_states: int = 12
    ratio: float = 2.5
    drift: float = 0.05
    elbow_output: float = 1.5
    elbow_components: float = 3.0
    flicker: float = 0.05


DEFAULT = Thresholds()


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on. NaN where a number is not to be had.

    loss, marginal, floor : test loss of the network, of the best constant answer, and the least
        possible; a loss of NaN says that its task is not known
    fidelity : R2 of the output five steps ahead, best codebook of at most ``most_states`` cells
    fidelity_states : the same of the driven HMM with ``n_states`` states
    n_states : the number of endpoints; without weights, where the elbow is highest
    resolution : fewest cells whose fidelity comes within .02 of the best
    elbow_output, elbow_components : bits, at ``n_states``
    flicker : share of test steps in which no state has a filtered probability of .8
    n_endpoints, ratio, drift : see :class:`hmmlens.dynamics.endpoints.Endpoints`
    """

    loss: float
    marginal: float
    fidelity: float
    fidelity_states: float
    n_states: int
    resolution: int
    elbow_output: float
    elbow_components: float
    flicker: float
    floor: float = np.nan
    n_endpoints: float = np.nan
    ratio: float = np.nan
    drift: float = np.nan

    @property
    def gap_closed(self) -> float:
        """Return the share of the way from the marginal loss to the floor."""
        return (self.marginal - self.loss) / (self.marginal - self.floor)


class Reason(NamedTuple):
    """A rule that was tried.

    holds : whether the network passes it; None where that is not known
    sentence : with the number and the threshold
    """

    holds: bool | None
    sentence: str

    @property
    def told(self) -> str:
        """Return the sentence after ``passed``, ``failed`` or ``not known``."""
        word = {True: "Passed", False: "Failed", None: "Not known"}[self.holds]
        return f"{word}: {self.sentence}"


@dataclass(frozen=True)
class Verdict:
    """A grade and why.

    grade : one of :data:`GRADES`
    n_states : states that are claimed (D) or attractors (B); else None
    input_driven : whether an untrained network with a fitted readout earns the same grade; None
        where that was not asked
    reasons : sentences, each with its number
    passed : whether each reason speaks for the network, see :class:`Reason`
    competent : whether it does its task; None where that is not known
    """

    grade: str
    n_states: int | None
    input_driven: bool | None
    reasons: tuple[str, ...]
    competent: bool | None = None
    passed: tuple[bool | None, ...] = ()

    @property
    def supported(self) -> bool:
        """Return whether a picture of states may stand without a warning in its title."""
        return self.grade not in UNSUPPORTED

    @property
    def sentence(self) -> str:
        """Return the verdict in one sentence."""
        number = "" if self.n_states is None else f", {self.n_states} of them"
        text = f"{GRADES[self.grade].capitalize()}{number}"
        if self.input_driven:
            text += "; input-driven: an untrained network earns the same grade"
        if self.competent is None and self.grade != "not judged":
            text += "; whether it is competent at its task is not known"
        return text + "."

    def row(self) -> dict[str, Any]:
        """Return the verdict as columns of a table."""
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

    The rules in their order: X where it is known not to be competent; U unless few states are
    faithful; then, where endpoints are known, C unless they are few points that stay, D if as many
    states are faithful and fidelity has an elbow at their number, and B if not. Without endpoints
    the best to be had is "consistent with D".

    Parameters
    ----------
    reservoir_grade : grade of an untrained network of the same kind with a fitted readout.
    """
    rules = _Rules(evidence, thresholds)
    grade = rules.grade()
    return Verdict(
        grade,
        evidence.n_states if grade in ("D", "B", "consistent with D") else None,
        None if reservoir_grade is None else grade == reservoir_grade and grade not in ("X", "U"),
        tuple(rules.reasons),
        None if np.isnan(evidence.loss) else grade != "X",
        tuple(rules.passed),
    )


def reasons_of(row: Mapping[str, Any], thresholds: Thresholds = DEFAULT) -> list[Reason]:
    """Return the rules that were tried for a row of the table of verdicts.

    Parameters
    ----------
    row : the fields of :class:`Evidence` and of :meth:`Verdict.row`.
    """
    if row["grade"] == "not judged":
        return [Reason(None, str(row["reasons"]))]
    evidence = Evidence(**{field.name: row[field.name] for field in fields(Evidence)})
    found = decide(evidence, thresholds=thresholds)
    return [Reason(*pair) for pair in zip(found.passed, found.reasons, strict=True)]


def without_gate(evidence: Evidence, thresholds: Thresholds = DEFAULT) -> str:
    """Return the grade of a network that is not asked whether it does its task."""
    return decide(replace(evidence, loss=np.nan), thresholds=thresholds).grade


def not_judged(reason: str) -> Verdict:
    """Return the verdict on a network whose recording does not allow one."""
    return Verdict("not judged", None, None, (f"{reason[:1].upper()}{reason[1:]}.",))


class _Rules:
    """Tries the rules and notes a sentence for each."""

    def __init__(self, evidence: Evidence, thresholds: Thresholds) -> None:
        self.e, self.t = evidence, thresholds
        self.reasons, self.passed = list[str](), list[bool | None]()

    def grade(self) -> str:
        if not self.competent():
            return "X"
        if not self.faithful():
            return "U"
        if np.isnan(self.e.n_endpoints):
            holds = self.carried() and self.elbow() and self.steady()
            return "consistent with D" if holds else "not supported"
        if not self.attractors():
            return "C"
        return "D" if self.carried() and self.elbow() else "B"

    def say(self, holds: bool, sentence: str) -> bool:
        self.reasons.append(sentence)
        self.passed.append(bool(holds))
        return holds

    def competent(self) -> bool:
        e, t = self.e, self.t
        found = competence(e.loss, e.marginal, e.floor, t.loss, t.gap)
        self.reasons.append(found.sentence)
        self.passed.append(found.holds)
        return found.holds is not False

    def faithful(self) -> bool:
        e, t = self.e, self.t
        return self.say(
            e.fidelity >= t.fidelity,
            f"At most {t.most_states} states predict its output five steps ahead with R2 "
            f"{e.fidelity:.2f} ({t.fidelity:g} wanted).",
        )

    def attractors(self) -> bool:
        e, t = self.e, self.t
        n = int(e.n_endpoints)
        points = e.ratio <= t.ratio and e.drift <= t.drift
        text = (
            f"Left alone, it settles in {n} place{'s' if n != 1 else ''}, {e.ratio:.1f} times as "
            f"many when told apart four times finer (at most {t.ratio:g} for points), and comes "
            f"back to within {e.drift:.3f} rms of its output later (at most {t.drift:g})"
        )
        if n < 2:
            text += "; with one place nothing is remembered"
        elif n > t.most_states:
            text += f"; more than {t.most_states} places are not few"
        return self.say(points and 2 <= n <= t.most_states, text + ".")

    def carried(self) -> bool:
        e, t = self.e, self.t
        return self.say(
            e.fidelity_states >= t.fidelity,
            f"A driven HMM with {_count(e.n_states)} predicts its output five steps ahead with R2 "
            f"{e.fidelity_states:.2f} ({t.fidelity:g} wanted).",
        )

    def elbow(self) -> bool:
        e, t = self.e, self.t
        holds = e.elbow_output >= t.elbow_output or e.elbow_components >= t.elbow_components
        return self.say(
            holds,
            f"Doubling the states to {e.n_states} removes {_bits(e.elbow_output)} more of what is "
            f"missed than doubling them again ({t.elbow_output:g} wanted; in principal components "
            f"{_bits(e.elbow_components)}, {t.elbow_components:g} wanted), "
            + ("a cliff and then a floor." if holds else "no cliff as at a number of states."),
        )

    def steady(self) -> bool:
        return self.say(
            self.e.flicker < self.t.flicker,
            f"In {100 * self.e.flicker:.0f} % of steps no state is clear "
            f"(below {100 * self.t.flicker:.0f} % wanted).",
        )


def _count(n_states: int) -> str:
    return f"{n_states} state" + ("" if n_states == 1 else "s")


def _bits(value: float) -> str:
    return "an unknown number of bits" if np.isnan(value) else f"{value:.1f} bits"
