"""Gather all results of the study into tables and findings."""

import json
from pathlib import Path

import job
import pandas as pd

from hmmlens import store
from hmmlens.figures.names import state_name
from hmmlens.hmm import storage
from hmmlens.report import findings, tables

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
folder = Path(snakemake.output.tables)
criterion = params.criterion

# Datasets
bounds, about = {}, {}
for name, sequences, ceilings in zip(params.datasets, files.sequences, files.ceilings, strict=True):
    bounds[name] = pd.read_csv(ceilings)
    about[name] = store.read(job.store(sequences), "sequences").attrs
ceilings = pd.concat([t.assign(dataset=d) for d, t in bounds.items()], ignore_index=True)
ceilings.insert(0, "dataset", ceilings.pop("dataset"))

# Networks
rows, curves, settled = [], [], []
for run, scores, training, place in zip(
    params.runs, files.scores, files.training, files.endpoints, strict=True
):
    curve = pd.read_csv(training)
    run = {**run, "target_kind": about[run["dataset"]]["target_kind"]}
    rows.append(tables.network_row(run, pd.read_csv(scores), len(curve), bounds[run["dataset"]]))
    key = {k: run[k] for k in ("network", "role", "dataset", "seed")}
    if run["role"] == "trained":
        curves.append(curve.assign(**key)[[*key, *curve.columns]])
    end = store.read(job.store(place), "endpoints").attrs
    settled.append(key | {k: end[k] for k in ("n_coarse", "n_fine", "ratio", "neutral_input")})
networks, endpoints = pd.DataFrame(rows), pd.DataFrame(settled)

# Layers
fits, scores, choices, states, moves = [], [], [], [], []
sweeps = iter(files.sweeps)
for layer, score, choice, reading in zip(
    params.layers, files.layer_scores, files.choices, files.explanations, strict=True
):
    key = {k: layer[k] for k in ("network", "role", "dataset", "seed", "layer")}

    def tag(table, key=key):
        return table.assign(**key)[[*key, *table.columns]]

    for reducer in params.reducers:
        data = store.read(job.store(next(sweeps)), "sweep")
        fits.append(tag(storage.results(data).assign(reducer=reducer)))
    scores.append(tag(pd.read_csv(score)))
    choices.append(tag(pd.read_csv(choice)))
    attrs = about[layer["dataset"]]
    symbols = [f"symbol {i + 1}" for i in range(int(attrs.get("n_symbols", 0)))]
    names = {
        "input": attrs.get("feature_names", symbols),
        "output": attrs.get("target_names", symbols),
        "truth": attrs["state_names"],
    }
    tables_ = tables.state_rows(store.read(job.store(reading), "explanation"), names, state_name)
    states.append(tag(tables_[0]))
    moves.append(tag(tables_[1]))
for dataset, path in zip(params.raw, files.raw_sweeps, strict=True):
    table = storage.results(store.read(job.store(path), "sweep")).assign(reducer="raw-input")
    key = {"network": f"raw-{dataset}", "role": "raw input", "dataset": dataset}
    fits.append(table.assign(**key, seed=0, layer="input"))
fits = pd.concat(fits, ignore_index=True).drop(columns="seconds")
scores, choices = pd.concat(scores, ignore_index=True), pd.concat(choices, ignore_index=True)
exploratory = dict(zip(choices["reducer"], choices["exploratory"], strict=True))
fits["exploratory"] = fits["reducer"].map(exploratory).fillna(False).astype(bool)

# Roles side by side at equal state counts
agreement = []
counted = []
for layer in params.layers:
    if layer["role"] != "trained":
        continue
    place = {k: layer[k] for k in ("network", "seed", "layer")}

    def at(table, network, place=place):
        wanted = {**place, "network": network}
        return table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]

    mine = [at(t, layer["network"]) for t in (fits, scores, choices)]
    by_role = {"trained": tables.by_count(*mine, "trained")}
    twin = [at(t, layer["twin"]) for t in (fits, scores, choices)]
    if len(twin[2]):
        by_role["untrained"] = tables.by_count(*twin, "untrained")
    if params.raw:
        raw = fits[(fits["network"] == f"raw-{layer['dataset']}")]
        by_role["raw input"] = tables.by_count(raw, mine[1], mine[2], "raw input")
    picked = mine[2][mine[2]["chosen_reducer"]].set_index("pick")["n_states"].to_dict()
    counts = {"true": len(about[layer["dataset"]]["state_names"]), **picked}
    top = bounds[layer["dataset"]]
    top = top[(top["role"] == "ceiling") & (top["name"] == "exact filter")]
    ceiling = top.set_index("metric")["value"].to_dict()
    key = {k: layer[k] for k in ("network", "dataset", "seed", "layer")}
    found = tables.agreement_rows(counts, by_role, ceiling)
    agreement.append(found.assign(**key)[[*key, *found.columns]])
    for table in by_role.values():
        kept = table.drop(columns=["network", "dataset", "seed", "layer"]).assign(**key)
        counted.append(kept[[*key, *[c for c in kept.columns if c not in key]]])
agreement = pd.concat(agreement, ignore_index=True)

for name, table, latex in (
    ("ceilings", ceilings, True),
    ("networks", networks, True),
    ("endpoints", endpoints, True),
    ("training", pd.concat(curves, ignore_index=True), False),
    ("fits", fits, False),
    ("scores", scores, False),
    ("choices", choices, True),
    ("by_count", pd.concat(counted, ignore_index=True), False),
    ("agreement", agreement, True),
    ("states", pd.concat(states, ignore_index=True), True),
    ("transitions", pd.concat(moves, ignore_index=True), False),
):
    tables.save(table, folder / name, latex)
    log.info("%s: %d rows", name, len(table))
truth = {name: attrs["truth"] for name, attrs in about.items()}
neutral = endpoints.groupby("dataset")["neutral_input"].first().to_dict()
told = findings.network_findings(networks, choices, agreement, endpoints, criterion, truth, neutral)
described = {
    name: {k: attrs[k] for k in ("task", "truth", "source", "licence", "sha256") if k in attrs}
    for name, attrs in about.items()
}
Path(snakemake.output.findings).write_text(
    json.dumps({"networks": told, "datasets": described}, indent=2) + "\n"
)
