"""Leave one network alone and count where it settles."""

from pathlib import Path

import job
import numpy as np
import torch
import xarray as xr

from hmmlens import activations, store
from hmmlens.dynamics import endpoints
from hmmlens.extraction import protocol
from hmmlens.hmm.inputs import steps_inside
from hmmlens.networks import cells, loading
from hmmlens.validation import fidelity

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, files = snakemake.params, snakemake.input
data = store.read(job.store(files.sequences), "sequences")
root = activations.read(job.store(files.activations))
device = cells.pick_device(params.device)
network = loading.network(
    params.network, data.attrs, data.sizes, Path(files.weights), Path.cwd()
).to(device)

rng = np.random.default_rng(params.seed)
neutral = endpoints.neutral_input(data.attrs)
told = endpoints.NEUTRAL_TEXT[neutral]
if neutral == "zero":
    told = activations.fed(data, params.network["kind"]).attrs.get("zeros", told)
if not protocol.follows(network):
    neutral, told = None, "it has no single steps that could be called"
counts = dict.fromkeys(("n_coarse", "n_fine", "ratio", "drift"), np.nan)
outputs = np.empty((0, root.sizes["output"]))
if neutral is not None:
    sequences, times = endpoints.pick_starts(root["length"].to_numpy(), fidelity.WARM_UP, rng)
    inputs = root["input"].to_numpy()
    inside = steps_inside(root["length"].to_numpy(), *inputs.shape[:2])
    # Steps past an end pass through the network, but change no state that is looked at.
    inputs[~inside] = 0
    inputs = torch.from_numpy(inputs[sequences]).to(device)
    settled = endpoints.settle(network, inputs, times, neutral).cpu().numpy()
    kind = data.attrs["target_kind"]
    law = fidelity.output_law(root["output"].to_numpy(), kind)
    found = endpoints.endpoints(fidelity.output_law(settled, kind), law[inside])
    counts, outputs = {name: getattr(found, name) for name in counts}, found.outputs
result = xr.Dataset(
    {"output": (("start", "output"), outputs)},
    attrs={
        **counts,
        "neutral_input": told,
        "n_steps": endpoints.N_SETTLING_STEPS,
    },
)
store.write(result, job.store(snakemake.output[0]), "endpoints", job.made_by(snakemake))
log.info("neutral input: %s; %s", told, counts)
