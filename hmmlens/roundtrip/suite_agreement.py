"""How often ``explain``, a study and the suite give the same verdict on a network."""

from __future__ import annotations

from typing import Any

import pandas as pd

from hmmlens.roundtrip.suite_groups import LEARNT
from hmmlens.roundtrip.suite_rates import counted
from hmmlens.validation.grading.verdict import CLAIMS

#: What identifies a network.
NAMES = ["task", "cell", "seed"]
#: Pairs of verdicts that are compared. ``forward`` is that on a module that has nothing but
#: ``forward``, judged with the losses of the study. The suite has another sample of states.
PAIRS = (("forward", "study"), ("explain", "study"), ("study", "suite"), ("explain", "suite"))


def rates(compared: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of networks on which two verdicts are the same.

    Parameters
    ----------
    compared : DataFrame
        For each network ``task, cell, seed, half, answer, remaining`` and the grades and numbers of
        states ``study, study_states, forward, forward_states, explain, explain_states``.
    verdicts : DataFrame
        Rows of :func:`hmmlens.roundtrip.suite_verdicts.judge`.

    Returns
    -------
    DataFrame
        For each half, pair of verdicts and group of networks (all; those that learnt a discrete
        task; all others): ``networks``, ``hits`` with ``share, low, high``, where a hit has the
        same grade and, where it names a number of states, the same number; and ``same_grade``.
    """
    trained = verdicts[verdicts["role"] == "trained"]
    suite = trained[[*NAMES, "grade", "n_claimed"]]
    suite = suite.rename(columns={"grade": "suite", "n_claimed": "suite_states"})
    table = compared.merge(suite, on=NAMES, how="left", validate="one_to_one")
    learnt = table["answer"].isin(["discrete", "many"]) & (table["remaining"] <= LEARNT)
    parts = {"all": learnt | True, "discrete, learnt": learnt, "others": ~learnt}
    rows: list[dict[str, Any]] = []
    for half, networks in table.groupby("half"):
        for one, two in PAIRS:
            for name, chosen in parts.items():
                part = networks[chosen.loc[networks.index] & networks[two].notna()]
                grade = part[one] == part[two]
                same = part[f"{one}_states"] == part[f"{two}_states"]
                rows.append(
                    {"half": half, "verdicts": f"{one} and {two}", "group": name}
                    | {"networks": len(part)}
                    | counted(grade & (same | ~part[one].isin(CLAIMS)))
                    | {"same_grade": int(grade.sum())}
                )
    return pd.DataFrame(rows)
