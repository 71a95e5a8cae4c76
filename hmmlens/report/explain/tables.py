"""Gather what the jobs of a study found into tidy tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens import user_text
from hmmlens.report.explain import conclusion, start_up_words, state_words, transition_tables
from hmmlens.validation.baselines import raw_inputs
from hmmlens.validation.baselines.registry import BASELINES
from hmmlens.validation.ceilings import METRICS

#: Roles of the controls without a network -> how they stand among the reducers.
CONTROL_ROLES = {BASELINES.label(name): name for name in (raw_inputs.RAW, raw_inputs.LAGGED)}

#: Longer tables are not set in LaTeX: they fit no page.
LATEX_ROWS = 200


def save(table: pd.DataFrame, stem: Path) -> None:
    """Write ``stem.csv`` and, for tables of a page or few, ``stem.tex`` (booktabs).

    Parameters
    ----------
    table : DataFrame
        The table.
    stem : Path
        Path without ending.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    written = user_text.table(table)
    written.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.6g")
    if len(table) <= LATEX_ROWS:
        text = user_text.lines(table).to_latex(
            index=False, escape=True, na_rep="--", float_format="%.3f"
        )
        stem.with_suffix(".tex").write_text(text, encoding="utf-8")


def build_network_row(
    run: Mapping[str, Any], scores: pd.DataFrame, n_epochs: int, bounds: pd.DataFrame
) -> dict[str, Any]:
    """Return the loss of one network with its floor and the best baseline.

    Parameters
    ----------
    run : mapping of str to object
        ``network, role, dataset, n_layers, seed, target_kind``.
    scores : DataFrame
        ``split, nll, mse, n_parameters, cell, n_units``.
    n_epochs : int
        Number of epochs; 0 for a network that was trained elsewhere.
    bounds : DataFrame
        Ceilings of the dataset: ``name, role, metric, value``.

    Returns
    -------
    dict
        One row of the table ``networks``.
    """
    metric = METRICS[run["target_kind"]]
    by_split = scores.set_index("split")[metric]
    same = bounds[bounds["metric"] == metric]
    floor = same.loc[same["role"] == "floor", "value"]
    baseline = same[same["role"] == "baseline"].nsmallest(1, "value")
    test = float(by_split["test"])
    lowest = float(floor.iloc[0]) if len(floor) else np.nan
    above = 100 * (test / lowest - 1) if lowest > 0 else np.nan
    return {
        **{k: run[k] for k in ("network", "role", "dataset", "n_layers", "seed")},
        **{k: scores[k].iloc[0] for k in ("cell", "n_units", "n_parameters")},
        "n_epochs": n_epochs,
        "metric": metric,
        "train": float(by_split["train"]),
        "select": float(by_split["select"]),
        "test": test,
        "floor": lowest,
        "above_floor_percent": above,
        "best_baseline": baseline["name"].iloc[0] if len(baseline) else "",
        "best_baseline_score": float(baseline["value"].iloc[0]) if len(baseline) else np.nan,
    }


def score_counts(scores: pd.DataFrame, choices: pd.DataFrame, role: str) -> pd.DataFrame:
    """Return the scores of one role of one layer, a row per covariance type and state count.

    Parameters
    ----------
    scores : DataFrame
        Rows of one layer of the network, or of its untrained control.
    choices : DataFrame
        Chosen models of the same layer.
    role : str
        ``trained`` or ``untrained``, which use the layer's chosen reducer; or one of
        :data:`CONTROL_ROLES`.

    Returns
    -------
    DataFrame
        Rows of ``scores``, with ``role``.
    """
    chosen = choices.loc[choices["chosen_reducer"], "reducer"].iloc[0]
    reducer = CONTROL_ROLES.get(role, chosen)
    return scores[scores["reducer"] == reducer].assign(role=role)


def build_agreement_rows(
    counts: Mapping[str, int], table: pd.DataFrame, ceiling: Mapping[str, float]
) -> pd.DataFrame:
    """Compare the roles at equal state counts, for each covariance type.

    Parameters
    ----------
    counts : mapping of str to int
        Rule (``true``, ``explained`` or the criterion) -> state count.
    table : DataFrame
        Rows of :func:`score_counts` of all roles.
    ceiling : mapping of str to float
        Score -> that of the exact filter.

    Returns
    -------
    DataFrame
        One row per rule, role and covariance type.
    """
    wanted = ["role", "covariance_type", "n_states", "reducer", "reduction", "given_input"]
    wanted.append("fidelity_test")
    wanted += [f"{s}{end}" for s in ("ari", "nmi", "accuracy") for end in ("", "_low", "_high")]
    wanted += ["shift_p", "null", "null_units"]
    parts = [
        table[table["n_states"] == n].reindex(columns=wanted).assign(rule=rule)
        for rule, n in counts.items()
    ]
    tops = {f"ceiling_{s}": ceiling.get(s, np.nan) for s in ("ari", "nmi", "accuracy")}
    return pd.concat(parts, ignore_index=True).assign(**tops)


def build_state_rows(
    explanation: xr.Dataset,
    names: Mapping[str, list[str]],
    about: Mapping[str, Any],
    state_name: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the states and the transitions of both picks of one layer, tidy.

    Parameters
    ----------
    explanation : Dataset
        The store of one layer.
    names : mapping of str to list of str
        ``input``, ``output``, ``truth`` -> names along those dimensions.
    about : mapping of str to object
        Attributes of the ``sequences`` store.
    state_name : callable
        Returns the name of a state by its number.

    Returns
    -------
    tuple of DataFrame
        Table of states and table of transitions.
    """
    states, moves = [], []
    for index, pick in enumerate(explanation.attrs["picks"]):
        n_states = int(explanation["n_states"][index])
        part = explanation.isel(pick=index, state=slice(0, n_states))
        same_outputs = state_words.equal_outputs_of(part)
        symbols = about.get("target_kind") == "symbols"
        outputs = conclusion.output_words(part, names["output"], symbols)
        combinations = conclusion.combinations_of(part, names["output"], symbols)
        for k in range(n_states):
            state = part.isel(state=k)
            row = {"pick": pick, "state": state_name(k)}
            for name in ("occupancy", "mean_dwell", "model_dwell"):
                row[name] = float(state[name])
            for block in ("input", "output"):
                mean = state[f"{block}_mean"].to_numpy()
                row[f"top_{block}"] = names[block][int(np.argmax(np.abs(mean)))]
                row[f"top_{block}_mean"] = float(mean[int(np.argmax(np.abs(mean)))])
            share = state["truth_share"].to_numpy()
            known = np.isfinite(share).any()
            row["top_truth"] = names["truth"][int(np.nanargmax(share))] if known else ""
            row["top_truth_share"] = float(np.nanmax(share)) if known else np.nan
            row |= state_words.row(state, names, about)
            row["same_output"] = ", ".join(state_name(j) for j in same_outputs[k])
            row["moves"] = transition_tables.moves(part, k)
            row["neutral_dwell_words"] = transition_tables.neutral_dwell(part, k)
            row["neutral_condition"] = transition_tables.neutral_condition(part)
            row["start_up"] = start_up_words.steps_of(state)
            row["output_levels"] = outputs[k]
            row["combinations"] = combinations
            states.append(row)
            for j in range(n_states):
                p = float(state["transmat"].isel(next_state=j))
                moves.append({"pick": pick, "from": state_name(k), "to": state_name(j), "p": p})
    return pd.DataFrame(states), pd.DataFrame(moves)
