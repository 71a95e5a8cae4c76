"""What each rule of the verdict and each condition of the rule for D contributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.roundtrip.suite_groups import RIGHT, STATES, evidence, groups
from hmmlens.roundtrip.suite_rates import counted
from hmmlens.validation.grading.rules import DEFAULT, RULES, Thresholds
from hmmlens.validation.grading.verdict import decide

#: The condition without which the rule for D is stricter, and a part of it.
WIDE = "wide classes count where a machine is exact"
EVERY_OUTPUT = "class and input determine every output"
GAIN = "a machine does better than the input alone"
#: Thresholds with which each condition of the rule for D is of no effect.
CONDITIONS: Mapping[str, Mapping[str, float]] = {
    "classes are far apart": {"ratio": 0.0, "weak_ratio": 0.0},
    "classes are tight": {"points": 0.0},
    "classes are few for the sample": {"share_of_sample": np.inf},
    "class and input determine the next class": {"moves": 0.0},
    GAIN: {"gain": -np.inf},
    WIDE: {"exact_machine": np.inf},
    EVERY_OUTPUT: {"worst_output": -np.inf},
}


class Ablation(NamedTuple):
    """Rules that are changed or left out.

    Attributes
    ----------
    kind : str
        ``nothing``; ``without condition`` and ``without rule``, the one of that name left out;
        ``condition alone``, all other conditions of the rule for D left out, and ``no condition``.
    name : str
        The condition or the rule.
    thresholds : Thresholds
        Thresholds of the rules.
    without : tuple of str
        Rules that are left out.
    """

    kind: str
    name: str = ""
    thresholds: Thresholds = DEFAULT
    without: tuple[str, ...] = ()


def ablations() -> list[Ablation]:
    """Return all ablations.

    Returns
    -------
    list of Ablation
        Of nothing first.
    """

    def _dropped(names: Iterable[str]) -> Thresholds:
        changes = {field: value for name in names for field, value in CONDITIONS[name].items()}
        return Thresholds(**changes)  # type: ignore[arg-type]

    lenient = [name for name in CONDITIONS if name not in (GAIN, WIDE)]
    return [
        Ablation("nothing"),
        *(Ablation("without condition", name, _dropped([name])) for name in CONDITIONS),
        *(
            Ablation("condition alone", name, _dropped(other for other in lenient if other != name))
            for name in lenient
        ),
        Ablation("no condition", "", _dropped(lenient)),
        *(
            Ablation("without rule", RULES.label(name), without=(name,))
            for name, rule in RULES.items()
            if rule.evidence != "recording"
        ),
    ]


def ablation(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the rates of the verdict when one condition or one rule is left out.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    DataFrame
        For each half, each ablation and each group of
        :func:`hmmlens.roundtrip.suite_groups.groups`: the number of ``networks``; how many get D or
        N, ``hits``, with ``share, low, high``; and ``right``, how many get a grade that is right
        for the task (empty where no grade is). ``kind`` and ``name`` are those of
        :func:`ablations`.
    """
    rows: list[dict[str, Any]] = []
    found = groups(verdicts)
    for half in ("fixing", "reporting"):
        parts = {name: table[table["half"] == half] for name, table in found.items()}
        numbers = {
            name: [evidence(row) for row in table.to_dict("records")]
            for name, table in parts.items()
        }
        for one in ablations():
            for name, networks in numbers.items():
                grades = pd.Series(
                    [decide(n, None, one.thresholds, one.without).grade for n in networks],
                    dtype=object,
                )
                right = int(grades.isin(RIGHT[name]).sum()) if name in RIGHT else np.nan
                rows.append(
                    {
                        "half": half, "kind": one.kind, "name": one.name, "group": name,
                        "networks": len(networks),
                    }
                    | counted(grades.isin(STATES)) | {"right": right}
                )  # fmt: skip
    return pd.DataFrame(rows)
