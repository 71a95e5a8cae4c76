"""Score the exact filter and simple baselines on one dataset."""

import job

from hmmlens.io import store
from hmmlens.validation import ceilings

log = job.start(snakemake)
table = ceilings.of_dataset(store.read(store.inside(snakemake.input.sequences), "sequences"))
table.to_csv(snakemake.output[0], index=False)
log.info("\n%s", table.to_string(index=False))
