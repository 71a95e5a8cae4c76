"""Tables of the verdicts, checks and methods of all layers of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from hmmlens.report.explain.gather import LAYER_KEY, Run, add_key, concatenate
from hmmlens.stats.surrogates import benjamini_hochberg
from hmmlens.validation import null_tests, state_count
from hmmlens.validation.baselines import reservoir
from hmmlens.validation.baselines.registry import BASELINES
from hmmlens.validation.chosen_model import LEVEL

#: The roles of networks whose readout alone is fitted to the task, by their other weights.
RESERVOIR_ROLES = {
    "initial": BASELINES.label(reservoir.FITTED),
    "permuted": BASELINES.label(reservoir.PERMUTED),
}


#: Numbers of a verdict that the report shows.
REPORTED_NUMBERS = (
    *("n_states", "fidelity_5", "codebook_5", "linear_5", "grade_without_gate"),
    *("resolution", "count_sentence", "trainings_sentence", "repeated"),
)


def gather_verdicts(
    layers: Iterable[Run], judged: Iterable[pd.DataFrame], reservoirs: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the table ``verdicts``: of every layer, and of every network's reservoir.

    Parameters
    ----------
    layers : iterable of mapping
        :data:`LAYER_KEY` of every layer.
    judged : iterable of DataFrame
        ``network, seed, layer`` and the rows of :func:`hmmlens.validation.evidence.judge`, a table
        for each network and its untrained control. They get ``trainings_sentence``, the certainty
        of the number of states over all trainings.
    reservoirs : mapping of str to DataFrame
        Network -> the same without ``network``, and ``weights``.

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
    parts = [graded]
    for network, table in reservoirs.items():
        dataset = known.loc[known["network"] == network, "dataset"].iloc[0]
        run = {"network": network, "dataset": dataset}
        named = table.assign(role=table["weights"].map(RESERVOIR_ROLES)).drop(columns="weights")
        parts.append(add_key(named, run, ("network", "dataset")))
    table = pd.concat(parts, ignore_index=True)
    # Where nothing could be judged there are no numbers, and the report looks for some.
    missing = [name for name in REPORTED_NUMBERS if name not in table]
    return {"verdicts": table.assign(**dict.fromkeys(missing, np.nan))}


def gather_checks(
    layers: Iterable[Run], checked: Iterable[tuple[str, pd.DataFrame, pd.DataFrame]]
) -> dict[str, pd.DataFrame]:
    """Return the tables ``checks`` and ``methods`` of all layers of networks that are explained.

    Checks against chance get ``p_adjusted``, corrected for all layers of the study (Benjamini &
    Hochberg), by which they hold or not.

    Parameters
    ----------
    layers : iterable of mapping
        :data:`LAYER_KEY` of every layer.
    checked : Iterable[tuple[str, DataFrame, DataFrame]]
        Network, and its rows of :func:`hmmlens.validation.checks.run` and of
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
    return made
