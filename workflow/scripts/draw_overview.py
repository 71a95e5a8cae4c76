"""Draw the figures of the whole study."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.report import style
from hmmlens.report.explain import study

log = job.start(snakemake)
style.use()
folder, tables = Path(snakemake.output[0]), Path(snakemake.input.tables)
wanted = ("training", "ceilings", "agreement", "verdicts", "methods")
found = {name: pd.read_csv(tables / f"{name}.csv") for name in wanted}
for name, figure, source in study.overview_figures(found):
    style.save(figure, folder / name, source)
log.info("drawn")
