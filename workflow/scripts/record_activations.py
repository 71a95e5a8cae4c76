"""Record the states of one network."""

from pathlib import Path

import job
import torch

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.rnn import devices, loading
from hmmlens.stages.record import choose_sequences, record

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
data = store.read(store.inside(snakemake.input.sequences), "sequences")
network = loading.network(
    params.network, data.attrs, data.sizes, Path(snakemake.input.weights), Path.cwd()
).to(devices.choose(params.device))

chosen = choose_sequences(data, params.activations["max_frames"])
tree = record(
    network,
    activations.network_input(data.isel(sequence=chosen), params.network["kind"]),
    data,
    chosen,
    layers=params.network.get("layers"),
    batch_size=params.activations["batch_size"],
    batch_first=params.network.get("batch_first"),
    verify="all",
    store=store.inside(snakemake.output[0]),
    partial=params.partial,
    made_by=job.made_by(snakemake),
)
log.info("%d of %d sequences recorded", len(chosen), data.sizes["sequence"])
log.info("replay error %.2g, %s", tree.attrs["replay_error"], tree.attrs["replay"])
