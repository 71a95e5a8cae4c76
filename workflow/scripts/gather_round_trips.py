"""Gather all networks of a round-trip study into tables, and compare them with the criteria."""

from pathlib import Path

import job

from hmmlens.report.roundtrip import pipeline

log = job.start(snakemake)
found = pipeline.read(map(Path, snakemake.input.trips))
log.info("%s", "\n".join(pipeline.make_tables(found, Path(snakemake.output.tables))))
