"""Train one network on a task with a known model, judge it, and recover its states."""

from pathlib import Path

import job
import torch

from hmmlens.rnn import devices
from hmmlens.rnn.settings import Training
from hmmlens.roundtrip import pipeline
from hmmlens.roundtrip.settings import RoundTripSettings, Trip

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, folder = snakemake.params, Path(snakemake.output[0])
devices.choose(params.settings["device"])
about = dict(snakemake.wildcards)
tables = pipeline.run(
    Trip.model_validate(params.trip),
    about["cell"],
    Training(**params.training),
    RoundTripSettings(**params.settings),
    params.seed,
)
folder.mkdir(parents=True, exist_ok=True)
for name, table in tables.items():
    log.info("%s\n%s", name, table.T.to_string())
    for column, value in reversed(about.items()):
        table.insert(0, column, value)
    table.to_csv(folder / f"{name}.csv", index=False)
