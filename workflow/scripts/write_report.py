"""Set the report from the tables, figures and findings."""

import json
from pathlib import Path

import job

from hmmlens.report.explain import typeset

log = job.start(snakemake)
files, params = snakemake.input, snakemake.params
typeset.write_report(
    template=Path(files.template),
    tables=Path(files.tables),
    findings=Path(files.findings),
    overview=Path(files.overview),
    networks=dict(zip(params.networks, map(Path, files.networks), strict=True)),
    about=json.loads(params.about),
    output=Path(snakemake.output[0]),
)
log.info("written")
