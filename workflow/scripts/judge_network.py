"""Grade every layer of one network and of its untrained control."""

import job
import pandas as pd

from hmmlens.futures.summary import from_dataset
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.stages.judge import judge_layer
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.grading.recorded import EvidenceSettings

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
data = store.read(store.inside(files.sequences), "sequences").load()
ceilings = pd.read_csv(files.ceilings)
reservoir_grades = None
if files.get("reservoirs"):
    reservoirs = pd.read_csv(files.reservoirs).query("weights == 'initial'")
    reservoir_grades = reservoirs.set_index("seed")["grade"]
layers = params.network["layers"]
settings = EvidenceSettings(fidelity_tolerance=params.fidelity_tolerance)

rows = []
jobs = zip(
    params.runs, files.activations, files.endpoints, files.futures, files.scores, strict=True
)
for run, recording, ends, future, scores in jobs:
    path = store.inside(recording)
    root = activations.read(path).load()
    test = pd.read_csv(scores).set_index("split").loc["test"]
    futures = from_dataset(store.read(store.inside(future), "futures").load())
    trained = run["network"] == snakemake.wildcards.network
    for layer, seed in zip(layers, run["seeds"], strict=True):
        grade = None
        if reservoir_grades is not None and trained and layer == layers[-1]:
            grade = reservoir_grades.loc[run["seed"]]
        row = judge_layer(
            verdict_inputs.recorded(
                root, activations.read(path, layer), data, params.network["lstm_state"]
            ),
            verdict_inputs.losses(test, ceilings, data.attrs, params.network["kind"] == "trained"),
            verdict_inputs.settled(store.read(store.inside(ends), "endpoints")),
            seed,
            grade,
            settings,
            futures=futures,
        )
        rows.append({"network": run["network"], "seed": run["seed"], "layer": layer, **row})
        log.info("%s, seed %d, %s: %s", run["network"], run["seed"], layer, row["sentence"])
pd.DataFrame(rows).to_csv(snakemake.output[0], index=False)
