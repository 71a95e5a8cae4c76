"""ROC curves of the rules of the verdict.

Each rule compares numbers with thresholds. Along one threshold, with the other conditions of the
rule as they are, a network gets the score at which the rule just holds: infinity where it holds
even at the strictest threshold, minus infinity where it does not hold even at the most lenient one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.roundtrip.suite_groups import RIGHT, evidence, groups
from hmmlens.typing import Floats
from hmmlens.validation.grading.numbers import Evidence
from hmmlens.validation.grading.rules import DEFAULT, RULES, Thresholds


class Score(NamedTuple):
    """A number of a network that a rule compares with a threshold.

    Attributes
    ----------
    rule : str
        Name of the rule.
    threshold : str
        Field of :class:`hmmlens.validation.grading.rules.Thresholds`.
    value : callable
        Returns the number of a network.
    least : bool
        Whether the number must be at least the threshold, rather than at most.
    """

    rule: str
    threshold: str
    value: Callable[[Evidence], float]
    least: bool = True


def _ratio(numbers: Evidence) -> float:
    return numbers["between"] / numbers["within"] if numbers["n_classes"] > 1 else 1.0


def _share(numbers: Evidence) -> float:
    return numbers["n_classes"] / numbers["n_compared"]


def _gain(numbers: Evidence) -> float:
    return numbers["accuracy"] - numbers["input_accuracy"]


def _named(name: str) -> Callable[[Evidence], float]:
    return lambda numbers: numbers[name]


SCORES = (
    Score("discrete", "ratio", _ratio),
    Score("discrete", "weak_ratio", _ratio),
    Score("discrete", "points", _named("points")),
    Score("discrete", "share_of_sample", _share, least=False),
    Score("discrete", "moves", _named("moves")),
    Score("discrete", "exact_machine", _named("machine_20")),
    Score("discrete", "worst_output", _named("machine_worst")),
    Score("discrete", "gain", _gain),
    Score("many", "ratio", _ratio),
    Score("many", "share_of_sample", _share),
    Score("mixed", "ratio", _ratio),
    Score("mixed", "points", _named("points"), least=False),
    Score("mixed", "moves", _named("moves")),
    Score("forgetful", "same", _named("memory"), least=False),
    Score("graded", "density", _named("density")),
    Score("graded", "ambiguity", _named("ambiguity"), least=False),
    Score("continuum", "chain", _named("chain")),
)  # fmt: skip

#: The answers of tasks on which each rule ought to hold.
POSITIVE = {
    "discrete": ("discrete", "many"),
    "many": ("many",),
    "mixed": ("mixed",),
    "forgetful": ("forgets",),
    "graded": ("belief",),
    "continuum": ("continuum",),
}


def scores_of(networks: list[Evidence], score: Score) -> tuple[Floats, Floats]:
    """Return the scores of networks along one threshold of a rule.

    Parameters
    ----------
    networks : list of Evidence
        Their numbers.
    score : Score
        The rule and the threshold.

    Returns
    -------
    alone, in_rule : ndarray of shape (network,)
        The number, and the score of the rule with its other conditions, see
        :mod:`hmmlens.roundtrip.suite_roc`. Larger is always in favour of the rule: numbers that
        must be small have the other sign. Numbers that are not known are minus infinity.
    """
    test, sign = RULES[score.rule].test, 1.0 if score.least else -1.0

    def _holds(numbers: Evidence, value: float) -> bool:
        thresholds: Thresholds = replace(DEFAULT, **{score.threshold: value})  # type: ignore[arg-type]
        return bool(test(numbers, thresholds).holds)

    alone = np.array([sign * score.value(numbers) for numbers in networks])
    alone = np.where(np.isnan(alone), -np.inf, alone)
    in_rule = alone.copy()
    for i, numbers in enumerate(networks):
        if _holds(numbers, sign * np.inf):
            in_rule[i] = np.inf
        elif not _holds(numbers, -sign * np.inf):
            in_rule[i] = -np.inf
    return alone, in_rule


def curve(scores: Floats, positive: Floats) -> pd.DataFrame:
    """Return sensitivity and specificity along a threshold.

    Parameters
    ----------
    scores : ndarray of shape (network,)
        May hold infinities.
    positive : ndarray of bool, shape (network,)
        Networks for which the rule ought to hold.

    Returns
    -------
    DataFrame
        ``threshold`` (a network is called positive where its score is at least that),
        ``sensitivity`` and ``specificity``, from no network called positive to all.

    Examples
    --------
    >>> found = curve(np.array([0.1, 0.4, 0.8]), np.array([False, True, True]))
    >>> found.iloc[-2].tolist()
    [0.4, 1.0, 1.0]
    """
    from sklearn.metrics import roc_curve

    # Ranks take the place of scores, of which roc_curve wants finite ones.
    distinct, ranks = np.unique(scores, return_inverse=True)
    false, true, at = roc_curve(positive, ranks, drop_intermediate=False)
    thresholds = [distinct[int(rank)] if np.isfinite(rank) else np.inf for rank in at]
    return pd.DataFrame({"threshold": thresholds, "sensitivity": true, "specificity": 1 - false})


def area(scores: Floats, positive: Floats) -> float:
    """Return the area under the curve: how often a positive network has the larger score.

    Parameters
    ----------
    scores : ndarray of shape (network,)
        May hold infinities; equal scores count as half.
    positive : ndarray of bool, shape (network,)
        Networks for which the rule ought to hold.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> area(np.array([0.1, 0.4, np.inf]), np.array([False, False, True]))
    1.0
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, np.unique(scores, return_inverse=True)[1]))


def roc_curves(verdicts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the ROC curve of each rule along each of its thresholds.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    areas : DataFrame
        For each half, rule and threshold, the networks that learnt tasks of other kinds
        (``against`` is ``other tasks``) or untrained ones: ``positives, negatives``; the area under
        the curve of the number ``alone`` and of the rule with its other conditions (``area``); the
        threshold in force and the rule's ``sensitivity`` and ``specificity`` there.
    curves : DataFrame
        ``threshold, sensitivity, specificity`` of the rule with its other conditions, in the unit
        of the threshold. Each rule is tested on its own, whatever the rules before it decide.
    """
    areas, curves = [], []
    found = groups(verdicts)
    for half in ("fixing", "reporting"):
        numbers = {
            name: [evidence(row) for row in table[table["half"] == half].to_dict("records")]
            for name, table in found.items()
        }
        for score in SCORES:
            wanted = POSITIVE[score.rule]
            others = [name for name in RIGHT if name not in wanted]
            for against, negative in (("other tasks", others), ("untrained", ["untrained"])):
                members = [(one, True) for name in wanted for one in numbers[name]]
                members += [(one, False) for name in negative for one in numbers[name]]
                positive = np.array([right for _, right in members], dtype=bool)
                if positive.all() or not positive.any():
                    continue
                alone, in_rule = scores_of([one for one, _ in members], score)
                test = RULES[score.rule].test
                holds = np.array([bool(test(one, DEFAULT).holds) for one, _ in members])
                about = {
                    "half": half, "rule": score.rule, "grade": RULES[score.rule].grade,
                    "number": score.threshold, "against": against,
                }  # fmt: skip
                areas.append(
                    about
                    | {
                        "positives": int(positive.sum()), "negatives": int((~positive).sum()),
                        "alone": area(alone, positive), "area": area(in_rule, positive),
                        "threshold": getattr(DEFAULT, score.threshold),
                        "sensitivity": float(holds[positive].mean()),
                        "specificity": float((~holds[~positive]).mean()),
                    }
                )  # fmt: skip
                line = curve(in_rule, positive)
                if not score.least:
                    line["threshold"] = -line["threshold"]
                curves.append(line.assign(**about)[[*about, *line.columns]])
    return pd.DataFrame(areas), pd.concat(curves, ignore_index=True)
