"""Tables of the verdicts, checks and methods of all layers of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.report import wording
from hmmlens.report.explain.gather import LAYER_KEY, Run, add_key, concatenate
from hmmlens.stats.paired import student
from hmmlens.stats.surrogates import benjamini_hochberg
from hmmlens.validation.baselines import reservoir
from hmmlens.validation.baselines.registry import BASELINES
from hmmlens.validation.chosen_model import DEFAULT_CHECKS, LEVEL
from hmmlens.validation.grading import state_count
from hmmlens.validation.grading.evidence import BY_OUTPUT
from hmmlens.validation.model_checks import null_tests

#: The roles of networks whose readout alone is fitted to the task, by their other weights.
RESERVOIR_ROLES = {
    "initial": BASELINES.label(reservoir.FITTED),
    "permuted": BASELINES.label(reservoir.PERMUTED),
}


#: Smallest p of a test against chance.
LEAST = 1 / (DEFAULT_CHECKS.n_draws + 1)
#: Numbers of a verdict that the report shows.
REPORTED_NUMBERS = (
    *("n_states", "fidelity_5", "codebook_5", "linear_5", "grade_without_gate"),
    *("resolution", "count_sentence", "trainings_sentence", "repeated"),
    *("hmm_gain_5", "hmm_gain_5_low", "hmm_gain_5_high", "gain_sentence", "outputs_sentence"),
)


def gather_verdicts(
    layers: Iterable[Run],
    judged: Iterable[pd.DataFrame],
    reservoirs: Mapping[str, pd.DataFrame],
    about: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables ``verdicts`` and ``scores_by_output`` of all layers and reservoirs.

    Parameters
    ----------
    layers : iterable of mapping
        :data:`LAYER_KEY` of every layer.
    judged : iterable of DataFrame
        ``network, seed, layer`` and the rows of :func:`hmmlens.validation.grading.evidence.judge`,
        a table for each network and its untrained control. They get ``trainings_sentence``, the
        certainty of the number of states over all trainings, and ``gain_sentence``, what the HMM
        adds to k-means cells, with Student's interval over trainings.
    reservoirs : mapping of str to DataFrame
        Network -> the same without ``network``, and ``weights``.
    about : mapping of str to mapping, optional
        Dataset -> attributes of its store, which hold names of outputs.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    known = pd.DataFrame(list(layers))[list(LAYER_KEY)]
    key = ["network", "seed", "layer"]
    graded = known.merge(concatenate(judged, [*key, "grade", "sentence"]), on=key)
    for _, rows in graded.groupby(["network", "layer"]):
        counts = state_count.over_trainings(rows)
        if counts is not None:
            graded.loc[rows.index, "trainings_sentence"] = counts.sentence
        if "hmm_gain_5" in rows and rows["hmm_gain_5"].notna().any():
            graded.loc[rows.index, "gain_sentence"] = gain_sentence(rows["hmm_gain_5"])
    parts = [graded]
    for network, table in reservoirs.items():
        dataset = known.loc[known["network"] == network, "dataset"].iloc[0]
        run = {"network": network, "dataset": dataset}
        named = table.assign(role=table["weights"].map(RESERVOIR_ROLES)).drop(columns="weights")
        parts.append(add_key(named, run, ("network", "dataset")))
    table = pd.concat(parts, ignore_index=True)
    # Where nothing could be judged there are no numbers, and the report looks for some.
    missing = [name for name in REPORTED_NUMBERS if name not in table]
    return {
        "verdicts": table.assign(**dict.fromkeys(missing, np.nan)),
        "scores_by_output": scores_by_output(table, about or {}),
    }


def gain_sentence(gains: pd.Series) -> str:
    """Return what an input-driven HMM adds to k-means cells, over trainings of one network.

    Parameters
    ----------
    gains : Series
        Difference in R2 of each training.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> gain_sentence(pd.Series([0.2])).partition(" than")[0]
    "The HMM's R2 is higher by 0.20"
    """
    found = student(gains)
    text = f"The HMM's R2 is higher by {wording.estimate(*found)} than that of as many k-means "
    text += "cells with a transition table for each input class"
    n = int(gains.notna().sum())
    text += f" ({n} trainings)" if n > 1 else " (one training, no interval over trainings)"
    if found.low > 0:
        return f"{text}."
    return f"{text}: it is not shown to add anything."


def scores_by_output(
    verdicts: pd.DataFrame, about: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return the R2 five steps ahead of each output of each layer.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of all layers.
    about : mapping of str to mapping
        Dataset -> attributes of its store.

    Returns
    -------
    DataFrame
        :data:`hmmlens.report.explain.gather.LAYER_KEY` as far as known, ``output`` (from 1),
        ``output_name``, ``fidelity_5`` of it, and ``fidelity_5_pooled`` of all outputs.
    """
    rows = []
    columns = [name for name in verdicts if str(name).startswith(BY_OUTPUT)]
    key = [name for name in LAYER_KEY if name in verdicts]
    for row in verdicts.to_dict("records"):
        names = list(about.get(str(row["dataset"]), {}).get("target_names", []))
        for column in columns:
            number = int(column.removeprefix(BY_OUTPUT))
            if pd.isna(row[column]):
                continue
            name = str(names[number - 1]) if number <= len(names) else ""
            rows.append(
                {k: row[k] for k in key}
                | {"output": number, "output_name": name, "fidelity_5": row[column]}
                | {"fidelity_5_pooled": row["fidelity_5"]}
            )
    named = [*key, "output", "output_name", "fidelity_5", "fidelity_5_pooled"]
    return pd.DataFrame(rows, columns=named)


def gather_checks(
    layers: Iterable[Run], checked: Iterable[tuple[str, pd.DataFrame, pd.DataFrame]]
) -> dict[str, pd.DataFrame]:
    """Return the tables ``checks`` and ``methods`` of all layers of networks that are explained.

    Checks against chance get ``p_adjusted``, corrected for all layers of the study (Benjamini &
    Hochberg), by which they hold or not. Where p is the smallest that the samples allow and is not
    small enough after the correction, ``holds`` is None: the test could not reject.

    Parameters
    ----------
    layers : iterable of mapping
        :data:`LAYER_KEY` of every layer.
    checked : Iterable[tuple[str, DataFrame, DataFrame]]
        Network, and its rows of :func:`hmmlens.validation.model_checks.checks.run` and of
        :func:`hmmlens.validation.baselines.comparison.compare`, each with ``seed`` and ``layer``.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    known = pd.DataFrame(list(layers))[list(LAYER_KEY)]
    parts: dict[str, list[pd.DataFrame]] = {"checks": [], "methods": []}
    for network, *tables_ in checked:
        for found, table in zip(parts.values(), tables_, strict=True):
            found.append(table.assign(network=network))
    key = ["network", "seed", "layer"]
    columns = [*key, "check", "p", "holds"]
    made = {n: known.merge(concatenate(p, columns), on=key) for n, p in parts.items()}
    table = made["checks"]
    table["p_adjusted"] = np.nan
    for name in null_tests.CHECKS:
        rows = table.index[table["check"] == name]
        adjusted = benjamini_hochberg(table.loc[rows, "p"])
        table.loc[rows, "p_adjusted"] = adjusted
        asked = rows[~np.isnan(adjusted)]
        table.loc[asked, "holds"] = table.loc[asked, "p_adjusted"] < LEVEL
        # With many layers, the smallest p of so many samples is too large once it is corrected.
        p = table.loc[asked, "p"]
        weak = asked[(p <= LEAST) & (table.loc[asked, "p_adjusted"] >= LEVEL)]
        table["holds"] = table["holds"].astype(object)
        table.loc[weak, "holds"] = None
    return made
