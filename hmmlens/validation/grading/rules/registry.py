"""The registry of the rules that grade a network, and what a rule returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from hmmlens.registry import Registry
from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.rules.thresholds import Thresholds


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
