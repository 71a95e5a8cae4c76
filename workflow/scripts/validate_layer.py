"""Score every model of one layer, and choose."""

import job
import pandas as pd

from hmmlens import activations, store
from hmmlens.validation import scorecard

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
sequences = store.read(job.store(files.sequences), "sequences")
network = scorecard.network_of(activations.read(job.store(files.activations)), sequences)

stores = dict(zip(params.reducers, zip(files.reduced, files.sweeps, strict=True), strict=True))
if files.get("raw_sweep"):
    stores[scorecard.RAW_INPUT] = (files.raw_reduced, files.raw_sweep)
tables, sweeps, exploratory = [], {}, {}
for reducer, (reduced, sweep) in stores.items():
    data = store.read(job.store(reduced), "reduced")
    sweeps[reducer] = store.read(job.store(sweep), "sweep").load()
    exploratory[reducer] = bool(data.attrs["exploratory"])
    scores = scorecard.score_sweep(
        network, data["reduced"].to_numpy(), sweeps[reducer], params.n_bootstrap, params.seed
    )
    scores.insert(0, "reducer", reducer)
    tables.append(scores)
scores = pd.concat(tables, ignore_index=True)
selection = params.selection
choices = scorecard.choices(
    scores, sweeps, exploratory, selection["criterion"], selection["fidelity_tolerance"]
)
scores.to_csv(snakemake.output.scores, index=False)
choices.to_csv(snakemake.output.choices, index=False)
log.info("\n%s", choices.to_string(index=False))
