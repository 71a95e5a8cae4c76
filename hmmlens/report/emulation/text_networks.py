"""Sentences on networks of one seed that were trained by two objectives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.emulation.analysis.comparison import PAPER, UNBIASED
from hmmlens.report.emulation.acceptance import WHO, plainly_trained
from hmmlens.report.wording import count, estimate, listed, number, of_row, p_text

#: What objectives are called.
NAMES = {
    "sinkhorn": "the paper's objective",
    "split": "the split-sample divergence",
    "energy": "the energy distance",
}


class Measure(NamedTuple):
    """A measure of networks that objectives are compared by.

    table, key, name : where it stands: the table, and the column and entry that identify its rows
    text : what it is called
    digits : in sentences
    """

    table: str
    key: str
    name: str
    text: str
    digits: int = 2


#: The table that :func:`kick_shares` makes.
KICKS = "kick_shares"
#: Measures by the name that they have in comparisons. The first one is asked whether orbits last:
#: its plane and direction are found in other runs, so that it is 0 on average where nothing turns.
#: Of the second one the sign is chosen, by which a mean over networks is above 0 in any case.
MEASURES = {
    "rotation_best": Measure(
        "reverse_orbits", "measure", "rotation_best", "consistency of rotation"
    ),
    "rotation": Measure(
        "reverse_orbits",
        "measure",
        "rotation",
        "consistency of rotation in the first two components",
    ),
    "turns": Measure("reverse_orbits", "measure", "turns_per_100", "turns in 100 steps"),
    "kicks": Measure(KICKS, "measure", "share", "share of exits that have kick units"),
    "dwell": Measure("scores_metrics", "metric", "dwell mean", "mean dwell", 1),
    "dwell_cv": Measure(
        "scores_metrics", "metric", "dwell CV", "coefficient of variation of dwells"
    ),
    "rare": Measure("scores_metrics", "metric", "frequency 1", "frequency of the rare symbol", 4),
    "error": Measure(
        "scores_metrics", "metric", "transition error", "squared error of output transitions", 5
    ),
}
#: What networks must share to be compared.
ALIKE = ["target", "cell", "n_units", "n_noise", "bias", "leak", "n_steps"]


def comparable(
    tables: Mapping[str, pd.DataFrame],
) -> Iterator[tuple[str, list[pd.DataFrame]]]:
    """Yield targets with the tables of networks that both objectives trained.

    Networks have ReLU units, are alike in all of :data:`ALIKE`, and were trained without a penalty
    or carried states; a batch of the split-sample divergence counts with both of its halves.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.

    Yields
    ------
    target : str
    tables : list of DataFrame
        ``measure, value, objective, batch_size, seed`` of each training.
    """
    if "networks" not in tables:
        return
    networks = plainly_trained(tables["networks"])
    if "kicks_verdict" in tables:
        tables = {**tables, KICKS: kick_shares(tables["kicks_verdict"])}
    for values, part in networks.groupby(ALIKE, sort=False, dropna=False):
        # The question is about the paper's kind of network.
        if part["cell"].iloc[0] != "relu":
            continue
        if not {PAPER, UNBIASED} <= set(part["objective"]):
            continue
        found = []
        for row in part[part["objective"].isin([PAPER, UNBIASED])].to_dict("records"):
            seen = {name: measure_of(tables, measure, row) for name, measure in MEASURES.items()}
            known = {name: value for name, value in seen.items() if not np.isnan(value)}
            table = pd.DataFrame({"measure": list(known), "value": list(known.values())})
            found.append(table.assign(**{k: row[k] for k in ("objective", "batch_size", "seed")}))
        yield str(values[0]), found


def kick_shares(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each training's exits that have kick units, as a table of a measure.

    Parameters
    ----------
    verdicts : DataFrame
        Table ``kicks_verdict`` of the study.

    Returns
    -------
    DataFrame
        ``measure, value`` with the columns of :data:`WHO`.
    """
    value = verdicts["n_with_kicks"] / verdicts["n_exits"]
    return verdicts[WHO].assign(measure="share", value=value.astype(float))


def measure_of(
    tables: Mapping[str, pd.DataFrame], measure: Measure, row: Mapping[str, object]
) -> float:
    """Return a measure of one training.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    measure : Measure
        The measure.
    row : mapping of str to object
        Has the ``network`` and the ``seed``.

    Returns
    -------
    float
        The number; NaN where the study does not have it.
    """
    table = tables.get(measure.table)
    if table is None:
        return np.nan
    mine = (table["network"] == row["network"]) & (table["seed"] == row["seed"])
    rows = table[mine & (table[measure.key] == measure.name)]
    return float(rows["value"].iloc[0]) if len(rows) else np.nan


def own_of(tables: Mapping[str, pd.DataFrame], target: str) -> dict[str, float]:
    """Return the target's own values of the measures that are defined for it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    target : str
        Name of a target.

    Returns
    -------
    dict of str to float
        Measure -> value.
    """
    metrics = tables.get("scores_metrics")
    if metrics is None or "baseline" not in metrics:
        return {}
    mine = metrics[metrics["target"] == target].groupby("metric")["baseline"].mean()
    wanted = {name: m.name for name, m in MEASURES.items() if m.table == "scores_metrics"}
    return {name: float(mine[key]) for name, key in wanted.items() if key in mine}


def sentences(
    table: pd.DataFrame, slopes: pd.DataFrame, target: str, own: Mapping[str, float]
) -> list[str]:
    """Return how networks of the two objectives differ, and whether orbits survive.

    Parameters
    ----------
    table : DataFrame
        Comparison of the objectives, see :func:`hmmlens.emulation.analysis.comparison.compare`.
    slopes : DataFrame
        Trends with the batch size, see :func:`hmmlens.emulation.analysis.comparison.trends`.
    target : str
        Name of a target.
    own : mapping of str to float
        Measure -> the target's own value.

    Returns
    -------
    list of str
        Sentences.
    """
    # A batch size of only one of the objectives enters its trend, and stands in the table.
    both_had = table[table["n_pairs"] > 0]
    answer = [
        _row_sentence(row, MEASURES[row["measure"]], target, own.get(row["measure"]))
        for row in (both_had if len(both_had) else table).to_dict("records")
        if row["measure"] in MEASURES
    ]
    first = next(iter(MEASURES))
    orbits = table[table["measure"] == first].sort_values("batch_size")
    if len(orbits):
        # Batch sizes of only one of the objectives hold no information on the difference.
        pairs = orbits[orbits["n_pairs"] > 0]
        row = (pairs if len(pairs) else orbits).iloc[-1]
        both = " that both had" if row["batch_size"] < orbits["batch_size"].max() else ""
        answer.append(f"At the largest batch{both} ({row['batch_size']:.0f}) {_verdict(row)}.")
    for name in (first, "kicks", "dwell", "dwell_cv"):
        trend = slopes[slopes["measure"] == name]
        answer += [_trend(row, MEASURES[name]) for row in trend.to_dict("records")]
    return answer


def power_sentences(table: pd.DataFrame) -> list[str]:
    """Return whether the distance to the target falls as one over the batch size.

    Parameters
    ----------
    table : DataFrame
        See :func:`hmmlens.emulation.analysis.comparison.powers`.

    Returns
    -------
    list of str
        One sentence per row.
    """
    return [_power(row, MEASURES[row["measure"]]) for row in table.to_dict("records")]


def _power(row: Mapping[str, Any], measure: Measure) -> str:
    text = (
        f"Under {NAMES[row['objective']]} the {measure.text} is "
        f"{number(row['at_smallest'], measure.digits)} away from the target's with batches of "
        f"{row['smallest_n']} and {number(row['at_largest'], measure.digits)} with batches of "
        f"{row['largest_n']}, a power of the batch of "
        f"{estimate(row['power'], row['low'], row['high'])} (n = {row['n']})"
    )
    if np.isnan(row["low"]):
        return text + ": too few seeds to compare it with 1 / n."
    inverse, none = row["low"] <= -1 <= row["high"], row["low"] <= 0 <= row["high"]
    if inverse and none:
        return text + ": neither 1 / n nor no change is excluded."
    if inverse:
        return text + ": it falls, and 1 / n is not excluded."
    return text + (": no change is not excluded, 1 / n is." if none else ": 1 / n is excluded.")


def _trend(row: Mapping[str, Any], measure: Measure) -> str:
    way = "no clear trend" if row["low"] <= 0 <= row["high"] else "a clear trend"
    if np.isnan(row["low"]):
        way = "a trend of unknown size"
    change = estimate(row["slope"], row["low"], row["high"], measure.digits)
    return (
        f"With each doubling of the batch of {NAMES[str(row['objective'])]} the {measure.text} "
        f"changes by {change} (n = {row['n']}): {way}."
    )


def _row_sentence(
    row: Mapping[str, float], measure: Measure, target: str, own: float | None
) -> str:
    parts = [
        f"{of_row(row, name, measure.digits)} under {NAMES[name]} (n = {row[f'{name}_n']})"
        for name in (PAPER, UNBIASED)
        if row[f"{name}_n"]
    ]
    text = (
        f"Trained on {target} with batches of {row['batch_size']:.0f}, the {measure.text} is "
        f"{listed(parts) or 'not known'}"
    )
    text += "" if own is None else f"; the target's own is {number(own, measure.digits)}"
    if row["n_pairs"]:
        pairs = count(int(row["n_pairs"]), "pair")
        text += (
            f". The difference is {of_row(row, 'difference', measure.digits)} "
            f"({p_text(row['p'])}, {pairs}"
        )
        least = 2 / 2 ** row["n_pairs"]
        text += f", which cannot be below {least:.2g})" if least > 0.05 else ")"
    return text + "."


def _verdict(row: Mapping[str, float]) -> str:
    """Return whether orbits survive the unbiased objective, by intervals over seeds."""
    if np.isnan(row["difference_low"]) or np.isnan(row[f"{UNBIASED}_low"]):
        return f"whether orbits survive {NAMES[UNBIASED]} cannot be told: too few seeds"
    less, none = row["difference_high"] < 0, row[f"{UNBIASED}_low"] <= 0
    if none and less:
        what = "do not survive"
        why = "rotation falls, and what is left of it cannot be told from none"
    elif less:
        what, why = "survive, but weaker, under", "rotation falls, and some of it is left"
    elif none:
        what = "cannot be shown under"
        why = "rotation cannot be told from none, nor from that under the paper's"
    else:
        what, why = "survive", "rotation is there, and not clearly less"
    return f"orbits {what} {NAMES[UNBIASED]}: {why}"
