"""Read the chosen models of one layer."""

import job
import numpy as np
import pandas as pd
import xarray as xr

from hmmlens import activations, store
from hmmlens.hmm import storage
from hmmlens.hmm.models import steps_inside
from hmmlens.interpretation.states import read_states
from hmmlens.validation.fidelity import output_law

log = job.start(snakemake)
params, files = snakemake.params, snakemake.input
sequences = store.read(job.store(files.sequences), "sequences")
root = activations.read(job.store(files.activations))
choices = pd.read_csv(files.choices)
chosen = choices[choices["chosen_reducer"]]
index = params.reducers.index(chosen["reducer"].iloc[0])
observed = store.read(job.store(files.reduced[index]), "reduced")["reduced"].to_numpy()
sweep = store.read(job.store(files.sweeps[index]), "sweep").load()

inputs = sequences["input"].to_numpy()[root["sequence"].to_numpy()]
length = root["length"].to_numpy()
if sequences.attrs["input_kind"] == "symbols":
    inside = steps_inside(length, *inputs.shape)
    inputs = np.eye(int(sequences.attrs["n_symbols"]))[np.where(inside, inputs, 0)]
outputs = output_law(root["output"].to_numpy(), sequences.attrs["target_kind"])
truth = sequences["state"].to_numpy()[root["sequence"].to_numpy()].astype(np.int64)
readings = []
for pick in chosen.itertuples():
    model = storage.model(sweep, pick.covariance_type, pick.n_states)
    reading = read_states(
        model,
        observed,
        inputs.astype(np.float64),
        outputs,
        truth,
        length,
        len(sequences.attrs["state_names"]),
    )
    readings.append(reading.assign(n_states=pick.n_states))
    log.info("%s: %d states, %s, %s", pick.reducer, pick.n_states, pick.covariance_type, pick.pick)
# Models differ in their number of states; the gaps are NaN.
result = xr.concat(
    [
        r.assign_coords(state=range(r.sizes["state"]), next_state=range(r.sizes["state"]))
        for r in readings
    ],
    dim="pick",
    join="outer",
)
result = result.assign(sequence_index=("sequence", root["sequence"].to_numpy()))
result = result.assign_attrs(picks=chosen["pick"].tolist(), reducer=chosen["reducer"].iloc[0])
store.write(result, job.store(snakemake.output[0]), "explanation", job.made_by(snakemake))
