"""Draw the figures of a round-trip study."""

from pathlib import Path

import job

from hmmlens.report import trips

log = job.start(snakemake)
trips.draw(Path(snakemake.input.tables), Path(snakemake.output[0]))
log.info("drawn")
