"""Score every model of one layer, and choose."""

import job

from hmmlens import activations, store
from hmmlens.validation import scorecard

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
sequences = store.read(job.store(files.sequences), "sequences")
network = scorecard.network_of(activations.read(job.store(files.activations)), sequences)

stores = dict(zip(params.reducers, zip(files.reduced, files.sweeps, strict=True), strict=True))
if files.get("raw_sweep"):
    stores[scorecard.RAW_INPUT] = (files.raw_reduced, files.raw_sweep)
opened = {
    name: (store.read(job.store(reduced), "reduced"), store.read(job.store(sweep), "sweep").load())
    for name, (reduced, sweep) in stores.items()
}
selection = params.selection
scores, choices = scorecard.score_layer(
    network,
    opened,
    params.n_bootstrap,
    params.seed,
    selection["criterion"],
    selection["fidelity_tolerance"],
)
scores.to_csv(snakemake.output.scores, index=False)
choices.to_csv(snakemake.output.choices, index=False)
log.info("\n%s", choices.to_string(index=False))
