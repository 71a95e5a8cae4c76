"""Compare what a network emits with its target, and check that its states stay in bounds."""

from pathlib import Path

import job
import numpy as np
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.analysis import metrics, outcome
from hmmlens.emulation.settings import EmulationNetwork
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
hmm = check_hmm(*params.target)
network = emulation_folders.read_network(
    Path(snakemake.input.trained), EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
generator = torch.Generator().manual_seed(params.seed)
rng = np.random.default_rng(params.seed)
tables = {"stability": outcome.stability_row(network, generator)}
log.info("%s", tables["stability"].T.to_string())
settings = metrics.MetricsSettings(n_sequences=params.n_sequences)
tables |= emulation_folders.attempted(
    lambda: {"metrics": metrics.evaluate(network, hmm, generator, rng, settings)}
)
log.info("%s", tables.get("metrics", tables.get("refused")).to_string(index=False))
emulation_folders.write_step(tables, Path(snakemake.output[0]))
