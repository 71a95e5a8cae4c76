"""Record the states of one network."""

from pathlib import Path

import job
import torch

from hmmlens import activations, store
from hmmlens.networks import cells

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
data = store.read(job.store(snakemake.input.sequences), "sequences")
network = cells.for_dataset(params.network, data.attrs, data.sizes, seed=0)
cells.load_weights(network, Path(snakemake.input.weights)).to(cells.pick_device(params.device))

chosen = activations.thin(
    data["split"].to_numpy(), data["length"].to_numpy(), params.activations["max_frames"]
)
part = data.isel(sequence=chosen)
labels = {name: part[name].to_numpy() for name in ("length", "split")} | {"sequence": chosen}
error = activations.record(
    network,
    part["input"].to_numpy(),
    job.store(snakemake.output[0]),
    labels,
    job.made_by(snakemake),
    params.activations["batch_size"],
)
log.info(
    "%d of %d sequences recorded; replay error %.2g", len(chosen), data.sizes["sequence"], error
)
