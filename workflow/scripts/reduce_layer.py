"""Reduce the state of one layer."""

import job

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.reduction import reduced_store

log = job.start(snakemake)
params = snakemake.params
path = store.inside(snakemake.input.activations)
root, layer = activations.read(path), activations.read(path, snakemake.wildcards.layer)
states = activations.States(root, layer, params.lstm_state)
found = reduced_store.write_reduced(
    states,
    root,
    params.reducer,
    params.seed,
    store.inside(snakemake.output[0]),
    job.made_by(snakemake),
)
log.info("%s of %d units, %s", snakemake.wildcards.reducer, states.shape[2], found.about)
