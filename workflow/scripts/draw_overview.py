"""Draw the figures of the whole study."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.figures import overview, style

log = job.start(snakemake)
style.use()
folder, tables = Path(snakemake.output[0]), Path(snakemake.input.tables)


def read(name):
    return pd.read_csv(tables / f"{name}.csv")


curves = read("training")
# A study of loaded networks alone has none.
if len(curves):
    figure, source = overview.training(curves, read("ceilings"))
    style.save(figure, folder / "training", source)
figure, source = overview.controls(read("agreement"), read("verdicts"))
style.save(figure, folder / "controls", source)
figure, source = overview.methods(read("methods"))
style.save(figure, folder / "methods", source)
log.info("drawn")
