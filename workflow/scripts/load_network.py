"""Read the weights of one network, or draw them anew, and score it."""

from pathlib import Path

import job
import pandas as pd
import torch

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.recording.extract import extract
from hmmlens.rnn import devices, loading, output_checks, recurrent_network, training
from hmmlens.rnn.description import described

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, settings = snakemake.params, snakemake.params.network
data = store.read(store.inside(snakemake.input.sequences), "sequences")
network = loading.load(settings, Path.cwd())
if not params.trained:
    loading.reinitialise(network, params.seed)
network.to(devices.choose(params.device))

tree = extract(
    network,
    activations.network_input(data, settings["kind"]),
    data["length"].to_numpy(),
    cell=False,
    verify="none",
    batch_size=params.batch_size,
    batch_first=settings.get("batch_first"),
)
output = output_checks.check_recording(tree, data, settings["layers"])
scores = training.score_splits(output, data).assign(**described(network))
scores.to_csv(snakemake.output.scores, index=False)
pd.DataFrame(columns=training.CURVE).to_csv(snakemake.output.training, index=False)
recurrent_network.save(network, Path(snakemake.output.weights))
log.info("scores:\n%s", scores.to_string(index=False))
