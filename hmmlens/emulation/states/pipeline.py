"""Everything that a model of a noise-driven network's states is asked, for one network."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.forecasts import Runs, record
from hmmlens.dynamics.labels import informative, latent
from hmmlens.emulation.analysis import residency
from hmmlens.emulation.states import ablation, interchange, recovery, regions, state_counts
from hmmlens.emulation.states.models import StateModel, fit, learn_space
from hmmlens.emulation.states.steering import steer
from hmmlens.errors import DataError
from hmmlens.hmm.selection import smallest_within
from hmmlens.seeds import derive_seed
from hmmlens.validation.recorded import DEFAULT_SETTINGS

log = logging.getLogger(__name__)

#: Runs for train, select and test, and steps of each.
N_RUNS, N_STEPS = (48, 16, 16), 200
#: The tables of :func:`states_and_dynamics`.
TABLES = (
    "counts", "elbow", "states", "information", "recovery", "transitions", "interchange", "swaps",
    "steering", "manifold", "silencing", "silencing_agreement",
)  # fmt: skip


def states_and_dynamics(
    network: Any,
    hmm: HMMParameters,
    seed: int,
    kick_units: Mapping[int, Sequence[int]] | None = None,
) -> dict[str, pd.DataFrame]:
    """Fit hidden Markov models to a network's states and ask what they have to do with it.

    Models are of the target's number of states, of the number at which the fidelity of cells has
    its elbow, and of the smallest number that foretells what the network says as well as any
    (within the default ``fidelity_tolerance`` of
    :class:`hmmlens.validation.recorded.EvidenceSettings`, on select runs).

    Parameters
    ----------
    network : any :class:`hmmlens.dynamics.rollouts.Driven`; to silence units, a ``NoiseDriven``.
    hmm : the target.
    kick_units : label -> units that are thought to make the network leave it.

    Returns
    -------
    dict
        The tables :data:`TABLES`, each with ``n_states`` where it is about one model:

        - ``counts``: see :func:`hmmlens.emulation.states.state_counts.count_table`, with
        ``is_faithful``
        - ``elbow``: ``n_states, height, low, high, same``, and in ``sentence`` what BIC chooses
        - ``states``: which state is which region, see
          :func:`hmmlens.emulation.states.regions.region_table`
        - ``information``: see :func:`hmmlens.emulation.states.regions.information`
        - ``recovery``, ``transitions``: against the target with ceilings, see
          :mod:`hmmlens.emulation.states.recovery`
        - ``interchange``, ``swaps``: see :func:`hmmlens.emulation.states.interchange.interchange`
        - ``steering``, ``manifold``: see :func:`hmmlens.emulation.states.steering.steer`
        - ``silencing``, ``silencing_agreement``: see :mod:`hmmlens.emulation.states.ablation`;
        empty
          where units cannot be silenced

        Swaps and steering of a model are left out, and the log says so, where the network hardly
        leaves one of its states.

    Raises
    ------
    DataError
        When the network diverges or never changes.
    """
    rng = np.random.default_rng(derive_seed(seed, "states"))
    generator = torch.Generator().manual_seed(derive_seed(seed, "states", "noise"))
    told = informative(hmm)
    split = np.repeat(np.arange(3, dtype=np.int8), N_RUNS)
    runs = record(network, len(split), N_STEPS, generator)
    widths = [part.shape[1] for entry in network.start(1) for part in entry]
    space = learn_space(runs.entries[split == 0].reshape(-1, sum(widths)), widths)
    sweep, models = fit(space, runs, split, derive_seed(seed, "states", "fit"))

    ahead = {
        part: state_counts.look_ahead(network, runs, split, part, rng, generator) for part in (1, 2)
    }
    curve = state_counts.cells(space, runs, split, ahead[1], derive_seed(seed, "states", "cells"))
    top = state_counts.elbow(*curve, rng)
    counts, choice = state_counts.count_table(
        sweep, models, curve, ahead[2], top, len(hmm.transmat)
    )
    on_select = state_counts.fidelities(models, ahead[1])
    faithful = smallest_within(np.array(list(on_select)), np.array(list(on_select.values())),
                               DEFAULT_SETTINGS.fidelity_tolerance)  # fmt: skip
    counts["is_faithful"] = counts["n_states"] == faithful
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    found["counts"].append(counts)
    found["elbow"].append(pd.DataFrame([top._asdict() | {"sentence": choice.sentence}]))

    test = split == 2
    entries = torch.from_numpy(runs.entries[test].reshape(-1, sum(widths)))
    place = residency.regions(residency.residency(network, entries, told, generator)).reshape(
        -1, N_STEPS
    )
    wanted = sorted({len(hmm.transmat), top.n_states, faithful} & set(models))
    said = recovery.emitted(runs, hmm, rng)
    for n_states in wanted:
        model = models[n_states]
        path, label = model.path[test], latent(runs.distribution[test], told)
        sizes = (len(told), len(residency.REGIONS), n_states)
        about = {
            "states": regions.region_table(model, path, place, residency.REGIONS, told),
            "information": regions.information(label, place, path, sizes, rng),
            "recovery": recovery.recovery(model, *said, split, rng),
            "transitions": recovery.chains(model, hmm, *said, rng),
        } | _interventions(network, runs, model, split, rng, generator)
        for name, table in about.items():
            found[name].append(_of(n_states, table))
    try:
        few = {n: models[n] for n in wanted}
        table = ablation.forecast(network, runs, few, split, told, kick_units, rng, generator)
        found["silencing"].append(table)
        found["silencing_agreement"].append(ablation.agreement(table, rng))
    except DataError as error:
        log.info("no unit is silenced: %s", error)
    return {name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
            for name, parts in found.items()}  # fmt: skip


def _interventions(
    network: Any,
    runs: Runs,
    model: StateModel,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    generator: torch.Generator,
) -> dict[str, pd.DataFrame]:
    given = network, runs, model, split, rng, generator
    try:
        scores, swaps = interchange.interchange(*given)
        distributions, far = steer(*given)
    except DataError as error:
        log.info("%d states: nothing is swapped or steered: %s", model.n_states, error)
        return {}
    return {"interchange": scores, "swaps": swaps, "steering": distributions, "manifold": far}


def _of(n_states: int, table: pd.DataFrame) -> pd.DataFrame:
    table.insert(0, "n_states", n_states)
    return table
