"""Reduce the state of one layer."""

import job
import xarray as xr

from hmmlens import activations, reducers, store

log = job.start(snakemake)
params = snakemake.params
path = job.store(snakemake.input.activations)
root = activations.read(path)
state = activations.state(
    root, activations.read(path, snakemake.wildcards.layer), params.lstm_state
)
length, train = root["length"].to_numpy(), root["split"].to_numpy() == 0
reduced, about = reducers.fit_transform(state, train, params.reducer, params.seed, length)
result = xr.Dataset(
    {
        "reduced": (("sequence", "time", "component"), reduced),
        "length": root["length"],
        "split": root["split"],
    },
    attrs={**about, "emission": "gaussian"},
)
store.write(result, job.store(snakemake.output[0]), "reduced", job.made_by(snakemake))
log.info(
    "%s: %d units to %d components, %s",
    snakemake.wildcards.reducer,
    *state.shape[2:],
    reduced.shape[2],
    about,
)
