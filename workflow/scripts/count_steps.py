"""Count the steps of each sequence of one dataset."""

import job

from hmmlens.io import store

log = job.start(snakemake)
data = store.read(store.inside(snakemake.input.sequences), "sequences")
data[["length"]].to_dataframe().to_csv(snakemake.output[0])
