"""The whole analysis of the states of one noise-driven network, as tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.forecasts import Runs, record
from hmmlens.dynamics.labels import informative, latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.analysis import residency
from hmmlens.emulation.states import ablation, interchange, recovery, regions, state_counts
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import StateModel, fit_models, fit_space
from hmmlens.emulation.states.steering import steer
from hmmlens.errors import DataError
from hmmlens.hmm.selection import smallest_count_near_best
from hmmlens.seeds import derive_seed

log = logging.getLogger(__name__)

#: The tables of :func:`states_and_dynamics`.
TABLES = (
    "counts", "elbow", "states", "information", "recovery", "transitions", "interchange", "swaps",
    "steering", "manifold", "silencing", "silencing_agreement",
)  # fmt: skip


def states_and_dynamics(
    network: DrivenNetwork,
    hmm: HMMParameters,
    seed: int,
    kick_units: Mapping[int, Sequence[int]] | None = None,
    settings: StateSettings = DEFAULTS,
) -> dict[str, pd.DataFrame]:
    """Fit hidden Markov models to a network's states and compare them with its dynamics.

    Models are of the target's number of states, of the number at which the fidelity of cells has
    its elbow, and of the smallest number that predicts the outputs of the network as well as any
    (within ``settings.tolerance``, on select runs).

    Parameters
    ----------
    network : DrivenNetwork
    hmm : HMMParameters
        The target.
    seed : int
    kick_units : dict of sequence of int, optional
        Label -> units that are thought to make the network leave it.
    settings : StateSettings

    Returns
    -------
    dict of DataFrame
        The tables :data:`TABLES`, each with ``n_states`` where it is about one model:

        - ``counts``: see :func:`.count_table`, with ``is_faithful``
        - ``elbow``: ``n_states, height, low, high, same``, and in ``sentence`` the choice of BIC
        - ``states``: which state is which region, see :func:`.region_table`
        - ``information``: see :func:`.information_table`
        - ``recovery``, ``transitions``: compared with the target and ceilings, see
          :mod:`hmmlens.emulation.states.recovery`
        - ``interchange``, ``swaps``: see :func:`.interchange`
        - ``steering``, ``manifold``: see :func:`.steer`
        - ``silencing``, ``silencing_agreement``: see :mod:`hmmlens.emulation.states.ablation`

        Interchange and steering of a model are left out, with a message in the log, where the
        network hardly leaves one of its states.

    Raises
    ------
    DataError
        When the network diverges or never changes.
    """
    rng = np.random.default_rng(derive_seed(seed, "states"))
    generator = torch.Generator().manual_seed(derive_seed(seed, "states", "noise"))
    symbols = informative(hmm)
    split = np.repeat(np.arange(3, dtype=np.int8), settings.n_runs)
    runs = record(network, len(split), settings.n_steps, generator)
    widths = [part.shape[1] for entry in network.start(1) for part in entry]
    space = fit_space(runs.entries[split == 0].reshape(-1, sum(widths)), widths, settings)
    sweep, models = fit_models(space, runs, split, derive_seed(seed, "states", "fit"), settings)

    future = {
        part: state_counts.sample_future_outputs(
            network, runs, split, part, rng, generator, settings
        )
        for part in (1, 2)
    }
    curve = state_counts.cell_errors(
        space, runs, split, future[1], derive_seed(seed, "states", "cells"), settings
    )
    elbow = state_counts.fidelity_elbow(*curve, rng, settings)
    counts, choice = state_counts.count_table(
        sweep, models, curve, future[2], elbow, len(hmm.transmat), settings
    )
    on_select = state_counts.fidelities(models, future[1], settings)
    faithful = smallest_count_near_best(
        np.array(list(on_select)), np.array(list(on_select.values())), settings.tolerance
    )
    counts["is_faithful"] = counts["n_states"] == faithful
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    parts["counts"].append(counts)
    parts["elbow"].append(pd.DataFrame([elbow._asdict() | {"sentence": choice.sentence}]))

    test = split == 2
    entries = torch.from_numpy(runs.entries[test].reshape(-1, sum(widths)))
    place = residency.regions(residency.residency(network, entries, symbols, generator)).reshape(
        -1, settings.n_steps
    )
    wanted = sorted({len(hmm.transmat), elbow.n_states, faithful} & set(models))
    emitted = recovery.emit_symbols(runs, hmm, rng)
    for n_states in wanted:
        model = models[n_states]
        path, label = model.path[test], latent(runs.distribution[test], symbols)
        sizes = (len(symbols), len(residency.REGIONS), n_states)
        tables = {
            "states": regions.region_table(model, path, place, residency.REGIONS, symbols),
            "information": regions.information_table(label, place, path, sizes, rng, settings),
            "recovery": recovery.state_recovery(model, *emitted, split, rng, settings),
            "transitions": recovery.transition_recovery(model, hmm, *emitted, rng, settings),
        } | _interventions(network, runs, model, split, rng, generator, settings)
        for name, table in tables.items():
            table.insert(0, "n_states", n_states)
            parts[name].append(table)
    try:
        chosen = {n: models[n] for n in wanted}
        table = ablation.ablation_table(
            network, runs, chosen, split, symbols, kick_units, rng, generator, settings
        )
        parts["silencing"].append(table)
        parts["silencing_agreement"].append(ablation.forecast_agreement(table, rng, settings))
    except DataError as error:
        log.info("no unit is ablated: %s", error)
    return {name: pd.concat(some, ignore_index=True) if some else pd.DataFrame()
            for name, some in parts.items()}  # fmt: skip


def _interventions(
    network: DrivenNetwork,
    runs: Runs,
    model: StateModel,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    generator: torch.Generator,
    settings: StateSettings,
) -> dict[str, pd.DataFrame]:
    arguments = network, runs, model, split, rng, generator, settings
    try:
        scores, by_pair = interchange.interchange(*arguments)
        distributions, far = steer(*arguments)
    except DataError as error:
        log.info("%d states: no interchange and no steering: %s", model.n_states, error)
        return {}
    return {"interchange": scores, "swaps": by_pair, "steering": distributions, "manifold": far}
