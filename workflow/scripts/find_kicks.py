"""Find the units that kick a network out of its states, and hold them against other units."""

from pathlib import Path

import job
import torch

from hmmlens.config_emulation import EmulationNetwork
from hmmlens.datasets.generators import check_hmm
from hmmlens.dynamics.kick_analysis import kick_analysis
from hmmlens.dynamics.labels import informative
from hmmlens.emulation import folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
hmm = check_hmm(*params.target)
network = folders.read_network(
    Path(snakemake.input.trained), EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
found = folders.attempted(lambda: kick_analysis(network, informative(hmm), params.seed))
tables = {name.removeprefix("kick_"): table for name, table in found.items()}
for name in ("kicks", "gated", "verdict", "refused"):
    if name in tables:
        log.info("%s\n%s", name, tables[name].T.to_string())
folders.write_step(tables, Path(snakemake.output[0]))
