"""Train one network on a task whose answer is known, judge it, and read its states back."""

import itertools
import time
from pathlib import Path

import job
import pandas as pd
import torch

from hmmlens.config_networks import Training
from hmmlens.config_roundtrip import Trip
from hmmlens.roundtrip import drawn, grades, returned, rivals, spoken
from hmmlens.seeds import derive_seed

log = job.start(snakemake)
torch.set_num_threads(snakemake.threads)
params, folder = snakemake.params, Path(snakemake.output[0])
trip, seed = Trip.model_validate(params.trip), params.seed
about = dict(snakemake.wildcards)
clock = [("start", time.process_time())]

made = drawn.draw(trip, about["cell"], Training(**params.training), seed, params.device)
clock.append(("training", time.process_time()))
rows, seen, seconds = grades.judged(made, params.max_frames, seed, trip.surrogates)
clock.append(("verdicts", time.process_time()))
trained = seen["trained"]
train = returned.split(trained)[0]
choice = returned.chosen_count(
    train, params.n_states, params.n_restarts, derive_seed(seed, "sweep")
)
clock.append(("sweep", time.process_time()))
transmat = made.data["transmat"].to_numpy() if "transmat" in made.data else None
ceiling = returned.ceilings(made.ceilings)
back = returned.recovery(trained, params.methods, ceiling, transmat, derive_seed(seed, "methods"))
n_true = back[0]["n_states"] if back else 0
claimed = next(row["n_states"] for row in rows if row["role"] == "trained")
others = rivals.fidelities(trained, params.methods, n_true or claimed, derive_seed(seed, "methods"))
beliefs = said = pd.DataFrame()
if "emissionprob" in made.data:
    recorded = {role: seen[role] for role in ("trained", "untrained")}
    beliefs = spoken.beliefs(made, recorded, derive_seed(seed, "belief"))
    told = n_true, params.n_restarts, derive_seed(seed, "spoken")
    said = spoken.said(made, trained, *told)
clock.append(("methods", time.process_time()))

common = {**about, "expected": trip.expected, "n_true": n_true, "epochs": made.epochs}
chosen = {"bic_n_states": choice.n_states, "bic_at_edge": choice.at_edge}
cost = {f"cpu_{name}": now - past for (_, past), (name, now) in itertools.pairwise(clock)}
cost["cpu_verdict"] = seconds["trained"]
tables = {
    "verdicts": [common | row | (chosen if row["role"] == "trained" else {}) for row in rows],
    "recovery": [common | row for row in back],
    "rivals": [common | row for row in others],
    "beliefs": [common | row for row in beliefs.to_dict("records")],
    "spoken": [common | row for row in said.to_dict("records")],
    "cost": [common | cost],
}
folder.mkdir(parents=True, exist_ok=True)
for name, table in tables.items():
    pd.DataFrame(table).to_csv(folder / f"{name}.csv", index=False)
    log.info("%s\n%s", name, pd.DataFrame(table).T.to_string())
