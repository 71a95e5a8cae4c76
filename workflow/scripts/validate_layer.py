"""Score every model of one layer, and choose."""

import job

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.validation import scorecard

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
sequences = store.read(store.inside(files.sequences), "sequences")
network = scorecard.network_of(activations.read(store.inside(files.activations)), sequences)


def opened(reduced, sweep):
    return store.read(store.inside(reduced), "reduced"), store.read(
        store.inside(sweep), "sweep"
    ).load()


def all_opened(names, reduced, sweeps):
    return {name: opened(*pair) for name, *pair in zip(names, reduced, sweeps, strict=True)}


variants = [name for names in params.controls.values() for name in names]
raw = all_opened(variants, files.get("raw_reduced", []), files.get("raw_sweeps", []))
selection = params.selection
scores, choices = scorecard.score_layer(
    network,
    all_opened(params.reducers, files.reduced, files.sweeps),
    params.n_bootstrap,
    params.seed,
    selection["criterion"],
    selection["fidelity_tolerance"],
    {control: {name: raw[name] for name in names} for control, names in params.controls.items()},
)
scores.to_csv(snakemake.output.scores, index=False)
choices.to_csv(snakemake.output.choices, index=False)
log.info("\n%s", choices.to_string(index=False))
