"""Gather all networks into tables, and compare them with the criteria and with the paper."""

from pathlib import Path

import job

from hmmlens.report.emulation import pipeline
from hmmlens.study import emulation_study
from hmmlens.study.emulation_folders import write_tables

log = job.start(snakemake)
study = emulation_study.load(snakemake.params.study, "the study")
folder = Path(snakemake.output.tables)
tables = pipeline.tables(folder.parent, study)
for name, table in tables.items():
    log.info("%s: %d rows", name, len(table))
write_tables(tables, folder)
log.info("%s", "\n".join(pipeline.outcome(tables["gates"])))
