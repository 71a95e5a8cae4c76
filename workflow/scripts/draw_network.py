"""Draw the figures of one network: first seed, each layer."""

from pathlib import Path

import job

from hmmlens.report import figures, style
from hmmlens.report.explain import study

log = job.start(snakemake)
style.use()
folder = Path(snakemake.input.tables)
read = figures.table_reader(folder)
shown = study.Shown(snakemake.wildcards.network, **snakemake.params.shown)
for name, figure, source in study.draw_network_figures(folder.parent, shown, read):
    style.save(figure, Path(snakemake.output[0]) / name, source)
    log.info("%s: drawn", name)
