"""The rules for networks whose futures are known.

Each grade has a rule of its own that asks for positive evidence, so that no grade is what remains
when another one fails.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.rules.registry import Reason, rule
from hmmlens.validation.grading.rules.thresholds import DEFAULT, Thresholds


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
        and not _more_than_classes(numbers, thresholds)
    )


def _more_than_classes(numbers: Mapping[str, float], thresholds: Thresholds) -> bool:
    """Return whether some output depends on more than class and input.

    Distances between futures pool all outputs, so that one with a small variance hardly counts.
    """
    return bool(numbers["machine_worst"] < thresholds.worst_output)


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
    if _more_than_classes(numbers, thresholds):
        text += (
            f"; but class and input do not determine every output: for one the machine reaches R² "
            f"{numbers['machine_worst']:.2f} only ({thresholds.worst_output:g} wanted)"
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
    more = _more_than_classes(numbers, thresholds)
    holds = _separated(numbers, thresholds) and (wide or more) and determined
    if not _separated(numbers, thresholds):
        return Reason(False, "There are no separate classes.")
    if more and not wide:
        return Reason(
            bool(holds),
            f"{moves[0].upper()}{moves[1:]}, but one output depends on more than class and input: "
            f"for it a machine of the classes reaches R² {numbers['machine_worst']:.2f} 20 steps "
            f"ahead (less than {thresholds.worst_output:g} where there is a continuum inside).",
        )
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
