"""Fit all hidden Markov models of one reduced store."""

import job

from hmmlens.futures.summary import from_dataset
from hmmlens.hmm import storage
from hmmlens.io import store
from hmmlens.rnn import devices
from hmmlens.stages.sweep import fit_models

log = job.start(snakemake)
params = snakemake.params
if params.sweep["engine"] == "torch":
    devices.choose(params.device)
data = store.read(store.inside(snakemake.input.reduced), "reduced")
futures = None
if snakemake.input.get("futures"):
    futures = from_dataset(store.read(store.inside(snakemake.input.futures), "futures").load())
result = fit_models(data, {**params.sweep, "device": params.device}, params.seed, futures)
store.write(result, store.inside(snakemake.output[0]), "sweep", job.made_by(snakemake))
fits = storage.results(result)
log.info("%d fits, %d broke down", len(fits), fits["log_likelihood"].isna().sum())
