"""Draw the figures of a round-trip study."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.figures import roundtrip, style

log = job.start(snakemake)
style.use()
folder, tables = Path(snakemake.output[0]), Path(snakemake.input.tables)
folder.mkdir(parents=True, exist_ok=True)
verdicts = pd.read_csv(tables / "verdicts.csv")
methods = pd.read_csv(tables / "methods.csv")
drawn = {
    "grades": roundtrip.grades(verdicts),
    "evidence": roundtrip.evidence(verdicts),
}
if verdicts["expected"].eq("D").any():
    drawn["counts"] = roundtrip.counts(verdicts)
if len(methods):
    drawn["recovery"] = roundtrip.recovery(pd.read_csv(tables / "recovery.csv"), methods)
for name, (figure, source) in drawn.items():
    style.save(figure, folder / name, source)
log.info("drawn")
