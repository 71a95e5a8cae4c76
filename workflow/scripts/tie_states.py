"""Fit hidden Markov models to a network's states, and measure what they forecast."""

from pathlib import Path

import job
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.settings import EmulationNetwork
from hmmlens.emulation.states.pipeline import states_and_dynamics
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
hmm = check_hmm(*params.target)
network = emulation_folders.read_network(
    Path(snakemake.input.trained), EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
kicks = emulation_folders.read_kicks(Path(snakemake.input.kicks)) if snakemake.input.kicks else None
log.info("kick units: %s", kicks)
tables = emulation_folders.attempted(lambda: states_and_dynamics(network, hmm, params.seed, kicks))
for name in ("counts", "information", "refused"):
    if name in tables:
        log.info("%s\n%s", name, tables[name].to_string(index=False))
emulation_folders.write_step(tables, Path(snakemake.output[0]))
