"""Analyse a network's dynamics: fixed points, orbits, training, regions, sensitivity."""

from pathlib import Path

import job
import torch

from hmmlens.datasets.synthetic.generators import check_hmm
from hmmlens.emulation.analysis import pipeline
from hmmlens.emulation.settings import EmulationNetwork
from hmmlens.study import emulation_folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, folder = snakemake.params, Path(snakemake.output[0])
hmm, trained = check_hmm(*params.target), Path(snakemake.input.trained)
network = emulation_folders.read_network(
    trained, EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
checkpoints = list(emulation_folders.read_checkpoints(trained).items())
escape = emulation_folders.entry(Path(snakemake.input.plateau), "plateau", "escape")
arguments = (network, checkpoints, hmm, params.seed)
tables = emulation_folders.attempted(lambda: pipeline.reverse_engineer(*arguments, escape))
for name, table in tables.items():
    log.info("%s\n%s", name, table.head(20).to_string(index=False))
if params.pictures and "onset" in tables:
    critical = tables["onset"].set_index("measure")["update"].get("critical", float("nan"))
    pictures = emulation_folders.attempted(lambda: pipeline.pictures(*arguments, critical))
    emulation_folders.write_tables(pictures, folder / "pictures")
emulation_folders.write_step(tables, folder)
