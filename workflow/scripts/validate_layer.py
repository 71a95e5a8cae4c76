"""Score every model of one layer, and choose."""

import job

from hmmlens.futures.summary import from_dataset
from hmmlens.hmm.settings import Selection
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.stages.score import score_models
from hmmlens.validation.settings import Validation

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
sequences = store.read(store.inside(files.sequences), "sequences")


def _opened(reduced, sweep):
    return store.read(store.inside(reduced), "reduced"), store.read(
        store.inside(sweep), "sweep"
    ).load()


def _all_opened(names, reduced, sweeps):
    return {name: _opened(*pair) for name, *pair in zip(names, reduced, sweeps, strict=True)}


variants = [name for names in params.controls.values() for name in names]
raw = _all_opened(variants, files.get("raw_reduced", []), files.get("raw_sweeps", []))
scores, choices = score_models(
    activations.read(store.inside(files.activations)),
    sequences,
    _all_opened(params.reducers, files.reduced, files.sweeps),
    {control: {name: raw[name] for name in names} for control, names in params.controls.items()},
    Selection(**params.selection),
    Validation(n_bootstrap=params.n_bootstrap),
    params.seed,
    from_dataset(store.read(store.inside(files.futures), "futures").load()),
)
scores.to_csv(snakemake.output.scores, index=False)
choices.to_csv(snakemake.output.choices, index=False)
log.info("\n%s", choices.to_string(index=False))
