"""Put what single jobs found side by side: one tidy table for each kind of result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens import user_text
from hmmlens.hmm import selection, storage
from hmmlens.hmm.audit import audit
from hmmlens.naming import control_of, state_name
from hmmlens.report.explain import tables
from hmmlens.stats.surrogates import benjamini_hochberg
from hmmlens.validation import null_tests, state_count
from hmmlens.validation.chosen_model import LEVEL
from hmmlens.validation.scorecard import RAW_INPUT

Run = Mapping[str, Any]

#: What says of which training, and of which of its layers, a row is.
RUN_KEY = ("network", "role", "dataset", "seed")
LAYER_KEY = (*RUN_KEY, "layer")

#: The names of the controls without a network.
CONTROL_ROLES = tuple(tables.CONTROL_ROLES)


def tagged(table: pd.DataFrame, run: Run, key: Sequence[str]) -> pd.DataFrame:
    """Return ``table`` with the columns ``key`` of ``run`` in front."""
    columns = [c for c in table.columns if c not in key]
    return table.assign(**{k: run[k] for k in key})[[*key, *columns]]


def of(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Return the rows whose columns hold the ``wanted`` values."""
    keep = pd.Series(True, index=table.index)
    for column, value in wanted.items():
        keep &= table[column] == value
    return table[keep]


def joined(parts: Iterable[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Return tables one below the other; where there are none, an empty one with ``columns``."""
    found = list(parts)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(columns))


def networks(
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
    runs : ``network, role, dataset, n_layers, seed``, one for each training or twin.
    scores, curves, endpoints : of each run, in the same order.
    activations : attributes of each run's store, with ``replay_error``, None where not known.
    bounds, about : dataset -> its ceilings; dataset -> the attributes of its store.
    """
    rows, settled = [], []
    histories: list[pd.DataFrame] = []
    jobs = zip(runs, scores, curves, endpoints, activations, strict=True)
    for run, score, curve, end, recorded in jobs:
        dataset = run["dataset"]
        full = {**run, "target_kind": about[dataset]["target_kind"]}
        row = tables.network_row(full, score, len(curve), bounds[dataset])
        error = recorded["replay_error"]
        rows.append({**row, "replay_error": np.nan if error is None else error})
        # A network that was loaded has no curve.
        if run["role"] == "trained" and (len(curve) or not histories):
            histories.append(tagged(curve, run, RUN_KEY))
        found = {
            name: end[name] for name in ("n_coarse", "n_fine", "ratio", "drift", "neutral_input")
        }
        settled.append({k: run[k] for k in RUN_KEY} | found)
    return {
        "networks": pd.DataFrame(rows),
        "training": pd.concat(histories, ignore_index=True),
        "endpoints": pd.DataFrame(settled),
    }


def fits(
    sweeps: Iterable[tuple[Run, bool, xr.Dataset]],
) -> dict[str, pd.DataFrame]:
    """Return the tables ``fits``, ``audit`` and ``sample_sizes``.

    ``audit`` says what makes a fit doubtful, for each covariance type and state count;
    ``sample_sizes`` what BIC chooses when frames, effective frames or sequences are counted.

    Parameters
    ----------
    sweeps : layer with its reducer, whether that is exploratory, and the stored sweep.
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
            found[name].append(tagged(part, about, (*LAYER_KEY, "reducer", "exploratory")))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


#: The roles of networks whose readout alone is fitted to the task, by their other weights.
RESERVOIR_ROLES = {"initial": "reservoir", "permuted": "permuted"}
#: Numbers of a verdict that the report shows.
TOLD = (
    *("n_states", "fidelity_5", "codebook_5", "linear_5", "grade_without_gate"),
    *("resolution", "count_sentence", "trainings_sentence", "repeated"),
)


def verdicts(
    layers: Iterable[Run], judged: Iterable[pd.DataFrame], reservoirs: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the table ``verdicts``: of every layer, and of every network's reservoir.

    Parameters
    ----------
    layers : :data:`LAYER_KEY` of every layer.
    judged : ``network, seed, layer`` and the rows of
        :func:`hmmlens.validation.evidence.judge`, a table for each network and its twin. They get
        ``trainings_sentence``, how sure the number of states is over all trainings.
    reservoirs : network -> the same without ``network``, and ``weights``.
    """
    known = pd.DataFrame(list(layers))[list(LAYER_KEY)]
    key = ["network", "seed", "layer"]
    graded = known.merge(joined(judged, [*key, "grade", "sentence"]), on=key)
    for _, rows in graded.groupby(["network", "layer"]):
        counts = state_count.over_trainings(rows)
        if counts is not None:
            graded.loc[rows.index, "trainings_sentence"] = counts.sentence
    parts = [graded]
    for network, table in reservoirs.items():
        dataset = known.loc[known["network"] == network, "dataset"].iloc[0]
        run = {"network": network, "dataset": dataset}
        named = table.assign(role=table["weights"].map(RESERVOIR_ROLES)).drop(columns="weights")
        parts.append(tagged(named, run, ("network", "dataset")))
    table = pd.concat(parts, ignore_index=True)
    # Where nothing could be judged there are no numbers, and the report looks for some.
    missing = [name for name in TOLD if name not in table]
    return {"verdicts": table.assign(**dict.fromkeys(missing, np.nan))}


def checks(
    layers: Iterable[Run], checked: Iterable[tuple[str, pd.DataFrame, pd.DataFrame]]
) -> dict[str, pd.DataFrame]:
    """Return the tables ``checks`` and ``methods`` of all layers of networks that are explained.

    Checks against chance get ``p_adjusted``, corrected for all layers of the study (Benjamini &
    Hochberg), by which they hold or not.

    Parameters
    ----------
    layers : :data:`LAYER_KEY` of every layer.
    checked : network, and its rows of :func:`hmmlens.validation.checks.run` and of
        :func:`hmmlens.validation.baselines.comparison.compare`, each with ``seed`` and ``layer``.
    """
    known = pd.DataFrame(list(layers))[list(LAYER_KEY)]
    parts: dict[str, list[pd.DataFrame]] = {"checks": [], "methods": []}
    for network, *tables_ in checked:
        for found, table in zip(parts.values(), tables_, strict=True):
            found.append(table.assign(network=network))
    key = ["network", "seed", "layer"]
    columns = [*key, "check", "p", "holds"]
    made = {n: known.merge(joined(p, columns), on=key) for n, p in parts.items()}
    table = made["checks"]
    table["p_adjusted"] = np.nan
    for name in null_tests.CHECKS:
        rows = table.index[table["check"] == name]
        adjusted = benjamini_hochberg(table.loc[rows, "p"])
        table.loc[rows, "p_adjusted"] = adjusted
        asked = rows[~np.isnan(adjusted)]
        table.loc[asked, "holds"] = table.loc[asked, "p_adjusted"] < LEVEL
    return made


def raw_layer(dataset: str, reducer: str = RAW_INPUT) -> dict[str, Any]:
    """Return the key of a control on a dataset's own inputs.

    Parameters
    ----------
    reducer : one of :func:`hmmlens.naming.raw_variants`.
    """
    roles = {name: role for role, name in tables.CONTROL_ROLES.items()}
    return {
        "network": f"raw-{dataset}",
        "role": roles[control_of(reducer)],
        "dataset": dataset,
        "seed": 0,
        "layer": "input",
    }


def of_controls(fits: pd.DataFrame, choices: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return the fits of the chosen reductions of the controls, named as in ``choices``.

    Parameters
    ----------
    fits : of a study.
    choices : of one layer of one network.
    """
    chosen = dict(zip(choices["reducer"], choices["reduction"], strict=True))
    parts = [
        of(fits, network=f"raw-{dataset}", reducer=chosen[name]).assign(reducer=name)
        for name in tables.CONTROL_ROLES.values()
        if name in chosen
    ]
    return joined(parts, fits.columns)


def readings(
    layers: Iterable[Run],
    explanations: Iterable[xr.Dataset],
    about: Mapping[str, Mapping[str, Any]],
) -> dict[str, pd.DataFrame]:
    """Return the tables ``states`` and ``transitions`` of all layers."""
    states, moves = [], []
    for layer, explanation in zip(layers, explanations, strict=True):
        names = axis_names(about[layer["dataset"]])
        # Read once, and not what is known of each step.
        read = explanation.drop_dims(["sequence"]).load()
        found = tables.state_rows(read, names, about[layer["dataset"]], state_name)
        states.append(tagged(found[0], layer, LAYER_KEY))
        moves.append(tagged(found[1], layer, LAYER_KEY))
    return {
        "states": pd.concat(states, ignore_index=True),
        "transitions": pd.concat(moves, ignore_index=True),
    }


def axis_names(attributes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of a dataset's ``input``, ``output`` and ``truth`` dimensions."""
    symbols = [f"symbol {i + 1}" for i in range(int(attributes.get("n_symbols", 0)))]
    names = {
        "input": attributes.get("feature_names", symbols),
        "output": attributes.get("target_names", symbols),
        "truth": attributes["state_names"],
    }
    return {kind: [user_text.readable(str(name)) for name in own] for kind, own in names.items()}


def roles(
    layers: Iterable[Run],
    scores: pd.DataFrame,
    choices: pd.DataFrame,
    bounds: Mapping[str, pd.DataFrame],
    about: Mapping[str, Mapping[str, Any]],
) -> dict[str, pd.DataFrame]:
    """Return ``by_count`` and ``agreement``: trained, untrained and inputs side by side.

    Parameters
    ----------
    layers : :data:`LAYER_KEY` and ``untrained``, the name of the untrained twin.
    scores, choices : the study's tables.
    """
    counted, agreement = [], []
    for layer in layers:
        if layer["role"] != "trained":
            continue
        place = {"seed": layer["seed"], "layer": layer["layer"]}
        parts = []
        for role, network in (("trained", layer["network"]), ("untrained", layer["twin"])):
            choice = of(choices, network=network, **place)
            if len(choice):
                parts.append(tables.by_count(of(scores, network=network, **place), choice, role))
        mine = of(choices, network=layer["network"], **place)
        score = of(scores, network=layer["network"], **place)
        parts += [tables.by_count(score, mine, role) for role in CONTROL_ROLES]
        side_by_side = pd.concat(parts, ignore_index=True)
        picked = mine[mine["chosen_reducer"]].set_index("pick")["n_states"].to_dict()
        counts = {"true": len(about[layer["dataset"]]["state_names"]), **picked}
        top = of(bounds[layer["dataset"]], role="ceiling", name="exact filter")
        ceiling = top.set_index("metric")["value"].to_dict()
        key = [k for k in LAYER_KEY if k != "role"]
        agreement.append(tagged(tables.agreement_rows(counts, side_by_side, ceiling), layer, key))
        counted.append(tagged(side_by_side, layer, key))
    return {
        "by_count": pd.concat(counted, ignore_index=True),
        "agreement": pd.concat(agreement, ignore_index=True),
    }
