"""Reduce the state of one layer."""

import job

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.stages.reduce import write_reduced_layer

log = job.start(snakemake)
params = snakemake.params
path = store.inside(snakemake.input.activations)
root, layer = activations.read(path), activations.read(path, snakemake.wildcards.layer)
n_units, found = write_reduced_layer(
    root,
    layer,
    params.lstm_state,
    params.reducer,
    params.seed,
    store.inside(snakemake.output[0]),
    job.made_by(snakemake),
)
log.info("%s of %d units, %s", snakemake.wildcards.reducer, n_units, found.about)
