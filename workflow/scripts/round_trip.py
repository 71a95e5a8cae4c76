"""Train one network on a task whose answer is known, judge it, and read its states back."""

from pathlib import Path

import job
import torch

from hmmlens import devices
from hmmlens.config_networks import Training
from hmmlens.config_roundtrip import Trip
from hmmlens.roundtrip import trip

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, folder = snakemake.params, Path(snakemake.output[0])
devices.choose(params.settings["device"])
about = dict(snakemake.wildcards)
tables = trip.run(
    Trip.model_validate(params.trip),
    about["cell"],
    Training(**params.training),
    trip.Settings(**params.settings),
    params.seed,
)
folder.mkdir(parents=True, exist_ok=True)
for name, table in tables.items():
    log.info("%s\n%s", name, table.T.to_string())
    for column, value in reversed(about.items()):
        table.insert(0, column, value)
    table.to_csv(folder / f"{name}.csv", index=False)
