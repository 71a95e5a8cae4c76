"""Draw the figures of one network: first seed, each layer."""

from pathlib import Path

import job
import numpy as np
import pandas as pd

from hmmlens import activations, store
from hmmlens.figures import network as figures
from hmmlens.figures import style
from hmmlens.figures.names import state_names

log = job.start(snakemake)
style.use()
params, files = snakemake.params, snakemake.input
folder = Path(snakemake.output[0])
tables = {
    name: pd.read_csv(Path(files.tables) / f"{name}.csv")
    for name in ("fits", "choices", "by_count", "ceilings")
}
sequences = store.read(job.store(files.sequences), "sequences")
about = sequences.attrs
symbols = about["input_kind"] == "symbols"
alphabet = [f"{i + 1}" for i in range(int(about.get("n_symbols", 0)))]
inputs = about.get("feature_names", alphabet)
outputs = about.get("target_names", alphabet)
truth_names = about["state_names"]
root = activations.read(job.store(files.activations))
recorded = root["sequence"].to_numpy()
truth = sequences["state"].to_numpy()[recorded].astype(int)
step_label = f"step ({1000 / about['rate_hz']:.0f} ms each)" if "rate_hz" in about else "step"

reduced = iter(files.reduced)
twins = iter(files.twin_explanations)
for layer, path in zip(params.layers, files.explanations, strict=True):
    reading = store.read(job.store(path), "explanation").load()
    maps = {name: store.read(job.store(next(reduced)), "reduced") for name in params.reducers}
    key = {"network": snakemake.wildcards.network, "seed": 0, "layer": layer}

    def mine(name, key=key):
        return tables[name][(tables[name][list(key)] == pd.Series(key)).all(axis=1)]

    choices = mine("choices")
    style_maps = {reading.attrs["reducer"]: maps[reading.attrs["reducer"]]["reduced"].to_numpy()}
    for name, data in maps.items():
        if data.attrs["exploratory"]:
            style_maps[f"{name} (exploratory)"] = data["reduced"].to_numpy()

    bands = []
    if (truth >= 0).any():
        palette = style.colours(len(truth_names))
        bands.append(figures.Band("truth", truth, truth_names, palette))
    picks = dict(zip(reading.attrs["picks"], reading["n_states"].to_numpy().tolist(), strict=True))
    # The compact model first; where both picks are one model, it is drawn once.
    for index, pick in reversed(list(enumerate(picks))):
        n_states = picks[pick]
        same = len(set(picks.values())) == 1
        if same and pick != "compact":
            continue
        label = (
            f"{' and '.join(map(figures.pick_name, picks)) if same else figures.pick_name(pick)}"
        )
        states = reading["path"].isel(pick=index).to_numpy()
        colours = figures.matched_colours(states, n_states, truth, len(truth_names))
        bands.append(figures.Band(f"{label}: {n_states}", states, state_names(n_states), colours))
        drawn = figures.states(
            reading.isel(pick=index),
            inputs,
            outputs,
            truth_names,
            symbols,
            colours,
            f"{label}: {n_states} states",
        )
        style.save(drawn[0], folder / f"{layer}-states-{pick.replace('_', '-')}", drawn[1])

    fits = mine("fits")
    raw = tables["fits"][tables["fits"]["network"] == f"raw-{params.dataset}"]
    drawn = figures.selection(pd.concat([fits, raw], ignore_index=True), choices, params.criterion)
    style.save(drawn[0], folder / f"{layer}-selection", drawn[1])
    ceiling = tables["ceilings"]
    ceiling = ceiling[
        (ceiling["dataset"] == params.dataset)
        & (ceiling["name"] == "exact filter")
        & (ceiling["metric"] == "ari")
    ]["value"]
    chosen = choices[choices["chosen_reducer"]]
    drawn = figures.scores(
        mine("by_count"), chosen, float(ceiling.iloc[0]) if len(ceiling) else np.nan
    )
    style.save(drawn[0], folder / f"{layer}-scores", drawn[1])
    drawn = figures.trajectories(style_maps, bands)
    style.save(drawn[0], folder / f"{layer}-trajectories", drawn[1])

    twin = next(twins, None)
    if twin is not None:
        other = store.read(job.store(twin), "explanation")
        index = other.attrs["picks"].index("compact")
        n_states = int(other["n_states"][index])
        states = other["path"].isel(pick=index).to_numpy()
        colours = figures.matched_colours(states, n_states, truth, len(truth_names))
        label = f"untrained: {n_states}"
        bands.append(figures.Band(label, states, state_names(n_states), colours))
    test = np.flatnonzero(root["split"].to_numpy() == 2)
    values = root["input"].to_numpy()
    # The test sequence with the most changes of the truth shows the most.
    changes = (np.diff(truth[test], axis=1) != 0).sum(axis=1)
    shown = int(test[int(changes.argmax())])
    drawn = figures.bands(values, inputs, bands, shown, 200, symbols, step_label)
    style.save(drawn[0], folder / f"{layer}-bands", drawn[1])
    log.info("%s: drawn", layer)
