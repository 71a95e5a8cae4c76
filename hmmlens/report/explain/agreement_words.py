"""Sentences on the agreement of states with the truth, compared with that of the controls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.report.wording import estimate, listed, span
from hmmlens.stats.paired import student

#: Controls, as they are called in sentences.
CONTROLS = {
    "untrained": "the untrained control",
    "raw input": "the raw input",
    "lagged input": "the lagged input",
}


def agreement_sentence(rows: pd.DataFrame, truth: str) -> str:
    """Compare trained networks with their controls at the true number of states, over trainings.

    Parameters
    ----------
    rows : DataFrame
        Rows of the table of agreement of one layer whose rule is ``true``. The conclusion rests on
        the first covariance type; the others are reported before it.
    truth : str
        What the true states are.

    Returns
    -------
    str
        One sentence or two.
    """
    kinds = [kind for kind in dict.fromkeys(rows["covariance_type"]) if kind != "none"]
    reasons = rows.get("null", pd.Series(dtype=object)).dropna()
    if kinds and rows["ari"].isna().all() and len(reasons):
        reason = str(reasons.iloc[0])
        return f"{reason[0].upper()}{reason[1:]}."
    if not kinds or rows["ari"].isna().all():
        return "No model with the true number of states was fitted, so no agreement is compared."
    text = (
        f"At the true number of states ({int(rows['n_states'].iloc[0])}), the agreement with "
        f"{truth} (adjusted Rand index, ARI"
    )
    ceiling = rows["ceiling_ari"].iloc[0]
    text += f"; of the exact filter {ceiling:.2f})" if np.isfinite(ceiling) else ")"
    for kind in kinds:
        part = rows[rows["covariance_type"].isin([kind, "none"])]
        ari = {role: group["ari"] for role, group in part.groupby("role")}
        text += f" is {span(ari['trained'])} with {kind} covariance"
        controls = [f"{CONTROLS[role]} {span(ari[role])}" for role in CONTROLS if role in ari]
        remarks = [f"compared with {listed(controls)}"] if controls else []
        remarks += chance_words(part[part["role"] == "trained"])
        text += f" ({', '.join(remarks)}); it" if remarks else "; it"
    text = text.removesuffix("; it") + "."
    return f"{text}{_conclusion(rows, kinds[0])}"


def _conclusion(rows: pd.DataFrame, kind: str) -> str:
    """Return what follows from the agreement with one covariance type."""
    first = rows[rows["covariance_type"].isin([kind, "none"])]
    trained = first[first["role"] == "trained"]
    low, high = trained["ari_low"].min(), trained["ari_high"].max()
    of_role = first.groupby("role")["ari"]
    highest, lowest = of_role.max(), of_role.min()
    controls = [role for role in CONTROLS if role in highest]
    beaten = [CONTROLS[role] for role in controls if highest[role] < low]
    better = [CONTROLS[role] for role in controls if lowest[role] > high]
    equal = [CONTROLS[role] for role in controls if not highest[role] < low]
    if beaten and not equal:
        return (
            f" With {kind} covariance every control lies below the interval of the trained "
            f"network over resampled test sequences{_over_trainings(first, controls)}."
        )
    if better:
        above = f"clearly above {' and '.join(beaten)}, but " if beaten else ""
        return (
            f" With {kind} covariance it is {above}below {' and '.join(better)}: these states may "
            "be correct, but they do not show that training added anything."
        )
    if equal:
        above = f"clearly above {' and '.join(beaten)}, but not above " if beaten else ""
        return (
            f" With {kind} covariance it is {above or 'not clearly above '}"
            f"{' or '.join(equal)}, so this agreement alone does not show that training built the "
            "states."
        )
    return ""


def _over_trainings(rows: pd.DataFrame, controls: list[str]) -> str:
    """Return the difference from the best control over trainings, or that there is none."""
    seed = rows["seed"] if "seed" in rows else pd.Series(0, index=rows.index)
    trained = rows[rows["role"] == "trained"].groupby(seed)["ari"].mean()
    if len(trained) < 2:
        return "; one training does not show that training in general adds to them"
    highest = max(float(rows.loc[rows["role"] == role, "ari"].max()) for role in controls)
    found = student(trained - highest)
    text = f"; over {len(trained)} trainings the difference from the best of them is "
    return text + estimate(*found)


def chance_words(rows: pd.DataFrame) -> list[str]:
    """Return the p value of an agreement and its null hypothesis, or why there is none.

    Parameters
    ----------
    rows : DataFrame
        ``shift_p, null`` of :func:`hmmlens.validation.scorecard.score_sweep`, one row per training.

    Returns
    -------
    list of str
        Empty where no test was asked for.
    """
    p = rows.get("shift_p", pd.Series(dtype=float))
    if p.notna().any():
        tested = rows.loc[p.notna(), "null"] if "null" in rows else pd.Series(["shifted in time"])
        nulls = " or ".join(dict.fromkeys(tested))
        return [f"p {span(p, 3)} under the null hypothesis of a truth {nulls}"]
    return list(dict.fromkeys(rows["null"].dropna())) if "null" in rows else []
