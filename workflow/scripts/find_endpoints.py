"""Run one network on neutral input and count where it settles."""

from pathlib import Path

import job
import numpy as np
import torch
import xarray as xr

from hmmlens.dynamics import endpoints
from hmmlens.io import store
from hmmlens.recording import activations, protocol
from hmmlens.recording.activations import output_distribution
from hmmlens.rnn import devices, loading
from hmmlens.stages.endpoints import find_endpoints

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, files = snakemake.params, snakemake.input
data = store.read(store.inside(files.sequences), "sequences")
root = activations.read(store.inside(files.activations))
device = devices.choose(params.device)
network = loading.network(
    params.network, data.attrs, data.sizes, Path(files.weights), Path.cwd()
).to(device)

found, neutral = None, endpoints.neutral_input(data.attrs)
neutral_text = endpoints.NEUTRAL_TEXT[neutral]
if neutral == "zero":
    network_inputs = activations.network_input(data, params.network["kind"])
    neutral_text = network_inputs.attrs.get("zeros", neutral_text)
if protocol.follows(network):
    inputs, output, length = (root[name].to_numpy() for name in ("input", "output", "length"))
    distribution = output_distribution(output, data.attrs["target_kind"])
    found = find_endpoints(network, inputs, distribution, length, data.attrs, params.seed)
else:
    neutral_text = "it has no single steps that could be called"
names = ("n_coarse", "n_fine", "ratio", "drift")
counts = {name: getattr(found, name, np.nan) for name in names}
outputs = np.empty((0, root.sizes["output"])) if found is None else found.outputs
result = xr.Dataset(
    {"output": (("start", "output"), outputs)},
    attrs={
        **counts,
        "neutral_input": neutral_text,
        "n_steps": endpoints.EndpointSettings.n_steps,
    },
)
store.write(result, store.inside(snakemake.output[0]), "endpoints", job.made_by(snakemake))
log.info("neutral input: %s; %s", neutral_text, counts)
