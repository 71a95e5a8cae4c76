"""Fit all hidden Markov models of one reduced store."""

import job

from hmmlens import store
from hmmlens.hmm import HMMSweep, storage

log = job.start(snakemake)
params = snakemake.params
data = store.read(job.store(snakemake.input.reduced), "reduced").load()
parts = [data.isel(sequence=data["split"].to_numpy() == part) for part in (0, 1)]
(train, ends), (select, select_ends) = [
    (part["reduced"].to_numpy(), part["length"].to_numpy()) for part in parts
]
sweep = HMMSweep(
    **params.sweep,
    device=params.device,
    emission=data.attrs["emission"],
    random_state=params.seed,
)
sweep.fit(train, ends, select, select_ends)
result = storage.to_dataset(sweep)
store.write(result, job.store(snakemake.output[0]), "sweep", job.made_by(snakemake))
log.info(
    "%d fits, %d broke down", len(sweep.results_), sweep.results_["log_likelihood"].isna().sum()
)
