"""Leave one network alone and count where it settles."""

from pathlib import Path

import job
import numpy as np
import torch
import xarray as xr

from hmmlens import activations, store
from hmmlens.dynamics import endpoints
from hmmlens.networks import cells
from hmmlens.validation.fidelity import output_law

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, files = snakemake.params, snakemake.input
data = store.read(job.store(files.sequences), "sequences")
root = activations.read(job.store(files.activations))
network = cells.for_dataset(params.network, data.attrs, data.sizes, seed=0)
device = cells.pick_device(params.device)
cells.load_weights(network, Path(files.weights)).to(device)

N_STARTS = 300
rng = np.random.default_rng(params.seed)
inputs = root["input"].to_numpy()
inputs = inputs[rng.integers(len(inputs), size=N_STARTS)]
times = rng.integers(inputs.shape[1] // 4, inputs.shape[1], size=N_STARTS)
symbols = data.attrs["input_kind"] == "symbols"
settled = endpoints.settle(network, torch.from_numpy(inputs).to(device), times, feedback=symbols)
kind = data.attrs["target_kind"]
visited = output_law(root["output"].to_numpy(), kind)
found = endpoints.endpoints(
    output_law(settled.cpu().numpy(), kind).astype(float), visited.reshape(-1, visited.shape[-1])
)
result = xr.Dataset(
    {"output": (("start", "output"), found.outputs)},
    attrs={
        "n_coarse": found.n_coarse,
        "n_fine": found.n_fine,
        "ratio": found.ratio,
        "neutral_input": "its own likeliest symbol" if symbols else "zeros",
        "n_steps": endpoints.N_SETTLING_STEPS,
    },
)
store.write(result, job.store(snakemake.output[0]), "endpoints", job.made_by(snakemake))
log.info("%d endpoints, %d with finer balls", found.n_coarse, found.n_fine)
