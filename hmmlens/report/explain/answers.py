"""What was found about one layer, for a reader who has the network: answer, evidence, limits.

The sentences state what the grade of the verdict means, without its letter. The numbers
are those of the table of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.validation.grading.rules import DEFAULT, Thresholds
from hmmlens.validation.grading.verdict import CERTIFIED


class Answer(NamedTuple):
    """What was found about one layer.

    Attributes
    ----------
    found : str
        One sentence that answers what the network holds.
    evidence : str
        One sentence on what shows it.
    limit : str
        One sentence on what it does not show.
    certified : bool
        Whether the number of states is certified.
    """

    found: str
    evidence: str
    limit: str
    certified: bool


def answer(row: Mapping[str, Any], thresholds: Thresholds = DEFAULT) -> Answer:
    """Return what was found about one training.

    Parameters
    ----------
    row : mapping of str to Any
        A row of the table of verdicts: ``grade, n_states, input_driven, reasons`` and the numbers
        of :data:`hmmlens.validation.grading.numbers.NUMBERS`.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    Answer
        Sentences.

    Examples
    --------
    >>> row = {"grade": "F", "memory": 0.02, "input_driven": np.nan}
    >>> answer(row).found
    'It keeps no memory of what came before the present input.'
    """
    grade = str(row["grade"])
    found, evidence, limit = _OF_GRADE[grade](_Numbers(row), thresholds)
    if grade in ("D", "N") and str(row.get("input_driven")) == "True":
        limit = (
            "Its initial weights with a readout fitted to the task earn the same verdict, so "
            f"training need not have built these states. {limit}"
        )
    return Answer(found, evidence, limit, grade == CERTIFIED)


class _Numbers:
    """The numbers of a row, NaN where one is missing."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row

    def __getitem__(self, name: str) -> float:
        value = self.row.get(name, np.nan)
        return np.nan if value in (None, "") else float(value)

    def text(self, name: str) -> str:
        value = self.row.get(name, "")
        return "" if value is None or value != value else str(value)


def _pasts(numbers: _Numbers) -> str:
    n = numbers["n_compared"]
    of = "visited states" if np.isnan(n) else f"{n:.0f} visited states"
    return f"Continued from {of} with the same inputs, the network"


def _discrete(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    n = int(numbers["n_states"])
    least = numbers["machine_20"] < thresholds.machine
    found = f"It holds {'at least ' if least else ''}{n} discrete states."
    times = numbers["between"] / numbers["within"] if numbers["within"] > 0 else np.inf
    separation = f"{times:.1f} times as much" if times < 1000 else "more than 1000 times as much"
    evidence = (
        f"{_pasts(numbers)} shows {n} classes of behaviour: states of different classes differ at "
        f"least {separation} as neighbours in the same class"
    )
    if not np.isnan(numbers["machine_20"]):
        evidence += (
            f"; a machine with these {n} states, driven by the input, returns its output 20 steps "
            f"ahead with R² {numbers['machine_20']:.2f}"
        )
    limit = "Whether the network uses these states was not tested by an intervention on it."
    if least:
        limit = (
            "The machine does not return the whole output, so there may be more states than were "
            "found."
        )
    return found, f"{evidence}.", limit


def _many(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    n = int(numbers["n_classes"])
    return (
        f"It holds discrete states, more than {n} of them.",
        f"{_pasts(numbers)} shows more than {n} separate classes of behaviour.",
        "These are too many to count with this recording: more sequences, or shorter ones, would "
        "show whether their number is finite.",
    )


def _mixed(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    n = int(numbers["n_classes"])
    inside = (
        f"{100 * (1 - numbers['points']):.0f} % of the states lie in classes that "
        "vary inside, and the place within a class matters for the output"
    )
    if numbers["points"] >= thresholds.points:
        inside = (
            "class and input do not determine every output: 20 steps ahead, a machine of the "
            f"classes returns one of them with R² {numbers['machine_worst']:.2f} only"
        )
    return (
        f"It holds {n} discrete states and, within them, a continuum.",
        f"{_pasts(numbers)} shows {n} separate classes of behaviour, but {inside}.",
        "States alone do not describe the network, and the number of regions in the pictures is a "
        "choice.",
    )


def _belief(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    return (
        "It holds a graded belief: its state gathers at points and lies between them as well.",
        f"{_pasts(numbers)} shows behaviour that varies gradually, with points around which states "
        f"are dense; {_forgetting(numbers)}.",
        "How many such points there are was not determined. The regions in the pictures divide a "
        "graded space, and their number is a choice.",
    )


def _forgets(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    return (
        "It keeps no memory of what came before the present input.",
        f"{_pasts(numbers)} gives outputs that differ by {numbers['memory']:.2f} standard "
        "deviations at most in 95 % of the pairs, whatever came before.",
        "Its units may still carry a trace of the past that the output does not use; nor does "
        "this show which function of the input the output is. The regions in the pictures follow "
        "the present input.",
    )


def _forgetting(numbers: _Numbers) -> str:
    n = int(numbers["forgets_after"])
    steps = "step" if n == 1 else "steps"
    return f"any difference of the past has vanished after {n} {steps} of the same further input"


def _continuum(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    filled = numbers["dimension"]
    filling = "" if np.isnan(filled) else f", in about {filled:.1f} dimensions"
    return (
        "It holds a continuum, not discrete states.",
        f"{_pasts(numbers)} shows behaviour that varies without gaps: it spreads over "
        f"{numbers['chain']:.1f} times the largest gap{filling}"
        + (f"; {_forgetting(numbers)}." if numbers["forgets_after"] >= 0 else "."),
        "Which quantity the continuum stands for was not determined. The regions in the pictures "
        "divide it, and their number is a choice.",
    )


def _incompetent(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    return (
        "It does not perform its task, so what it holds explains nothing about the task.",
        f"Its test loss is {numbers['loss']:.3f}; that of the best constant answer is "
        f"{numbers['marginal']:.3f}.",
        "Why it fails was not examined; longer training or other settings may help. The regions in "
        "the pictures describe its activations only.",
    )


def _undecided(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    n = numbers["n_classes"]
    classes = "one class" if n == 1 else f"{n:.0f} classes"
    determined = numbers["moves"]
    why = f"{_pasts(numbers)} shows {classes} of behaviour without a clear gap"
    if n > 1 and numbers["between"] >= thresholds.weak_ratio * numbers["within"]:
        why = f"{_pasts(numbers)} shows {classes} of behaviour"
        if determined < thresholds.moves:
            why += (
                f", but class and input determine only {100 * determined:.0f} % of the changes of "
                "class"
            )
        else:
            why += " that are not separate enough"
    return (
        "What it holds cannot be decided from these data.",
        f"{why}, so there are no discrete states; but it spreads over only "
        f"{_below(numbers['chain'], thresholds.chain)} times its largest gap, where a continuum "
        f"needs {thresholds.chain:g}.",
        "The regions in the pictures are a description, not a finding. More recorded sequences, "
        "more varied ones, or longer training of a network that is not perfect, may decide.",
    )


def _below(value: float, limit: float) -> str:
    """Return a number with as many decimals as show that it is below a limit."""
    digits = next((d for d in (1, 2, 3) if round(value, d) < limit), 4)
    return f"{value:.{digits}f}"


def _by_recording(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    grade = numbers.text("grade")
    found = {
        "consistent with D": "The recording is consistent with {n:.0f} discrete states.",
        "not supported": "The recording shows no sign of discrete states.",
        "U": "No small number of states stands in for it.",
    }[grade]
    return (
        found.format(n=numbers["n_states"]),
        f"States predict its output five steps ahead with R² {numbers['fidelity']:.2f}.",
        "The network itself could not be run from its visited states, so this rests on the "
        "recording alone.",
    )


def _not_judged(numbers: _Numbers, thresholds: Thresholds) -> tuple[str, str, str]:
    return (
        "It was not judged.",
        numbers.text("reasons") or "There is no verdict on it.",
        "The regions in the pictures are a description, not a finding.",
    )


_OF_GRADE = {
    "D": _discrete,
    "N": _many,
    "M": _mixed,
    "B": _belief,
    "F": _forgets,
    "C": _continuum,
    "X": _incompetent,
    "undecided": _undecided,
    "consistent with D": _by_recording,
    "not supported": _by_recording,
    "U": _by_recording,
    "not judged": _not_judged,
}


def answer_of_layer(rows: pd.DataFrame, thresholds: Thresholds = DEFAULT) -> dict[str, Any]:
    """Return what was found about a layer over its trainings.

    Parameters
    ----------
    rows : DataFrame
        Rows of the table of verdicts, one per training.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    dict
        ``found, evidence, limit``, sentences, those of the first training where they differ but
        for ``found``; ``certified``, whether the first training has certified states.
    """
    if not len(rows):
        return _EMPTY
    rows = rows.sort_values("seed")
    each = [answer(row, thresholds) for row in rows.to_dict("records")]
    first = each[0]
    found = first.found
    if len(each) > 1:
        sentences = [one.found for one in each]
        n = sum(sentence == found for sentence in sentences)
        if n == len(each):
            found = f"{found.removesuffix('.')}, in {_all(n)} trainings."
        else:
            found = " ".join(
                f"Training {seed}: {_lower(sentence)}"
                for seed, sentence in zip(rows["seed"], sentences, strict=True)
            )
    return {
        "found": found,
        "evidence": first.evidence,
        "limit": first.limit,
        "certified": first.certified,
    }


_EMPTY = {"found": "Not judged yet.", "evidence": "", "limit": "", "certified": False}


def _all(n: int) -> str:
    return "both" if n == 2 else f"all {n}"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
