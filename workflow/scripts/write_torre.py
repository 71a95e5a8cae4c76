"""Set the report of a study of emulating networks."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.figures.torre import CAPTIONS
from hmmlens.report import document, torre

log = job.start(snakemake)
files, output = snakemake.input, Path(snakemake.output[0])
folder = Path(files.tables)
drawn = [name for name in CAPTIONS if (Path(files.figures) / f"{name}.pdf").exists()]
read = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
facts = torre.facts(read, snakemake.params.about)
facts["captions"] = {name: CAPTIONS[name] for name in drawn}
tables = [folder / f"{name}.csv" for name in facts["tables"]]
figures = [Path(files.figures) / f"{name}.pdf" for name in drawn]
document.compile_pdf(Path(files.template), facts, tables, {"": figures}, output)
log.info("written")
