"""The rules that grade a network by the numbers of :mod:`hmmlens.validation.numbers`.

Each rule is one entry of :data:`RULES`: it compares numbers with :class:`Thresholds`, states both
in a sentence, and names the grade that its outcome decides. A new rule is one function with the
decorator :func:`rule`, and a field of :class:`Thresholds` where it has a threshold of its own.

Where the futures of visited states are known, each grade has a rule of its own that asks for
positive evidence, so that no grade is what remains when another one fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hmmlens.registry import Registry
from hmmlens.validation.competence import GAP, LOSS, competence
from hmmlens.validation.numbers import Evidence


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the rules.

    Those of futures were fixed on the tasks of the fixing half of the task suite
    (:mod:`hmmlens.datasets.synthetic.tasks`). After the reporting half had been read, ``gain`` was
    added because of untrained networks of the fixing half; no trained network got another grade.

    Attributes
    ----------
    loss : float
        Largest share of the marginal loss that a competent network may keep, where no floor is
        known.
    gap : float
        Smallest share of the way from the marginal loss to the floor, where a floor is known.
    ratio : float
        How many times further apart classes must be than states of one class.
    weak_ratio : float
        The same where a machine of the classes returns the output (``exact_machine``), and for
        dense points among graded states.
    ambiguity : float
        Largest distance within a class, as a share of the distance to the next class.
    points : float
        Smallest share of the states in classes that are points.
    share_of_sample : float
        Largest number of classes, as a share of the states that were compared.
    moves : float
        Smallest accuracy of the next class from class and input, where the class changes.
    machine : float
        Smallest R2 of the machine of the classes 20 steps ahead, below which their number is a
        lower bound.
    exact_machine : float
        Smallest R2 of that machine with which classes that are no points count as discrete.
    gain : float
        How much more accurate the next class must be from class and input than from the input.
    same : float
        Largest spread of futures that counts as none, in standard deviations of the output.
    density : float
        How uneven the density of states must be for dense points among graded states.
    chain : float
        How many times wider than its largest gap a continuum must be.
    fidelity : float
        Smallest R2 of the output five steps ahead; without futures.
    most_states : int
        Largest number of states that counts as few; without futures.
    elbow_output, elbow_components : float
        Smallest elbow, in bits, of codebooks of the output distribution and of the principal
        components; without futures.
    flicker : float
        Upper limit of the share of steps without a clear state; without futures.
    """

    loss: float = LOSS
    gap: float = GAP
    ratio: float = 2.5
    weak_ratio: float = 1.5
    ambiguity: float = 0.25
    points: float = 0.9
    share_of_sample: float = 0.1
    moves: float = 0.9
    machine: float = 0.9
    exact_machine: float = 0.95
    gain: float = 0.1
    same: float = 0.15
    density: float = 6.0
    chain: float = 4.0
    fidelity: float = 0.9
    most_states: int = 12
    elbow_output: float = 1.5
    elbow_components: float = 3.0
    flicker: float = 0.05


DEFAULT = Thresholds()


class Reason(NamedTuple):
    """The result of a rule.

    Attributes
    ----------
    holds : bool or None
        Whether the statement of the rule holds; None where that is not known.
    sentence : str
        The numbers and the thresholds in words.
    question : str
        What the rule asks, the label of its entry in :data:`RULES`; may be empty.
    """

    holds: bool | None
    sentence: str
    question: str = ""

    @property
    def statement(self) -> str:
        """Return the question, ``Yes``, ``No`` or ``Not known``, and the sentence.

        Returns
        -------
        str
            The sentence.
        """
        word = {True: "Yes", False: "No", None: "Not known"}[self.holds]
        asked = f"{self.question}? " if self.question else ""
        return f"{asked}{word}: {self.sentence}"


Test = Callable[[Evidence, Thresholds], Reason]


class Rule(NamedTuple):
    """A rule of the verdict.

    Attributes
    ----------
    test : callable
        Takes :class:`Evidence` and :class:`Thresholds` and returns a :class:`Reason`.
    grade : str
        The grade that the rule gives.
    when : bool
        The outcome of the test that gives it.
    evidence : {"any", "futures", "recording"}
        Whether the rule is applied always, where futures are known, or where they are not.
    """

    test: Test
    grade: str
    when: bool
    evidence: Literal["any", "futures", "recording"]


#: The rules in the order in which they are applied. The first one that gives a grade decides.
RULES: Registry[Rule] = Registry("rule of the verdict")


def rule(
    name: str,
    *,
    label: str,
    grade: str,
    when: bool = True,
    evidence: Literal["any", "futures", "recording"] = "futures",
) -> Callable[[Test], Test]:
    """Return a decorator that registers a rule.

    Parameters
    ----------
    name : str
        The name of the rule.
    label : str
        What the rule asks.
    grade : str
        See :class:`Rule`.
    when : bool
        See :class:`Rule`.
    evidence : str
        See :class:`Rule`.

    Returns
    -------
    callable
        The decorator.
    """

    def _registered(test: Test) -> Test:
        RULES.register(name, label=label)(Rule(test, grade, when, evidence))
        return test

    return _registered


@rule("competent", label="Does it perform its task", grade="X", when=False, evidence="any")
def _competent(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether the network performs its task."""
    found = competence(
        numbers["loss"], numbers["marginal"], numbers["floor"], thresholds.loss, thresholds.gap
    )
    return Reason(found.holds, found.sentence)


def _separated(numbers: Evidence, thresholds: Thresholds) -> bool:
    ratio = numbers["between"] / numbers["within"] if numbers["n_classes"] > 1 else 1.0
    return bool(ratio >= thresholds.ratio)


def _classes(numbers: Evidence, thresholds: Thresholds) -> str:
    """Return a sentence on the classes of futures and the gap between them."""
    n = int(numbers["n_classes"])
    what = "outputs from now on" if numbers["counts_output"] else "outputs from the next input on"
    if n < 2:
        return f"The {int(numbers['n_compared'])} states compared form no separate classes"
    ratio = numbers["between"] / numbers["within"]
    return (
        f"By their {what}, {int(numbers['n_compared'])} visited states fall into {n} classes: "
        f"neighbours in a class differ by at most {numbers['within']:.2f} standard deviations of "
        f"the output, classes by at least {numbers['between']:.2f}, {ratio:.1f} times as much "
        f"({_least_ratio(numbers, thresholds):g} wanted{_why_less(numbers, thresholds)})"
    )


def separate_classes(numbers: Mapping[str, float], thresholds: Thresholds = DEFAULT) -> bool:
    """Return whether futures certify discrete states, whatever the network's competence.

    Parameters
    ----------
    numbers : mapping of str to float
        See :func:`hmmlens.futures.summary.summarise`.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    bool
        Whether they do.
    """
    few = numbers["n_classes"] <= thresholds.share_of_sample * numbers["n_compared"]
    moves = numbers["moves"]
    return bool(
        numbers["n_classes"] > 1
        and numbers["between"] >= _least_ratio(numbers, thresholds) * numbers["within"]
        and _tight(numbers, thresholds)
        and few
        and (np.isnan(moves) or moves >= thresholds.moves)
    )


def _least_ratio(numbers: Mapping[str, float], thresholds: Thresholds) -> float:
    """Return the smallest ratio of separate classes: less where a machine of them is exact."""
    exact = _exact(numbers, thresholds)
    return thresholds.weak_ratio if exact else thresholds.ratio


def _why_less(numbers: Mapping[str, float], thresholds: Thresholds) -> str:
    return ", as a machine of the classes is exact" if _exact(numbers, thresholds) else ""


def _exact(numbers: Mapping[str, float], thresholds: Thresholds) -> bool:
    """Return whether a machine of the classes returns the output.

    A machine whose input is all that it needs proves nothing about its classes.
    """
    exact = numbers["machine_20"] >= thresholds.exact_machine
    gain = numbers["accuracy"] - numbers["input_accuracy"]
    return bool(exact and not numbers["counts_output"] and gain >= thresholds.gain)


def _tight(numbers: Mapping[str, float], thresholds: Thresholds) -> bool:
    """Return whether classes are points, or a machine of them returns the output all the same."""
    return bool(numbers["points"] >= thresholds.points or _exact(numbers, thresholds))


def _moves(numbers: Evidence, thresholds: Thresholds) -> tuple[bool, str]:
    """Return whether class and input determine the next class, and a clause on it."""
    value = numbers["moves"]
    if np.isnan(value):
        return True, "the class hardly ever changes"
    return bool(value >= thresholds.moves), (
        f"class and input determine {100 * value:.0f} % of the changes of class on test sequences "
        f"({100 * thresholds.moves:.0f} % wanted)"
    )


@rule("discrete", label="Does its behaviour fall into few separate classes", grade="D")
def _discrete(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether visited states fall into few separate classes that the input moves between."""
    _, moves = _moves(numbers, thresholds)
    holds = separate_classes(numbers, thresholds)
    text = _classes(numbers, thresholds)
    if numbers["n_classes"] < 2:
        return Reason(False, f"{text}.")
    text += (
        f"; {100 * numbers['points']:.0f} % of the states are in tight classes "
        f"({100 * thresholds.points:.0f} % wanted), and {moves}"
    )
    if numbers["points"] < thresholds.points:
        text += (
            f"; a machine of these classes returns the output 20 steps ahead with R² "
            f"{numbers['machine_20']:.2f} ({thresholds.exact_machine:g} wanted where classes are "
            "not tight)"
        )
    if numbers["n_classes"] > thresholds.share_of_sample * numbers["n_compared"]:
        text += "; that is too many classes for the number of states compared"
    if holds and numbers["machine_20"] < thresholds.machine:
        text += (
            f"; the number is a lower bound, as a machine of these classes reaches R² "
            f"{numbers['machine_20']:.2f} 20 steps ahead ({thresholds.machine:g} wanted)"
        )
    return Reason(bool(holds), f"{text}.")


@rule("many", label="Into more separate classes than can be counted", grade="N")
def _many(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether states fall into more classes than the sample can count."""
    most = thresholds.share_of_sample * numbers["n_compared"]
    many = numbers["n_classes"] > most and _separated(numbers, thresholds)
    n = int(numbers["n_classes"])
    return Reason(
        bool(many),
        f"There {'is' if n == 1 else 'are'} {n} class{'' if n == 1 else 'es'} (separate ones above "
        f"{most:.0f} would be too many to count with this sample).",
    )


@rule("mixed", label="Into separate classes with a continuum inside", grade="M")
def _mixed(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether classes are separate, but hold a continuum that the output shows."""
    share = numbers["points"]
    determined, moves = _moves(numbers, thresholds)
    wide = share < thresholds.points and not _tight(numbers, thresholds)
    holds = _separated(numbers, thresholds) and wide and determined
    if not _separated(numbers, thresholds):
        return Reason(False, "There are no separate classes.")
    return Reason(
        bool(holds),
        f"{100 * share:.0f} % of the states are in tight classes "
        f"(less than {100 * thresholds.points:.0f} % where there is a continuum inside), {moves}, "
        f"and a machine of the classes returns the output 20 steps ahead with R² "
        f"{numbers['machine_20']:.2f} (less than {thresholds.exact_machine:g} where the place "
        "within a class matters).",
    )


@rule("forgetful", label="Is there no memory beyond the present input", grade="F")
def _forgetful(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether all visited states do the same once the next input is known."""
    value = numbers["memory"]
    return Reason(
        bool(value < thresholds.same),
        f"From the next input on, outputs after different pasts differ by {value:.2f} standard "
        f"deviations (less than {thresholds.same:g} wanted for a network without memory).",
    )


@rule(
    "graded",
    label="Does it hold a belief: graded states around dense points, which fade",
    grade="B",
)
def _graded(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether states gather at points and lie between them as well."""
    value = numbers["density"]
    ratio = numbers["between"] / numbers["within"] if numbers["n_classes"] > 1 else 1.0
    weak = (
        ratio >= thresholds.weak_ratio
        and numbers["ambiguity"] <= thresholds.ambiguity
        and numbers["points"] < thresholds.points
    )
    dense = value >= thresholds.density
    n = numbers["forgets_after"]
    forgets = not np.isnan(n)
    return Reason(
        bool((weak or dense) and forgets),
        f"Sparse states are {value:.1f} times as far from their neighbours as dense ones "
        f"({thresholds.density:g} wanted for points that graded states connect)"
        + (", and classes are weakly separated, not all of them tight" if weak else "")
        + (
            f"; any difference of the past has vanished after {int(n)} "
            f"step{'' if n == 1 else 's'} of the same further input."
            if forgets
            else "; but a difference of the past stays under the same further input, where a "
            "belief fades."
        ),
    )


@rule("continuum", label="Does its behaviour vary without gaps", grade="C")
def _continuum(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether futures vary without gaps."""
    value = numbers["chain"]
    dimension = numbers["dimension"]
    return Reason(
        bool(value >= thresholds.chain),
        f"Futures spread over {value:.1f} times the largest gap between them "
        f"({thresholds.chain:g} wanted)"
        + ("" if np.isnan(dimension) else f", in about {dimension:.1f} dimensions")
        + ".",
    )


@rule(
    "faithful",
    label="Do few states predict the output",
    grade="U",
    when=False,
    evidence="recording",
)
def _faithful(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether a small number of codebook cells predicts the output ahead."""
    value, least = numbers["fidelity"], thresholds.fidelity
    return Reason(
        bool(value >= least),
        f"At most {thresholds.most_states} states predict the output five steps ahead with R² "
        f"{value:.2f} ({least:g} wanted).",
    )


@rule("carried", label="Does a model with that number of states predict the output",
      grade="not supported", when=False, evidence="recording")  # fmt: skip
def _carried(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether an input-driven HMM predicts the output ahead."""
    value, n = numbers["fidelity_states"], int(numbers["n_states"])
    states = f"{n} state" + ("" if n == 1 else "s")
    return Reason(
        bool(value >= thresholds.fidelity),
        f"An input-driven HMM with {states} predicts the output five steps ahead with R² "
        f"{value:.2f} ({thresholds.fidelity:g} wanted).",
    )


@rule("elbow", label="Does fidelity stop growing at that number of states",
      grade="not supported", when=False, evidence="recording")  # fmt: skip
def _elbow(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether fidelity stops growing with the number of codebook cells at ``n_states``."""
    output, components = numbers["elbow_output"], numbers["elbow_components"]
    holds = output >= thresholds.elbow_output or components >= thresholds.elbow_components
    return Reason(
        bool(holds),
        f"The error of fidelity halves {_bits(output)} more often when the states are doubled to "
        f"{int(numbers['n_states'])} than when they are doubled again "
        f"({thresholds.elbow_output:g} wanted; in principal components {_bits(components)}, "
        f"{thresholds.elbow_components:g} wanted).",
    )


@rule(
    "steady",
    label="Is one state clear at nearly every step",
    grade="not supported",
    when=False,
    evidence="recording",
)
def _steady(numbers: Evidence, thresholds: Thresholds) -> Reason:
    """Test whether one state is clear at nearly every step."""
    value, most = numbers["flicker"], thresholds.flicker
    return Reason(
        bool(value < most),
        f"In {100 * value:.0f} % of steps no state is clear (below {100 * most:.0f} % wanted).",
    )


def _bits(value: float) -> str:
    return "an unknown number of times" if np.isnan(value) else f"{value:.1f} times"
