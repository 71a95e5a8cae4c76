"""Read the chosen models of one layer."""

import job
import pandas as pd

from hmmlens.interpretation.states import interpret
from hmmlens.io import store
from hmmlens.recording import activations

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
choices = pd.read_csv(files.choices)
chosen = choices[choices["chosen_reducer"]]
index = params.reducers.index(chosen["reducer"].iloc[0])
result = interpret(
    chosen,
    store.read(store.inside(files.sweeps[index]), "sweep").load(),
    store.read(store.inside(files.reduced[index]), "reduced"),
    activations.read(store.inside(files.activations)),
    store.read(store.inside(files.sequences), "sequences"),
)
store.write(result, store.inside(snakemake.output[0]), "explanation", job.made_by(snakemake))
log.info("\n%s", chosen[["reducer", "pick", "covariance_type", "n_states"]].to_string(index=False))
