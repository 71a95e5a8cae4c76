"""Put all networks into tables, and hold them against what is promised and beside the paper."""

from pathlib import Path

import job

from hmmlens import config_emulation
from hmmlens.emulation.folders import write_tables
from hmmlens.report import torre

log = job.start(snakemake)
study = config_emulation.load(snakemake.params.study, "the study")
folder = Path(snakemake.output.tables)
tables = torre.tables(folder.parent, study)
for name, table in tables.items():
    log.info("%s: %d rows", name, len(table))
write_tables(tables, folder)
log.info("%s", "\n".join(torre.outcome(tables["gates"])))
