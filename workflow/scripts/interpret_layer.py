"""Read the chosen models of one layer."""

import job
import pandas as pd

from hmmlens.futures.summary import from_dataset
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.stages.interpret import interpret_choices

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
choices = pd.read_csv(files.choices)


def _opened(reducer):
    index = params.reducers.index(reducer)
    reduced = store.read(store.inside(files.reduced[index]), "reduced")
    return reduced, store.read(store.inside(files.sweeps[index]), "sweep").load()


result = interpret_choices(
    choices,
    _opened,
    activations.read(store.inside(files.activations)),
    store.read(store.inside(files.sequences), "sequences"),
    futures=from_dataset(store.read(store.inside(files.futures), "futures").load()),
)
store.write(result, store.inside(snakemake.output[0]), "explanation", job.made_by(snakemake))
chosen = choices[choices["chosen_reducer"]]
log.info("\n%s", chosen[["reducer", "pick", "covariance_type", "n_states"]].to_string(index=False))
