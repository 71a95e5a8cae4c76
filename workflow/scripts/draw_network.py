"""Draw the figures of one network: first seed, each layer."""

from pathlib import Path

import job
import numpy as np
import pandas as pd

from hmmlens import activations, store
from hmmlens.figures import layer as figures
from hmmlens.figures import style
from hmmlens.report import gather
from hmmlens.validation import verdict

log = job.start(snakemake)
style.use()
params, files = snakemake.params, snakemake.input
wanted = ("fits", "choices", "by_count", "ceilings", "verdicts")
tables = {name: pd.read_csv(Path(files.tables) / f"{name}.csv") for name in wanted}
sequences = store.read(job.store(files.sequences), "sequences")
root = activations.read(job.store(files.activations))
task = figures.task(root, sequences)
ceiling = gather.of(tables["ceilings"], dataset=params.dataset, name="exact filter", metric="ari")[
    "value"
]
twins = files.twin_explanations or [None] * len(params.layers)
for index, layer in enumerate(params.layers):
    n = len(params.reducers)
    reduced = dict(zip(params.reducers, files.reduced[index * n : (index + 1) * n], strict=True))
    reading = store.read(job.store(files.explanations[index]), "explanation").load()
    twin = twins[index] and store.read(job.store(twins[index]), "explanation").load()
    maps = {}
    for name in (reading.attrs["reducer"], *params.exploratory):
        label = f"{name} (exploratory)" if name in params.exploratory else name
        maps[label] = store.read(job.store(reduced[name]), "reduced")["reduced"].to_numpy()
    place = {"network": snakemake.wildcards.network, "seed": 0, "layer": layer}
    mine = {name: gather.of(tables[name], **place) for name in ("fits", "choices", "by_count")}
    raw = gather.of(tables["fits"], network=f"raw-{params.dataset}")
    mine["fits"] = pd.concat([mine["fits"], raw], ignore_index=True)
    top = float(ceiling.iloc[0]) if len(ceiling) else np.nan
    graded = gather.of(tables["verdicts"], role="trained", **place).iloc[0]
    told = verdict.title(graded["grade"], graded["n_states"], str(graded["input_driven"]) == "True")
    for name, figure, source in figures.figures(
        task, reading, twin, maps, mine, params.criterion, top, told
    ):
        style.save(figure, Path(snakemake.output[0]) / f"{layer}-{name}", source)
    log.info("%s: drawn", layer)
