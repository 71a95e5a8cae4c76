"""Put a dataset's own inputs where a network's states would be: a control without a network."""

import job

from hmmlens import naming
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.validation.baselines import raw_inputs

log = job.start(snakemake)
data = store.read(store.inside(snakemake.input.sequences), "sequences")
chosen = activations.thin(
    data["split"].to_numpy(), data["length"].to_numpy(), snakemake.params.max_frames
)
variant = snakemake.wildcards.reducer
result = raw_inputs.control(
    data,
    chosen,
    naming.control_of(variant),
    raw_inputs.settings_of(variant, snakemake.params.reducers),
    snakemake.params.seed,
)
store.write(result, store.inside(snakemake.output[0]), "reduced", job.made_by(snakemake))
log.info("%d sequences", len(chosen))
