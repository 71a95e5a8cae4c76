"""Put a dataset's own inputs where a reduction would be."""

import job

from hmmlens import activations, store

log = job.start(snakemake)
data = store.read(job.store(snakemake.input.sequences), "sequences")
chosen = activations.thin(
    data["split"].to_numpy(), data["length"].to_numpy(), snakemake.params.max_frames
)
result = activations.raw_input(data, chosen)
store.write(result, job.store(snakemake.output[0]), "reduced", job.made_by(snakemake))
log.info("%d sequences", len(chosen))
