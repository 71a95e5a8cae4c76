"""Make one dataset."""

from pathlib import Path

import job
from pydantic import TypeAdapter

from hmmlens import store
from hmmlens.config import DatasetConfig
from hmmlens.datasets.build import SPLITS, build

log = job.start(snakemake)
settings = TypeAdapter(DatasetConfig).validate_python(snakemake.params.settings)
wheel = Path(snakemake.input.wheel) if snakemake.input.get("wheel") else None
data = build(settings, snakemake.params.seed, wheel)
store.write(data, job.store(snakemake.output[0]), "sequences", job.made_by(snakemake))
counts = {name: int((data["split"] == part).sum()) for part, name in enumerate(SPLITS)}
log.info("sequences: %s, each up to %d steps", counts, data.sizes["time"])
