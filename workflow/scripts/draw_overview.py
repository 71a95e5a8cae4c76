"""Draw the figures of the whole study."""

from pathlib import Path

import job

from hmmlens.report import figures, style
from hmmlens.report.explain import study

log = job.start(snakemake)
style.use()
folder, read = Path(snakemake.output[0]), figures.table_reader(Path(snakemake.input.tables))
for name, figure, source in study.draw_overview_figures(read):
    style.save(figure, folder / name, source)
log.info("drawn")
