"""Train one network, or keep its initial weights."""

from pathlib import Path

import job
import pandas as pd
import torch

from hmmlens.io import store
from hmmlens.rnn import devices, recurrent_network, training
from hmmlens.rnn.description import described
from hmmlens.rnn.settings import Training

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
device = devices.choose(params.device)
data = store.read(store.inside(snakemake.input.sequences), "sequences")
network = recurrent_network.for_dataset(params.network, data.attrs, data.sizes, params.seed).to(
    device
)
splits = training.by_split(data, device)

history = []
checkpoint = Path(params.checkpoint)
if params.trained:
    signature = job.made_by(snakemake)["config_hash"] + training.fingerprint(data)
    settings = Training(**params.training)
    history = training.train(network, splits, settings, params.seed, checkpoint, signature)
pd.DataFrame(history, columns=training.CURVE).to_csv(snakemake.output.training, index=False)

rows = [
    {"split": name, **training.evaluate(network, part)._asdict()} for name, part in splits.items()
]
scores = pd.DataFrame(rows).assign(**described(network))
scores.to_csv(snakemake.output.scores, index=False)
recurrent_network.save(network, Path(snakemake.output.weights))
checkpoint.unlink(missing_ok=True)
log.info("scores:\n%s", scores.to_string(index=False))
