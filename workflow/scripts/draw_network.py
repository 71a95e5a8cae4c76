"""Draw the figures of one network: first seed, each layer."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.report import style
from hmmlens.report.explain import study

log = job.start(snakemake)
style.use()
folder = Path(snakemake.input.tables)
found = {name: pd.read_csv(folder / f"{name}.csv") for name in study.DRAWN_FROM}
shown = study.Shown(snakemake.wildcards.network, **snakemake.params.shown)
for name, figure, source in study.network_figures(folder.parent, shown, found):
    style.save(figure, Path(snakemake.output[0]) / name, source)
    log.info("%s: drawn", name)
