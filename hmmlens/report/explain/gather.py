"""Put what single jobs found side by side: one tidy table for each kind of result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens import user_text
from hmmlens.hmm import selection, storage
from hmmlens.hmm.sweeping.audit import audit
from hmmlens.naming import control_of, state_name
from hmmlens.report.explain import tables, transition_tables
from hmmlens.validation.scorecard import RAW_INPUT

Run = Mapping[str, Any]

#: Columns that identify the training, and the layer, of a row.
RUN_KEY = ("network", "role", "dataset", "seed")
LAYER_KEY = (*RUN_KEY, "layer")

#: The names of the controls without a network.
CONTROL_ROLES = tuple(tables.CONTROL_ROLES)


def add_key(table: pd.DataFrame, run: Run, key: Sequence[str]) -> pd.DataFrame:
    """Return ``table`` with the columns ``key`` of ``run`` in front.

    Parameters
    ----------
    table : DataFrame
        The table.
    run : mapping of str to object
        Values of the key columns.
    key : sequence of str
        Names of the key columns.

    Returns
    -------
    DataFrame
        The table with key columns.
    """
    columns = [c for c in table.columns if c not in key]
    return table.assign(**{k: run[k] for k in key})[[*key, *columns]]


def select_rows(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Return the rows whose columns hold the ``wanted`` values.

    Parameters
    ----------
    table : DataFrame
        The table.
    **wanted : object
        Column -> value.

    Returns
    -------
    DataFrame
        Rows of the table.
    """
    keep = pd.Series(True, index=table.index)
    for column, value in wanted.items():
        keep &= table[column] == value
    return table[keep]


def concatenate(parts: Iterable[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Return tables one below the other; where there are none, an empty one with ``columns``.

    Parameters
    ----------
    parts : iterable of DataFrame
        Tables with the same columns.
    columns : sequence of str
        Columns of the result where there are no tables.

    Returns
    -------
    DataFrame
        One table.
    """
    found = list(parts)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(columns))


def gather_networks(
    runs: Iterable[Run],
    scores: Iterable[pd.DataFrame],
    curves: Iterable[pd.DataFrame],
    endpoints: Iterable[Mapping[str, Any]],
    activations: Iterable[Mapping[str, Any]],
    bounds: Mapping[str, pd.DataFrame],
    about: Mapping[str, Mapping[str, Any]],
) -> dict[str, pd.DataFrame]:
    """Return the tables ``networks``, ``training`` and ``endpoints``.

    Parameters
    ----------
    runs : iterable of mapping
        ``network, role, dataset, n_layers, seed`` of each training and untrained control.
    scores : iterable of DataFrame
        Scores of each run, in the same order.
    curves : iterable of DataFrame
        Learning curve of each run.
    endpoints : iterable of mapping
        End points of the autonomous dynamics of each run.
    activations : iterable of mapping
        Attributes of each run's store, with ``replay_error``, None where it is not known.
    bounds : mapping of str to DataFrame
        Dataset -> its ceilings.
    about : mapping of str to mapping
        Dataset -> the attributes of its store.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    rows, settled = [], []
    histories: list[pd.DataFrame] = []
    jobs = zip(runs, scores, curves, endpoints, activations, strict=True)
    for run, score, curve, end, recorded in jobs:
        dataset = run["dataset"]
        full = {**run, "target_kind": about[dataset]["target_kind"]}
        row = tables.build_network_row(full, score, len(curve), bounds[dataset])
        error = recorded["replay_error"]
        rows.append({**row, "replay_error": np.nan if error is None else error})
        # A network that was loaded has no curve.
        if run["role"] == "trained" and (len(curve) or not histories):
            histories.append(add_key(curve, run, RUN_KEY))
        found = {
            name: end[name] for name in ("n_coarse", "n_fine", "ratio", "drift", "neutral_input")
        }
        settled.append({k: run[k] for k in RUN_KEY} | found)
    return {
        "networks": pd.DataFrame(rows),
        "training": pd.concat(histories, ignore_index=True),
        "endpoints": pd.DataFrame(settled),
    }


def gather_fits(
    sweeps: Iterable[tuple[Run, bool, xr.Dataset]],
) -> dict[str, pd.DataFrame]:
    """Return the tables ``fits``, ``audit`` and ``sample_sizes``.

    ``audit`` lists what makes a fit doubtful, for each covariance type and state count;
    ``sample_sizes`` what BIC chooses when frames, effective frames or sequences are counted.

    Parameters
    ----------
    sweeps : iterable of tuple of (mapping, bool, Dataset)
        Layer with its reducer, whether the reducer is exploratory, and the stored sweep.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    found: dict[str, list[pd.DataFrame]] = {"fits": [], "audit": [], "sample_sizes": []}
    for place, exploratory, sweep in sweeps:
        # Seconds differ from run to run, and tables must not.
        table = storage.results(sweep).drop(columns="seconds")
        sizes = storage.sample_sizes(sweep)
        penalties = selection.bic_by_sample_size(table, sizes)
        made = {
            "fits": table,
            "audit": audit(table, sweep.sizes.get("component", 1), sizes),
            "sample_sizes": pd.DataFrame([{**sizes._asdict(), **penalties._asdict()}]),
        }
        about = {**place, "exploratory": exploratory}
        for name, part in made.items():
            found[name].append(add_key(part, about, (*LAYER_KEY, "reducer", "exploratory")))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def build_raw_key(dataset: str, reducer: str = RAW_INPUT) -> dict[str, Any]:
    """Return the key of a control on a dataset's own inputs.

    Parameters
    ----------
    dataset : str
        Name of the dataset.
    reducer : str
        One of :func:`hmmlens.naming.raw_variants`.

    Returns
    -------
    dict
        ``network, role, dataset, seed, layer``.
    """
    roles = {name: role for role, name in tables.CONTROL_ROLES.items()}
    return {
        "network": f"raw-{dataset}",
        "role": roles[control_of(reducer)],
        "dataset": dataset,
        "seed": 0,
        "layer": "input",
    }


def select_control_fits(fits: pd.DataFrame, choices: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return the fits of the chosen reductions of the controls, named as in ``choices``.

    Parameters
    ----------
    fits : DataFrame
        Of a study.
    choices : DataFrame
        Of one layer of one network.
    dataset : str
        Name of the dataset.

    Returns
    -------
    DataFrame
        Rows of the fits.
    """
    chosen = dict(zip(choices["reducer"], choices["reduction"], strict=True))
    parts = [
        select_rows(fits, network=f"raw-{dataset}", reducer=chosen[name]).assign(reducer=name)
        for name in tables.CONTROL_ROLES.values()
        if name in chosen
    ]
    return concatenate(parts, fits.columns)


def gather_states(
    layers: Iterable[Run],
    explanations: Iterable[xr.Dataset],
    about: Mapping[str, Mapping[str, Any]],
) -> dict[str, pd.DataFrame]:
    """Return the tables of the states of all layers, and of how they follow each other.

    ``states`` has a row for each state; ``transitions`` the matrices that average over inputs,
    ``input_transitions`` the transitions that occur under each input event, and ``entropies`` a row
    for each model: the entropy of the next state with and without the input, in bits.

    Parameters
    ----------
    layers : iterable of mapping
        Key columns of each layer.
    explanations : iterable of Dataset
        Interpretation of the states of each layer, in the same order.
    about : mapping of str to mapping
        Dataset -> the attributes of its store.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    found: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("states", "transitions", "input_transitions", "entropies")
    }
    for layer, explanation in zip(layers, explanations, strict=True):
        names = read_axis_names(about[layer["dataset"]])
        # Read once, and not what is known of each step.
        read = explanation.drop_dims(["sequence"]).load()
        made = (
            *tables.build_state_rows(read, names, about[layer["dataset"]], state_name),
            *transition_tables.of_picks(read),
        )
        for name, part in zip(found, made, strict=True):
            found[name].append(add_key(part, layer, LAYER_KEY))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def read_axis_names(attributes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of a dataset's ``input``, ``output`` and ``truth`` dimensions.

    Parameters
    ----------
    attributes : mapping of str to object
        Attributes of the ``sequences`` store.

    Returns
    -------
    dict of str to list of str
        Dimension -> names.
    """
    symbols = [f"symbol {i + 1}" for i in range(int(attributes.get("n_symbols", 0)))]
    names = {
        "input": attributes.get("feature_names", symbols),
        "output": attributes.get("target_names", symbols),
        "truth": attributes["state_names"],
    }
    return {kind: [user_text.readable(str(name)) for name in own] for kind, own in names.items()}


def gather_roles(
    layers: Iterable[Run],
    scores: pd.DataFrame,
    choices: pd.DataFrame,
    bounds: Mapping[str, pd.DataFrame],
    about: Mapping[str, Mapping[str, Any]],
) -> dict[str, pd.DataFrame]:
    """Return ``by_count`` and ``agreement``: trained networks and their controls.

    Parameters
    ----------
    layers : iterable of mapping
        :data:`LAYER_KEY` and ``untrained``, the name of the untrained control.
    scores : DataFrame
        The study's tables.
    choices : DataFrame
        The study's tables.
    bounds : mapping of str to DataFrame
        Dataset -> its ceilings.
    about : mapping of str to mapping
        Dataset -> the attributes of its store.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    counted, agreement = [], []
    for layer in layers:
        if layer["role"] != "trained":
            continue
        place = {"seed": layer["seed"], "layer": layer["layer"]}
        parts = []
        for role, network in (("trained", layer["network"]), ("untrained", layer["untrained"])):
            choice = select_rows(choices, network=network, **place)
            if len(choice):
                parts.append(
                    tables.score_counts(select_rows(scores, network=network, **place), choice, role)
                )
        mine = select_rows(choices, network=layer["network"], **place)
        score = select_rows(scores, network=layer["network"], **place)
        parts += [tables.score_counts(score, mine, role) for role in CONTROL_ROLES]
        side_by_side = pd.concat(parts, ignore_index=True)
        picked = mine[mine["chosen_reducer"]].set_index("pick")["n_states"].to_dict()
        counts = {"true": len(about[layer["dataset"]]["state_names"]), **picked}
        top = select_rows(bounds[layer["dataset"]], role="ceiling", name="exact filter")
        ceiling = top.set_index("metric")["value"].to_dict()
        key = [k for k in LAYER_KEY if k != "role"]
        agreement.append(
            add_key(tables.build_agreement_rows(counts, side_by_side, ceiling), layer, key)
        )
        counted.append(add_key(side_by_side, layer, key))
    return {
        "by_count": pd.concat(counted, ignore_index=True),
        "agreement": pd.concat(agreement, ignore_index=True),
    }
