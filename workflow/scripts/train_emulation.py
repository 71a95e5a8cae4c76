"""Train one network on a target."""

from pathlib import Path

import job
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.analysis import outcome
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.emulation.training import train
from hmmlens.rnn.recurrent_network import pick_device
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, folder = snakemake.params, Path(snakemake.output[0])
hmm, device = check_hmm(*params.target), pick_device(params.device)
settings, checkpoint = Emulation(**params.training), Path(params.checkpoint)
log.info("device %s", device)
trained = train(settings, EmulationNetwork(**params.network), hmm, params.seed, checkpoint, device)
folder.mkdir(parents=True, exist_ok=True)
emulation_folders.write_network(trained, folder)
tables = {"history": trained.history, "outcome": outcome.end_row(trained)}
log.info("%s", tables["outcome"].T.to_string())
emulation_folders.write_step(tables, folder)
checkpoint.unlink(missing_ok=True)
