"""Judge the initial weights of one network with a fitted readout, one row for each seed."""

import job
import numpy as np
import pandas as pd
import torch

from hmmlens import activations, extract, store
from hmmlens.dynamics.endpoints import leave_alone
from hmmlens.networks import cells, reservoir, training
from hmmlens.validation import records

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, files = snakemake.params, snakemake.input
data = store.read(job.store(files.sequences), "sequences").load()
ceilings = pd.read_csv(files.ceilings)
splits = training.by_split(data, torch.device("cpu"))
chosen = activations.thin(
    data["split"].to_numpy(), data["length"].to_numpy(), params.activations["max_frames"]
)
part = data.isel(sequence=chosen)
top = params.network["layers"][-1]

rows = []
for seed, (initial, own) in enumerate(zip(params.initial, params.seeds, strict=True)):
    network = cells.for_dataset(params.network, data.attrs, data.sizes, initial)
    reservoir.fit_readout(network, splits["train"])
    tree = extract(
        network, activations.fed(part), part["length"].to_numpy(), layers=[top], verify="none"
    )
    root = tree.to_dataset().assign(
        sequence=("sequence", chosen), split=("sequence", part["split"].to_numpy())
    )
    recorded = (root[name].to_numpy() for name in ("input", "output", "length"))
    settled = leave_alone(network, *recorded, data.attrs, np.random.default_rng(own))
    test = pd.Series(training.evaluate(network, splits["test"])._asdict())
    row = records.judged(
        records.recorded(root, tree[top].to_dataset(), data, params.network["lstm_state"]),
        records.losses(test, ceilings, data.attrs, trained_here=True),
        settled,
        own,
    )
    rows.append({"seed": seed, "layer": top, **row})
    log.info("seed %d: %s", seed, row["sentence"])
pd.DataFrame(rows).to_csv(snakemake.output[0], index=False)
