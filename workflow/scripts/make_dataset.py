"""Make one dataset."""

from pathlib import Path

import job
from pydantic import TypeAdapter

from hmmlens.datasets.build import build
from hmmlens.datasets.published_packages import checked
from hmmlens.datasets.settings import DatasetConfig
from hmmlens.datasets.splits import SPLITS
from hmmlens.io import store

log = job.start(snakemake)
settings = TypeAdapter(DatasetConfig).validate_python(snakemake.params.settings)
source = snakemake.input.get("source")
if source:
    source = checked(settings.source, Path(source))
data = build(settings, snakemake.params.seed, source or None, snakemake.params.frozen)
store.write(data, store.inside(snakemake.output[0]), "sequences", job.made_by(snakemake))
counts = {name: int((data["split"] == part).sum()) for part, name in enumerate(SPLITS)}
log.info("sequences: %s, each up to %d steps", counts, data.sizes["time"])
