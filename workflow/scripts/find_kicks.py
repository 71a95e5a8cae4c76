"""Find the units that kick a network out of its states, and compare them with other units."""

from pathlib import Path

import job
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.dynamics.labels import informative
from hmmlens.emulation.kicks.matched_loss import kicks_at_loss
from hmmlens.emulation.kicks.pipeline import kick_analysis
from hmmlens.emulation.settings import EmulationNetwork
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params = snakemake.params
hmm = check_hmm(*params.target)
network = emulation_folders.read_network(
    Path(snakemake.input.trained), EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
found = emulation_folders.attempted(lambda: kick_analysis(network, informative(hmm), params.seed))
tables = {name.removeprefix("kick_"): table for name, table in found.items()}
if params.levels:
    checkpoints = emulation_folders.read_checkpoints(Path(snakemake.input.trained)).items()
    tables["at_loss"] = kicks_at_loss(network, checkpoints, hmm, params.levels, params.seed)
for name in ("kicks", "gated", "verdict", "at_loss", "refused"):
    if name in tables:
        log.info("%s\n%s", name, tables[name].T.to_string())
emulation_folders.write_step(tables, Path(snakemake.output[0]))
