"""One round trip: all that is measured of one network, as tables."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.rnn.settings import Training
from hmmlens.roundtrip import baselines, generated, grades, preparation, recovered
from hmmlens.roundtrip.settings import Trip
from hmmlens.seeds import derive_seed
from hmmlens.validation import stability


class Settings(NamedTuple):
    """What all networks of a study share; see :class:`.roundtrip_study.RoundTripStudy`."""

    max_frames: int
    n_states: list[int]
    n_restarts: int
    methods: list[str]
    automata: bool = False
    device: str = "cpu"


def run(
    trip: Trip, cell: str, training: Training, settings: Settings, seed: int
) -> dict[str, pd.DataFrame]:
    """Draw a network, judge it and its controls, and read its states back.

    Returns
    -------
    dict
        ``verdicts`` (:func:`hmmlens.roundtrip.grades.judged`, and for the trained network what BIC
        chooses, and ``restart_ari, bootstrap_ari``, how far refits of the tied hidden Markov model
        with the true or the claimed number of states agree), ``recovery``
        (:mod:`hmmlens.roundtrip.recovered`), ``baselines``, ``beliefs`` and ``spoken`` (the modules
        of these names), ``cost`` (CPU seconds). All have ``expected``, ``n_true`` (0 where there
        are no true states) and ``epochs``.
    """
    clock = [time.process_time()]
    made = preparation.draw(trip, cell, training, seed, settings.device)
    clock.append(time.process_time())
    rows, seen, seconds = grades.judged(made, settings.max_frames, seed, trip.surrogates)
    clock.append(time.process_time())
    trained = seen["trained"]
    own = derive_seed(seed, "sweep")
    train, test, *_ = recovered.split(trained)
    choice = recovered.chosen_count(train, settings.n_states, settings.n_restarts, own)
    clock.append(time.process_time())

    transmat = made.data["transmat"].to_numpy() if "transmat" in made.data else None
    # A machine that emits on its edges has more states in this form than it truly has.
    if transmat is not None and len(transmat) > int(made.data["truth_of"].max()) + 1:
        transmat = None
    ceiling = recovered.ceilings(made.ceilings)
    own = derive_seed(seed, "methods")
    back = recovered.recovery(trained, settings.methods, ceiling, transmat, own)
    n_true = back[0]["n_states"] if back else 0
    claimed = next(int(row["n_states"]) for row in rows if row["role"] == "trained")
    others = baselines.fidelities(trained, settings.methods, n_true or claimed, own)
    rng = np.random.default_rng(derive_seed(seed, "stability"))
    stable = {
        name: stability.pairwise(
            stability.refits(train, test, "tied", n_true or claimed, rng, resampled)
        ).mean()
        for name, resampled in (("restart_ari", False), ("bootstrap_ari", True))
    }
    if settings.automata and trained.recorded.inputs.ndim == 2:
        others.append(baselines.automaton(trained, own))
    beliefs = said = pd.DataFrame()
    if "emissionprob" in made.data:
        pair = {role: seen[role] for role in ("trained", "untrained")}
        beliefs = generated.beliefs(made, pair, derive_seed(seed, "belief"))
        own = derive_seed(seed, "spoken")
        said = generated.said(made, trained, n_true, settings.n_restarts, own)
    clock.append(time.process_time())

    chosen = {"bic_n_states": choice.n_states, "bic_at_edge": choice.at_edge, **stable}
    steps = ("training", "verdicts", "sweep", "methods")
    cost = {f"cpu_{name}": clock[i + 1] - clock[i] for i, name in enumerate(steps)}
    found: Mapping[str, Any] = {
        "verdicts": [row | (chosen if row["role"] == "trained" else {}) for row in rows],
        "recovery": back,
        "rivals": others,
        "beliefs": beliefs.to_dict("records"),
        "spoken": said.to_dict("records"),
        "cost": [cost | {"cpu_verdict": seconds["trained"]}],
    }
    about = {"expected": trip.expected, "n_true": n_true, "epochs": made.epochs}
    return {name: pd.DataFrame([about | row for row in part]) for name, part in found.items()}
