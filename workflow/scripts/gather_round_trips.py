"""Put all networks of a round-trip study into tables, and hold them against what is promised."""

from pathlib import Path

import job
import pandas as pd

from hmmlens.report import roundtrip

log = job.start(snakemake)


def gathered(name):
    parts = [pd.read_csv(Path(folder) / f"{name}.csv") for folder in snakemake.input.trips]
    # Tables without rows know no types.
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


tables = roundtrip.Tables(*(gathered(name) for name in roundtrip.Tables._fields))
gates = roundtrip.gates(tables)
folder = Path(snakemake.output.tables)
folder.mkdir(parents=True, exist_ok=True)
made = {
    **tables._asdict(),
    "gates": gates,
    "tasks": roundtrip.by_trip(tables),
    "methods": roundtrip.by_method(tables),
    "misses": roundtrip.misses(tables),
    **roundtrip.summaries(tables),
}
for name, table in made.items():
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
log.info("%s", "\n".join(roundtrip.outcome(gates)))
