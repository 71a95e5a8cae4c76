"""Draw the figures of a round-trip study."""

from pathlib import Path

import job

from hmmlens.report.roundtrip import pipeline

log = job.start(snakemake)
pipeline.draw(Path(snakemake.input.tables), Path(snakemake.output[0]))
log.info("drawn")
