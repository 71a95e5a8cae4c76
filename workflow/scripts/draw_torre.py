"""Draw all figures that the study has tables for."""

from pathlib import Path

import job

from hmmlens.figures import style, torre

log = job.start(snakemake)
style.use()
folder = Path(snakemake.output[0])
folder.mkdir(parents=True, exist_ok=True)
tables = Path(snakemake.input.tables)
for name, figure, source in torre.draw(tables, tables.parent):
    style.save(figure, folder / name, source)
    log.info("%s", name)
