"""Sentences on what sets the plateau of the loss before its second drop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hmmlens.emulation.analysis.plateau.length import VARIED, by_setting, effects
from hmmlens.report.wording import count, estimate, number, span, whole_span
from hmmlens.stats.paired import student

#: What the settings are called.
SETTINGS = {
    "batch_size": "the size of the batch",
    "n_steps": "the length of sequences",
    "learning_rate": "the learning rate",
    "radius": "the initial spectral radius",
}
#: Names of the networks that the sweep of short trainings has, see
#: :func:`hmmlens.emulation.analysis.plateau.length.grid`.
SWEPT = "plateau-"
#: Forecasts of the escape, as they are called.
FORECASTS = {
    "exponential": "an exponential fitted to its small values",
    "early": "an exponential fitted to the first half of these",
    "hyperbolic": "a growth that speeds up (its inverse falling linearly)",
}


def sentences(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the answer on the plateau: its level, what determines its length, and how it ends.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``networks``, ``trained_plateau`` and ``trained_escape``. Tables may be missing.

    Returns
    -------
    list of str
        Sentences; empty where the study does not address the question.
    """
    runs = swept(tables)
    if runs.empty:
        return []
    answer = [level_sentence(runs), *length_sentences(runs)]
    escape = tables.get("trained_escape")
    if escape is not None:
        mine = escape.merge(runs[["network", "seed", "escape"]], on=["network", "seed"])
        answer += escape_sentences(mine)
    return answer


def swept(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the trainings of the sweep with their settings and plateaus, one row each.

    Where a study has no sweep, the trainings by the paper's objective on its commonest target.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    DataFrame
        Empty where no training has a plateau.
    """
    if "networks" not in tables or "trained_plateau" not in tables:
        return pd.DataFrame()
    settings = tables["networks"][["network", "target", "seed", "objective", "n_updates", *VARIED]]
    runs = settings.merge(tables["trained_plateau"], on=["network", "target", "seed"])
    mine = runs[runs["network"].str.startswith(SWEPT)]
    if mine.empty:
        mine = runs[runs["objective"] == "sinkhorn"]
        mine = mine[mine["target"] == mine["target"].mode().iloc[0]] if len(mine) else mine
    return mine.reset_index(drop=True)


def level_sentence(runs: pd.DataFrame) -> str:
    """Return whether the plateau is at the loss of independent symbols.

    Parameters
    ----------
    runs : DataFrame
        Trainings, see :func:`swept`.

    Returns
    -------
    str
        One sentence or two.
    """
    table = by_setting(runs)
    seen = runs[runs["start"].notna()]
    text = f"{len(seen)} of {count(len(runs), 'training')} stood on a plateau before any escape. "
    if seen.empty:
        return text.strip()
    above = (seen["loss"] - seen["level"]) / (seen["level"] - seen["floor"])
    value, low, high = student(100 * above)
    spread = table["above"].dropna()
    # One training has no interval that could exclude the level.
    at = "is at" if not (low > 0 or high < 0) else ("lies above" if value > 0 else "lies below")
    return text + (
        f"The loss there {at} that of independent symbols with the target's frequencies: it is "
        f"{estimate(value, low, high, 1)} % above it, where 100 % is the way from there to the "
        f"floor, and {span(100 * spread, 1)} % "
        f"over {count(len(table), 'setting')}."
    )


def length_sentences(runs: pd.DataFrame) -> list[str]:
    """Return how long plateaus are, and by which settings.

    Parameters
    ----------
    runs : DataFrame
        Trainings, see :func:`swept`.

    Returns
    -------
    list of str
        Sentences.
    """
    escaped = runs[runs["escape"].notna()]
    if escaped.empty:
        longest = int(runs["n_updates"].max())
        return [f"No training left its plateau within {longest} updates."]
    text = (
        f"{len(escaped)} of {count(len(runs), 'training')} escaped, after "
        f"{whole_span(escaped['length'])} updates on "
        "the plateau"
    )
    if len(escaped) < len(runs):
        text += "; the others count as longer than what was seen of them"
    answer = [text + "."]
    table = effects(runs, np.random.default_rng(0))
    for row in table.to_dict("records"):
        name = SETTINGS[row["setting"]]
        if np.isnan(row["power"]):
            answer.append(f"What {name} does to the length cannot be told from so few escapes.")
            continue
        power = estimate(row["power"], row["low"], row["high"])
        factor = estimate(*(2 ** row[key] for key in ("power", "low", "high")))
        clear = not row["low"] <= 0 <= row["high"]
        what = f"doubling it multiplies the length by {factor}" if clear else (
            f"no clear effect; doubling it multiplies the length by {factor}")  # fmt: skip
        answer.append(f"The length goes with {name} to the power {power}: {what}.")
    return answer


def escape_sentences(table: pd.DataFrame) -> list[str]:
    """Return whether the growth of a small correlation predicts the escape.

    Parameters
    ----------
    table : DataFrame
        One row per training, of :func:`hmmlens.emulation.analysis.plateau.escape.escape_row`, with
        ``escape``.

    Returns
    -------
    list of str
        Sentences.
    """
    known = table[table["rate"].notna() & table["reached"].notna()]
    if known.empty:
        return [
            "In no training were there enough checkpoints between a correlation that can be told "
            "from none and its escape to say how it grew."
        ]
    double = np.log(2) / known["rate"]
    faster = int((known["speeding_low"] > 0).sum())
    slower = int((known["speeding_high"] < 0).sum())
    text = (
        f"In {count(len(known), 'training')} the correlation between the symbols of nearby steps "
        f"grows from below 1 % of the target's, doubling every {number(double.min(), 0)} to "
        f"{number(double.max(), 0)} updates. An exponential would double as fast all the time: in "
        f"{faster} of {len(known)} the growth speeds up, in {slower} it slows down, by intervals "
        "over sequences."
    )
    answer = [text]
    parts = []
    for name, words in FORECASTS.items():
        error = 100 * (known[name] - known["reached"]) / (known["reached"] - known["first"])
        finite = error[np.isfinite(error)]
        never = len(error) - len(finite)
        part = f"{words} is off by {estimate(*student(finite), 0)} %"
        parts.append(part + (f" (in {never} it never gets there)" if never else ""))
    answer.append(
        "When half of the target's correlation is reached is foretold, as a share of the time from "
        f"the first value used, {'; '.join(parts)}. Above 0 the forecast is late."
    )
    early = known["exponential"] > known["reached"]
    if early.mean() >= 0.5 and faster >= len(known) / 2:
        answer.append(
            "So the plateau is no saddle that is left at a constant rate: the more memory is "
            "learnt, the faster more of it is learnt."
        )
    elif faster + slower == 0:
        answer.append("So growth at a constant rate, as away from a saddle, is not contradicted.")
    return answer
