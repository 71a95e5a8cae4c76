"""Run one network from states that it visits: on neutral input, and on recorded inputs."""

from pathlib import Path

import job
import torch

from hmmlens.dynamics.neutral_input import NEUTRAL_TEXT, neutral_input
from hmmlens.futures.summary import to_dataset
from hmmlens.io import store
from hmmlens.recording import activations, protocol
from hmmlens.recording.activations import output_distribution
from hmmlens.rnn import devices, loading
from hmmlens.stages.endpoints import find_endpoints, to_store
from hmmlens.stages.futures import compare_futures

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, files = snakemake.params, snakemake.input
data = store.read(store.inside(files.sequences), "sequences")
root = activations.read(store.inside(files.activations))
device = devices.choose(params.device)
network = loading.network(
    params.network, data.attrs, data.sizes, Path(files.weights), Path.cwd()
).to(device)

found, neutral = None, neutral_input(data.attrs)
neutral_text = NEUTRAL_TEXT[neutral]
if neutral == "zero":
    network_inputs = activations.network_input(data, params.network["kind"])
    neutral_text = network_inputs.attrs.get("zeros", neutral_text)
if protocol.follows(network):
    names = ("input", "output", "length", "split")
    inputs, output, length, split = (root[name].to_numpy() for name in names)
    distribution = output_distribution(output, data.attrs["target_kind"])
    found = find_endpoints(network, inputs, distribution, length, split, data.attrs, params.seed)
else:
    neutral_text = "it has no single steps that could be called"
result = to_store(found, neutral_text, root.sizes["output"])
made_by = job.made_by(snakemake)
store.write(result, store.inside(snakemake.output.endpoints), "endpoints", made_by)
log.info("neutral input: %s; %s", neutral_text, result.attrs)

read = activations.network_input(data, params.network["kind"])
rows = root["sequence"].to_numpy()
futures = compare_futures(
    network,
    read.isel(sequence=rows).to_numpy(),
    root["output"].to_numpy(),
    root["length"].to_numpy(),
    root["split"].to_numpy(),
    data.attrs["target_kind"],
    data["input"].isel(sequence=rows).to_numpy(),
)
store.write(to_dataset(futures), store.inside(snakemake.output.futures), "futures", made_by)
log.info("futures: %s", "not compared" if futures is None else dict(futures.numbers))
