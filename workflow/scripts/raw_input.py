"""Reduce a dataset's own inputs in place of a network's states: a control without a network."""

import job

from hmmlens.io import store
from hmmlens.stages.record import choose_sequences
from hmmlens.stages.reduce_inputs import reduce_inputs

log = job.start(snakemake)
data = store.read(store.inside(snakemake.input.sequences), "sequences")
params = snakemake.params
chosen = choose_sequences(data, params.max_frames)
result = reduce_inputs(data, chosen, snakemake.wildcards.reducer, params.reducers, params.seed)
store.write(result, store.inside(snakemake.output[0]), "reduced", job.made_by(snakemake))
log.info("%d sequences", len(chosen))
