"""Gather all results of the study into tables and findings."""

import json
from pathlib import Path

import job
import pandas as pd

from hmmlens import store
from hmmlens.report import findings, gather, tables
from hmmlens.validation.scorecard import RAW_INPUT

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input


def read_all(paths):
    return [pd.read_csv(path) for path in paths]


def opened(paths, kind):
    return [store.read(job.store(path), kind) for path in paths]


stores = zip(params.datasets, opened(files.sequences, "sequences"), strict=True)
about = {name: data.attrs for name, data in stores}
bounds = dict(zip(params.datasets, read_all(files.ceilings), strict=True))
found = {"ceilings": pd.concat([t.assign(dataset=n) for n, t in bounds.items()])}
attributes = (
    [data.attrs for data in opened(files[kind], kind)] for kind in ("endpoints", "activations")
)
scored = (read_all(files.scores), read_all(files.training))
found |= gather.networks(params.runs, *scored, *attributes, bounds, about)
reservoirs = dict(zip(params.reservoirs, read_all(files.reservoirs), strict=True))
found |= gather.verdicts(params.layers, read_all(files.verdicts), reservoirs)
checked = zip(params.networks, read_all(files.checks), read_all(files.methods), strict=True)
found |= gather.checks(params.layers, checked)
for name, paths in (("scores", files.layer_scores), ("choices", files.choices)):
    parts = zip(params.layers, read_all(paths), strict=True)
    found[name] = pd.concat([gather.tagged(t, layer, gather.LAYER_KEY) for layer, t in parts])

places = [*params.places]
places += [{**gather.raw_layer(name), "reducer": RAW_INPUT} for name in params.raw]
sweeps = opened([*files.sweeps, *files.raw_sweeps], "sweep")
found |= gather.fits(
    (place, place["reducer"] in params.exploratory, sweep)
    for place, sweep in zip(places, sweeps, strict=True)
)
found |= gather.readings(params.layers, opened(files.explanations, "explanation"), about)
found |= gather.roles(params.layers, found["scores"], found["choices"], bounds, about)

for name, table in found.items():
    tables.save(table, Path(snakemake.output.tables) / name)
    log.info("%s: %d rows", name, len(table))
told = findings.study(found, about, params.criterion)
Path(snakemake.output.findings).write_text(json.dumps(told, indent=2) + "\n")
