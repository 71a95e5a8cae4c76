"""Judge one network's weights before training, and after training but permuted, by seed."""

from pathlib import Path

import job
import numpy as np
import pandas as pd
import torch

from hmmlens.io import store
from hmmlens.rnn import recurrent_network, training
from hmmlens.stages.record import choose_sequences
from hmmlens.stages.reservoir import judge_with_readout
from hmmlens.validation.baselines import reservoir
from hmmlens.validation.grading.recorded import EvidenceSettings

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, files = snakemake.params, snakemake.input
data = store.read(store.inside(files.sequences), "sequences").load()
splits = training.by_split(data, torch.device("cpu"))
chosen = choose_sequences(data, params.activations["max_frames"])
ceilings = pd.read_csv(files.ceilings)
settings = EvidenceSettings(fidelity_tolerance=params.fidelity_tolerance)

rows = []
for seed, (initial, own) in enumerate(zip(params.initial, params.seeds, strict=True)):
    before = recurrent_network.for_dataset(params.network, data.attrs, data.sizes, initial)
    after = recurrent_network.for_dataset(params.network, data.attrs, data.sizes, initial)
    recurrent_network.load_weights(after, Path(files.weights[seed]))
    reservoir.permute(after, np.random.default_rng(own))
    for weights, network in (("initial", before), ("permuted", after)):
        row = judge_with_readout(
            network, splits, data, chosen, ceilings, params.network["lstm_state"], own, settings
        )
        rows.append({"seed": seed, "weights": weights, **row})
        log.info("seed %d, %s: %s", seed, weights, row["sentence"])
pd.DataFrame(rows).to_csv(snakemake.output[0], index=False)
