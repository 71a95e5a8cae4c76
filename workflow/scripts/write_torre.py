"""Set the report of a study of emulating networks."""

import json
from pathlib import Path

import job

from hmmlens.report.emulation import pipeline

log = job.start(snakemake)
files, output = snakemake.input, Path(snakemake.output[0])
pipeline.write(
    Path(files.template),
    Path(files.tables),
    Path(files.figures),
    json.loads(snakemake.params.about),
    output,
)
log.info("written")
