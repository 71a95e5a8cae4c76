"""Find the plateau of a training's loss, and how it ended."""

from pathlib import Path

import job
import numpy as np
import pandas as pd
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.analysis import outcome
from hmmlens.emulation.analysis.plateau import escape
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, trained = snakemake.params, Path(snakemake.input.trained)
hmm, settings = check_hmm(*params.target), Emulation(**params.training)
history = pd.read_csv(trained / "history.csv")
rng = np.random.default_rng(params.seed)
tables = emulation_folders.attempted(
    lambda: {"plateau": outcome.plateau_row(history, settings, hmm, rng)}
)
if settings.objective == "sinkhorn":
    network = emulation_folders.read_network(
        trained, EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
    )
    weights = list(emulation_folders.read_checkpoints(trained).items())
    tables |= emulation_folders.attempted(
        lambda: {"escape": escape.escape_row(network, weights, hmm, settings.n_steps, params.seed)}
    )
for table in tables.values():
    log.info("%s", table.T.to_string())
emulation_folders.write_tables(tables, Path(snakemake.output[0]))
