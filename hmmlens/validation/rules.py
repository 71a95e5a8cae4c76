"""The rules that grade a network by the numbers of :mod:`hmmlens.validation.numbers`.

Each rule is one entry of :data:`RULES`: it compares numbers with :class:`Thresholds`, states both
in a sentence, and names the grade of a network that fails it. A new rule is one function with the
decorator :func:`rule`, and a field of :class:`Thresholds` where it has a threshold of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hmmlens.registry import Registry
from hmmlens.validation.competence import GAP, LOSS, competence
from hmmlens.validation.numbers import Evidence


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the rules.

    They were fixed on the networks of four samples (GRU, seeds 100 and 101; vanilla, seed 102;
    LSTM, seed 103; 32 units) of sixteen tasks: fully3, fully5, flip-flops of 2 and 3 bits, toggle,
    mod-3 counter; cyclic4 and two tasks of two symbols; AR(1), VAR(2), two rings, a clipped
    integrator, leaky integrators and head direction. Two rules came later, after networks of RRXOR
    and Z1R (seeds 300 and 301), whose endpoints are cycles: points may come round instead of
    standing still, and as many states as endpoints must be faithful for grade D. Two were fixed
    anew on five samples (all cells, seed 7001, 0 to 4) of fully8, which had no part in the first
    ones, and of fully3, fully5, cyclic4, mess3 and both tasks of two symbols: the elbow of the
    output distribution lies between the smallest of fully8 and the largest of cyclic4, and where a
    floor is known, a loss near that of a constant answer is no fault. Nothing else may move them.

    Attributes
    ----------
    loss : float
        Largest share of the marginal loss that a competent network may keep, where no floor is
        known.
    gap : float
        Smallest share of the way from the marginal loss to the floor, where a floor is known.
    fidelity : float
        Smallest R2 of the output five steps ahead.
    most_states : int
        Largest number of states that counts as few.
    ratio : float
        Largest number of fine clusters of endpoints for each coarse one.
    drift : float
        How near 95 % of endpoints must come back later, in rms of the output.
    elbow_output, elbow_components : float
        Smallest elbow, in bits, of codebooks of the output distribution and of the principal
        components.
    flicker : float
        Upper limit of the share of steps without a clear state, where the weights are unknown.

    Examples
    --------
    >>> from hmmlens.validation.numbers import NUMBERS, Evidence
    >>> from hmmlens.validation.verdict import decide
    >>> values = dict.fromkeys(NUMBERS, np.nan)
    >>> evidence = Evidence(**values).replace(loss=0.2, marginal=1.0, floor=0.1, fidelity=0.8)
    >>> lenient = Thresholds(fidelity=0.7)
    >>> decide(evidence).grade, decide(evidence, thresholds=lenient).grade != "U"
    ('U', True)
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


class Reason(NamedTuple):
    """The result of a rule.

    Attributes
    ----------
    holds : bool or None
        Whether the network passes the rule; None where that is not known.
    sentence : str
        The numbers and the thresholds in words.
    """

    holds: bool | None
    sentence: str

    @property
    def statement(self) -> str:
        """Return the sentence after ``Passed``, ``Failed`` or ``Not known``.

        Returns
        -------
        str
            Sentence after ``Passed``.
        """
        word = {True: "Passed", False: "Failed", None: "Not known"}[self.holds]
        return f"{word}: {self.sentence}"


Test = Callable[[Evidence, Thresholds], Reason]


class Rule(NamedTuple):
    """A rule of the verdict.

    Attributes
    ----------
    test : callable
        Takes :class:`Evidence` and :class:`Thresholds` and returns a :class:`Reason`.
    grade : str or None
        Grade of a network that fails the rule and whose endpoints are known; None where the rule is
        not applied to such networks.
    blind_grade : str or None
        The same where endpoints are not known.
    """

    test: Test
    grade: str | None
    blind_grade: str | None


#: The rules in the order in which they are applied. The first one that fails decides.
RULES: Registry[Rule] = Registry("rule of the verdict")


def rule(
    name: str, *, label: str, grade: str | None, blind_grade: str | None
) -> Callable[[Test], Test]:
    """Return a decorator that registers a rule.

    Parameters
    ----------
    name : str
        The name of the rule.
    label : str
        What a network that passes the rule has.
    grade, blind_grade : str or None
        See :class:`Rule`.

    Returns
    -------
    callable
        The decorator.
    """

    def _registered(test: Test) -> Test:
        RULES.register(name, label=label)(Rule(test, grade, blind_grade))
        return test

    return _registered


@rule("competent", label="competence at its task", grade="X", blind_grade="X")
def _competent(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether the network performs its task."""
    found = competence(
        numbers["loss"], numbers["marginal"], numbers["floor"], thresholds.loss, thresholds.gap
    )
    return Reason(found.holds, found.sentence)


@rule("faithful", label="few faithful states", grade="U", blind_grade="U")
def _faithful(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether a small number of codebook cells predicts the output ahead."""
    value, least = numbers["fidelity"], thresholds.fidelity
    return Reason(
        bool(value >= least),
        f"At most {thresholds.most_states} states predict its output five steps ahead with R2 "
        f"{value:.2f} ({least:g} wanted).",
    )


@rule("attractors", label="few endpoints that are points", grade="C", blind_grade=None)
def _attractors(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether the autonomous dynamics end in few points that stay where they are."""
    n, most = int(numbers["n_endpoints"]), thresholds.most_states
    points = numbers["ratio"] <= thresholds.ratio and numbers["drift"] <= thresholds.drift
    text = (
        f"Left alone, it settles in {n} place{'s' if n != 1 else ''}, {numbers['ratio']:.1f} times "
        f"as many when told apart four times finer (at most {thresholds.ratio:g} for points), and "
        f"comes back to within {numbers['drift']:.3f} rms of its output later (at most "
        f"{thresholds.drift:g})"
    )
    if n < 2:
        text += "; with one place nothing is remembered"
    elif n > most:
        text += f"; more than {most} places are not few"
    return Reason(bool(points and 2 <= n <= most), f"{text}.")


@rule("carried", label="as many faithful states", grade="B", blind_grade="not supported")
def _carried(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether an input-driven HMM of as many states as endpoints predicts the output."""
    value, n = numbers["fidelity_states"], numbers["n_states"]
    states = f"{n} state" + ("" if n == 1 else "s")
    return Reason(
        bool(value >= thresholds.fidelity),
        f"A driven HMM with {states} predicts its output five steps ahead with R2 "
        f"{value:.2f} ({thresholds.fidelity:g} wanted).",
    )


@rule("elbow", label="an elbow of fidelity", grade="B", blind_grade="not supported")
def _elbow(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether fidelity stops growing with the number of codebook cells at ``n_states``."""
    output, components = numbers["elbow_output"], numbers["elbow_components"]
    holds = output >= thresholds.elbow_output or components >= thresholds.elbow_components
    return Reason(
        bool(holds),
        f"Doubling the states to {numbers['n_states']} removes {_bits(output)} more of what is "
        f"missed than doubling them again ({thresholds.elbow_output:g} wanted; in principal "
        f"components {_bits(components)}, {thresholds.elbow_components:g} wanted), "
        + ("a cliff and then a floor." if holds else "no cliff as at a number of states."),
    )


@rule("steady", label="clear states", grade=None, blind_grade="not supported")
def _steady(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether one state is clear at nearly every step."""
    value, most = numbers["flicker"], thresholds.flicker
    return Reason(
        bool(value < most),
        f"In {100 * value:.0f} % of steps no state is clear (below {100 * most:.0f} % wanted).",
    )


def _bits(value: float) -> str:
    return "an unknown number of bits" if np.isnan(value) else f"{value:.1f} bits"
