"""Gather all results of the study into tables and findings."""

import json
from pathlib import Path

import job

from hmmlens.report.explain import findings, study, tables
from hmmlens.study.table_parts import Parts

log = job.start(snakemake)
params, output = snakemake.params, snakemake.output
results = Path(output.findings).parent
found, about = study.gather_tables(results, Parts(**params.parts), params.exploratory)
for name, table in found.items():
    tables.save(table, Path(output.tables) / name)
    log.info("%s: %d rows", name, len(table))
sentences = findings.study(found, about, params.criterion)
Path(output.findings).write_text(json.dumps(sentences, indent=2) + "\n")
