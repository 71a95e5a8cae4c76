"""Measure a network as the paper does where this library measures otherwise."""

from pathlib import Path

import job
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.analysis import paper_protocols
from hmmlens.emulation.settings import EmulationNetwork
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, trained = snakemake.params, Path(snakemake.input.trained)
hmm = check_hmm(*params.target)
network = emulation_folders.read_network(
    trained, EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
checkpoints = list(emulation_folders.read_checkpoints(trained).items())
settings = paper_protocols.ProtocolSettings(n_sequences=params.n_sequences)
tables = paper_protocols.all_protocols(
    network, checkpoints, hmm, params.name, params.epoch, params.seed, settings
)
for name, table in tables.items():
    log.info("%s\n%s", name, table.to_string(index=False))
emulation_folders.write_step(tables, Path(snakemake.output[0]))
