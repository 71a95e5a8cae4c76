"""Draw all figures that the study has tables for."""

from pathlib import Path

import job

from hmmlens.report import style
from hmmlens.report.emulation.figures import registry

log = job.start(snakemake)
style.use()
folder = Path(snakemake.output[0])
folder.mkdir(parents=True, exist_ok=True)
tables, results = Path(snakemake.input.tables), folder.parent
for name, figure, source in registry.draw(tables, results):
    style.save(figure, folder / name, source)
    log.info("%s", name)
