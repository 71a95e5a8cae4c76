"""Reduce the state of one layer."""

import job

from hmmlens import activations, reducers, store

log = job.start(snakemake)
params = snakemake.params
path = job.store(snakemake.input.activations)
root = activations.read(path)
state = activations.state(
    root, activations.read(path, snakemake.wildcards.layer), params.lstm_state
)
result = reducers.reduced(state, root, params.reducer, params.seed)
store.write(result, job.store(snakemake.output[0]), "reduced", job.made_by(snakemake))
log.info(
    "%s: %d units to %d components, %s",
    snakemake.wildcards.reducer,
    state.shape[2],
    result.sizes["component"],
    result.attrs,
)
