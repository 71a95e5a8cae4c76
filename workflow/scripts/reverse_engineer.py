"""Take a network's dynamics apart: fixed points, orbits, training, regions, sensitivity."""

from pathlib import Path

import job
import torch

from hmmlens.config_emulation import EmulationNetwork
from hmmlens.datasets.generators import check_hmm
from hmmlens.dynamics import reverse
from hmmlens.emulation import folders

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, folder = snakemake.params, Path(snakemake.output[0])
hmm, trained = check_hmm(*params.target), Path(snakemake.input.trained)
network = folders.read_network(
    trained, EmulationNetwork(**params.network), hmm.emissionprob.shape[1]
)
checkpoints = list(folders.read_checkpoints(trained).items())
escape = folders.entry(Path(snakemake.input.plateau), "plateau", "escape")
given = (network, checkpoints, hmm, params.seed)
tables = folders.attempted(lambda: reverse.reverse_engineer(*given, escape))
for name, table in tables.items():
    log.info("%s\n%s", name, table.head(20).to_string(index=False))
if params.pictures and "onset" in tables:
    turn = tables["onset"].set_index("measure")["update"].get("critical", float("nan"))
    pictures = folders.attempted(lambda: reverse.pictures(*given, turn))
    folders.write_tables(pictures, folder / "pictures")
folders.write_step(tables, folder)
