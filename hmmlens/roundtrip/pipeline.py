"""One round trip: all that is measured of one network, as tables."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.rnn.settings import Training
from hmmlens.roundtrip import baselines, generated, grades, preparation, recovered
from hmmlens.roundtrip.settings import DEFAULTS, RoundTripSettings, Trip
from hmmlens.seeds import derive_seed
from hmmlens.validation.model_checks import stability


def run(
    trip: Trip,
    cell: str,
    training: Training,
    settings: RoundTripSettings = DEFAULTS,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Train a network on a task, judge it and its controls, and recover its states.

    Parameters
    ----------
    trip : Trip
        The task.
    cell : str
        Kind of the cell.
    training : Training
    settings : RoundTripSettings
    seed : int
        Of everything random.

    Returns
    -------
    dict of DataFrame
        ``verdicts`` (:func:`hmmlens.roundtrip.grades.grade_roles`, and for the trained network the
        choice of BIC, and ``restart_ari, bootstrap_ari``, the agreement of refits of the tied
        hidden Markov model with the true or the claimed number of states), ``recovery``
        (:mod:`hmmlens.roundtrip.recovered`), ``rivals`` (:mod:`hmmlens.roundtrip.baselines`),
        ``beliefs`` and ``spoken`` (:mod:`hmmlens.roundtrip.generated`), ``cost`` (CPU seconds). All
        have ``expected``, ``half`` (of a task of the suite), ``n_true`` (0 where there are no true
        states) and ``epochs``.
    """
    clock = [time.process_time()]
    prepared = preparation.train_on_task(trip, cell, training, seed, settings.device)
    clock.append(time.process_time())
    rows, recordings, seconds = grades.grade_roles(
        prepared, settings.max_frames, seed, trip.surrogates, settings.baselines
    )
    clock.append(time.process_time())
    trained = recordings["trained"]
    train, test, *_ = recovered.reduce_splits(trained, settings)
    choice = recovered.choose_n_states(train, derive_seed(seed, "sweep"), settings)
    clock.append(time.process_time())

    data = prepared.data
    transmat = data["transmat"].to_numpy() if "transmat" in data else None
    # A machine that emits on its edges has more states in this form than it truly has.
    if transmat is not None and len(transmat) > int(data["truth_of"].max()) + 1:
        transmat = None
    ceiling = recovered.recovery_ceilings(prepared.ceilings)
    methods_seed = derive_seed(seed, "methods")
    recovery = recovered.recovery_rows(trained, ceiling, transmat, methods_seed, settings)
    n_true = recovery[0]["n_states"] if recovery else 0
    claimed = next(int(row["n_states"]) for row in rows if row["role"] == "trained")
    others = baselines.baseline_fidelities(trained, n_true or claimed, methods_seed, settings)
    rng = np.random.default_rng(derive_seed(seed, "stability"))
    stable = {
        name: stability.pairwise(
            stability.refits(train, test, "tied", n_true or claimed, rng, resampled)
        ).mean()
        for name, resampled in (("restart_ari", False), ("bootstrap_ari", True))
    }
    if settings.automata and trained.recorded.inputs.ndim == 2:
        others.append(baselines.automaton_fidelity(trained, methods_seed, settings))
    beliefs = generation = pd.DataFrame()
    if "emissionprob" in data:
        pair = {role: recordings[role] for role in ("trained", "untrained")}
        beliefs = generated.belief_table(prepared, pair, derive_seed(seed, "belief"), settings)
        generation = generated.generation_table(
            prepared, trained, n_true, derive_seed(seed, "spoken"), settings
        )
    clock.append(time.process_time())

    chosen = {"bic_n_states": choice.n_states, "bic_at_edge": choice.at_edge, **stable}
    steps = ("training", "verdicts", "sweep", "methods")
    cost = {f"cpu_{name}": clock[i + 1] - clock[i] for i, name in enumerate(steps)}
    tables: Mapping[str, Any] = {
        "verdicts": [row | (chosen if row["role"] == "trained" else {}) for row in rows],
        "recovery": recovery,
        "rivals": others,
        "beliefs": beliefs.to_dict("records"),
        "spoken": generation.to_dict("records"),
        "cost": [cost | {"cpu_verdict": seconds["trained"]}],
    }
    about = {
        "expected": trip.expected,
        "half": trip.half,
        "n_true": n_true,
        "epochs": prepared.epochs,
    }
    return {name: pd.DataFrame([about | row for row in part]) for name, part in tables.items()}
