"""Find the plateau of a training's loss, and how it ended."""

from pathlib import Path

import job
import numpy as np
import pandas as pd
import torch

from hmmlens.config_emulation import Emulation, EmulationNetwork
from hmmlens.datasets.generators import check_hmm
from hmmlens.emulation import escape, folders, outcome

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, trained = snakemake.params, Path(snakemake.input.trained)
hmm, settings = check_hmm(*params.target), Emulation(**params.training)
history = pd.read_csv(trained / "history.csv")
rng = np.random.default_rng(params.seed)
tables = folders.attempted(lambda: {"plateau": outcome.plateau_row(history, settings, hmm, rng)})
if settings.objective == "sinkhorn":
    network = folders.read_network(
        trained, EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
    )
    weights = list(folders.read_checkpoints(trained).items())
    tables |= folders.attempted(
        lambda: {"escape": escape.escape_row(network, weights, hmm, settings.n_steps, params.seed)}
    )
for table in tables.values():
    log.info("%s", table.T.to_string())
folders.write_tables(tables, Path(snakemake.output[0]))
