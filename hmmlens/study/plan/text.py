"""Tables and sentences of a plan, as ``hmmlens plan`` prints them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.study.plan.costs import Plan

#: Heads of the columns, and how their numbers are written.
COLUMNS = {
    "rule": "rule",
    "jobs": "jobs",
    "core_hours": "core-hours",
    "gpu_hours": "GPU-hours",
    "disk_mb": "disk, GB",
    "peak_mb": "peak, GB",
}


def table(plan: Plan) -> str:
    """Return the table of a plan as text.

    Parameters
    ----------
    plan : Plan
        Predicted costs of a study.

    Returns
    -------
    str
        One line for each rule, and one for all.
    """
    rows = [list(COLUMNS.values())]
    for row in plan.table.to_dict("records"):
        disk, peak = row["disk_mb"] / 1e3, row["peak_mb"] / 1e3
        numbers = (row["core_hours"], row["gpu_hours"], disk, peak)
        rows.append([row["rule"], f"{row['jobs']:,}", *map(_number, numbers)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
             for row in rows]  # fmt: skip
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _number(value: float) -> str:
    if np.isnan(value):
        return "?"
    if value == 0:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def factor(ratios: pd.Series, share: float) -> float:
    """Return the factor within which a share of predictions lies, above or below.

    Parameters
    ----------
    ratios : Series
        Predicted over measured, of each job.
    share : float
        Share of the jobs.

    Returns
    -------
    float
        1 or more.
    """
    return float(np.exp(np.nanquantile(np.abs(np.log(ratios)), share)))


def worth(errors: pd.DataFrame) -> list[str]:
    """Describe the errors of past predictions.

    Parameters
    ----------
    errors : DataFrame
        Of :func:`hmmlens.study.plan.costs.errors`.

    Returns
    -------
    list of str
        Sentences.
    """
    if errors.empty:
        return ["How far off this may be is not known: there are no two studies to compare."]
    sentences = []
    names = {"seconds": "time", "mb": "memory", "disk_mb": "disk"}
    parts = (
        f"{word} within a factor of {factor(errors[name], 0.5):.2f} for half of them and "
        f"{factor(errors[name], 0.9):.2f} for nine in ten"
        for name, word in names.items()
    )
    sentences.append(
        f"Past predictions: of {len(errors)} jobs of these rules in {errors['study'].nunique()} "
        f"studies, each study predicted from the others, {', '.join(parts)}."
    )
    totals = []
    for study, part in errors.groupby("study", sort=False):
        predicted = (part["seconds"] * part["seconds_found"]).sum()
        totals.append(f"{study} {predicted / part['seconds_found'].sum():.2f}")
    sentences.append(f"Core-hours of whole studies, predicted over measured: {', '.join(totals)}.")
    return sentences


def notes(plan: Plan) -> list[str]:
    """Describe which parts of a plan are not known, or lie beyond the measured jobs.

    Parameters
    ----------
    plan : Plan
        Predicted costs of a study.

    Returns
    -------
    list of str
        Sentences.
    """
    sentences = ["GPU-hours are those of one core that the same jobs would take without a GPU."]
    rows = plan.table.iloc[:-1]
    unknown = rows.loc[rows["core_hours"].isna(), "rule"]
    if len(unknown):
        sentences.append(f"Never measured, and not in the sums: {', '.join(unknown)}.")
    far = rows[rows["beyond"] > 1.5]
    if len(far):
        parts = (f"{row.rule} {row.beyond:,.0f} times" for row in far.itertuples())
        sentences.append(f"Jobs larger than any that was measured: {', '.join(parts)}.")
    if not (plan.table["gpu_hours"] > 0).any():
        sentences = sentences[1:]
    return sentences
