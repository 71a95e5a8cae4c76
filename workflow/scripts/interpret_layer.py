"""Read the chosen models of one layer."""

import job
import numpy as np
import pandas as pd

from hmmlens import activations, store
from hmmlens.hmm.models import steps_inside
from hmmlens.interpretation.states import read_picks
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
result = read_picks(
    chosen,
    sweep,
    observed,
    inputs=inputs.astype(np.float64),
    outputs=outputs,
    truth=truth,
    length=length,
    n_truth=len(sequences.attrs["state_names"]),
)
result = result.assign(sequence_index=("sequence", root["sequence"].to_numpy()))
result = result.assign_attrs(reducer=chosen["reducer"].iloc[0])
store.write(result, job.store(snakemake.output[0]), "explanation", job.made_by(snakemake))
log.info("\n%s", chosen[["reducer", "pick", "covariance_type", "n_states"]].to_string(index=False))
