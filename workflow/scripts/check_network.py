"""Check the explained models of one network, and compare them with other methods."""

import job
import pandas as pd

from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.validation import network_outputs
from hmmlens.validation.baselines import comparison
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.model_checks import checks, stability

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
data = store.read(store.inside(files.sequences), "sequences").load()
symbols_out, names = data.attrs["target_kind"] == "symbols", params.reducers

found, methods, paths = [], [], {}
for i, place in enumerate(params.layers):
    path = store.inside(files.activations[place["seed"]])
    root, layer = activations.read(path).load(), activations.read(path, place["layer"])
    choices = pd.read_csv(files.choices[i])
    pick = choices[choices["chosen_reducer"] & (choices["pick"] == "explained")].iloc[0]
    at = i * len(names) + names.index(pick["reducer"])
    recorded = verdict_inputs.recorded(root, layer, data, params.network["lstm_state"])
    chosen = verdict_inputs.chosen(
        recorded,
        pick,
        store.read(store.inside(files.explanations[i]), "explanation"),
        store.read(store.inside(files.reduced[at]), "reduced"),
        store.read(store.inside(files.sweeps[at]), "sweep").load(),
        data["state"].to_numpy()[root["sequence"].to_numpy()].astype(int),
        network_outputs.groups_of(data, root["sequence"].to_numpy()),
    )
    key = {"seed": place["seed"], "layer": place["layer"]}
    found.append(checks.run(chosen, params.seed + i).assign(**key))
    table = comparison.compare(chosen, recorded.hidden, symbols_out, params.seed)
    methods.append(table.assign(**key))
    paths.setdefault(place["layer"], []).append(chosen.path[chosen.split == 2])
    log.info("%s\n%s", key, found[-1][["check", "value", "p", "sentence"]].to_string(index=False))
for place in params.layers:
    row = stability.trainings(paths[place["layer"]])._replace(check="other trainings")
    found.append(pd.DataFrame([row]).assign(seed=place["seed"], layer=place["layer"]))
pd.concat(found).to_csv(snakemake.output.checks, index=False)
pd.concat(methods).to_csv(snakemake.output.methods, index=False)
