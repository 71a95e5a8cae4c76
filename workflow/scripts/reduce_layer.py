"""Reduce the state of one layer."""

import job
import numpy as np
import xarray as xr

from hmmlens import activations, reducers, store
from hmmlens.hmm.models import steps_inside

log = job.start(snakemake)
params = snakemake.params
path = job.store(snakemake.input.activations)
root = activations.read(path)
layer = activations.read(path, snakemake.wildcards.layer)
length, train = root["length"].to_numpy(), root["split"].to_numpy() == 0
inside = steps_inside(length, *layer["hidden"].shape[:2])
# All real steps as one sequence, so that no scale depends on what fills the ends.
frames = xr.Dataset(
    {
        name: (("sequence", "time", "unit"), layer[name].to_numpy()[inside][None])
        for name in ("hidden", "cell")
        if name in layer
    }
)
frames = activations.layer_state(frames, params.lstm_state)[0]
state = np.zeros((*inside.shape, frames.shape[1]))
state[inside] = frames
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
