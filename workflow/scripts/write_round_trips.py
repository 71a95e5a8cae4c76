"""Set the report of a round-trip study."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.figures.roundtrip import CAPTIONS
from hmmlens.report import document, roundtrip

log = job.start(snakemake)
files, output = snakemake.input, Path(snakemake.output[0])
drawn = [name for name in CAPTIONS if (Path(files.figures) / f"{name}.pdf").exists()]
facts = {
    "about": dict(snakemake.params.about),
    "outcome": roundtrip.outcome(pd.read_csv(Path(files.tables) / "gates.csv")),
    "captions": {name: CAPTIONS[name] for name in drawn},
}
shown = ("gates", "tasks", "methods", "misses", "rival_means", "belief_means", "spoken_means")
tables = [Path(files.tables) / f"{name}.csv" for name in shown]
figures = [Path(files.figures) / f"{name}.pdf" for name in drawn]
document.compile_pdf(Path(files.template), facts, tables, {"": figures}, output)
log.info("written")
