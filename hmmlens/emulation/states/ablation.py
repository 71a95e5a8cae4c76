"""Whether a model of a network's states predicts the effect of zero ablation on its dwell times.

The model was fitted to free runs. For a forecast, recorded states in which the units are set to 0
are assigned to states of the model, given the one before: that gives new transitions, and new rates
of leaving. The network itself is then run with the units ablated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.forecasts import Runs
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import sample_noise
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.interventions import modulate_copies, noise_input
from hmmlens.emulation.kicks.first_exits import Exits, InitialStates, first_exits, hazards
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import StateModel
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s


def unit_sets(
    runs: Runs,
    n_units: int,
    units: Sequence[int] | None,
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> dict[str, Int64s]:
    """Return the sets of units that are ablated.

    Parameters
    ----------
    runs : Runs
    n_units : int
        Of the network.
    units : sequence of int, optional
        The kick units.
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    dict of ndarray of shape (unit)
        ``kick``, where given, and random ones of the same size, of units that are ever active.

    Raises
    ------
    DataError
        When a unit is not one of the network's.
    """
    kicks = np.array([] if units is None else sorted(units), dtype=np.int64)
    if len(kicks) and (kicks[0] < 0 or kicks[-1] >= n_units):
        raise DataError(f"units are 0 to {n_units - 1}, found {kicks.tolist()}")
    active = np.flatnonzero(np.ptp(runs.entries[..., :n_units], axis=(0, 1)) > 0)
    size = min(len(kicks) or settings.set_size, len(active))
    sets = {"kick": kicks} if len(kicks) else {}
    for index in range(settings.n_random_sets):
        sets[f"random {index + 1}"] = np.sort(rng.choice(active, size, replace=False))
    return sets


def ablated_transitions(model: StateModel, runs: Runs, rows: Int64s, units: Int64s) -> Floats:
    """Return the transitions of the model when recorded states have some units set to 0.

    P(next state | state, the next recorded state of the network with the units at 0), averaged
    over runs.

    Parameters
    ----------
    model : StateModel
    runs : Runs
    rows : ndarray of shape (row)
        The runs.
    units : ndarray of shape (unit)

    Returns
    -------
    ndarray of shape (state, next state)
        Probabilities; rows sum to 1.
    """
    entries = runs.entries[rows].astype(np.float64)
    entries[..., units] = 0.0
    values = model.space.reduce(entries[:, 1:])
    n_runs, n_steps = values.shape[:2]
    logs = model.hmm.log_density(values.reshape(n_runs * n_steps, -1))
    # A frame far from every state is nearest to one of them all the same.
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    before = model.posteriors[rows, :-1].reshape(-1, model.n_states)
    expected = np.zeros((model.n_states, model.n_states))
    for state, weight in enumerate(before.T):
        joint = model.hmm.transmat_[state] * likelihood
        total = joint.sum(axis=1, keepdims=True)
        expected[state] = weight @ (joint / np.where(total > 0, total, 1.0))
    weight = expected.sum(axis=1, keepdims=True)
    # A state that never occurs keeps the transitions of the model.
    rates = expected / np.where(weight > 0, weight, 1.0)
    return np.where(weight > 0, rates, model.hmm.transmat_)


def exit_rate(transmat: Floats, inside: NDArray[np.bool_]) -> float:
    """Return the rate at which a chain leaves a set of states after a long time inside.

    1 - the largest eigenvalue of the transitions among the states inside, the quasi-stationary
    hazard (Darroch & Seneta 1965).

    Parameters
    ----------
    transmat : ndarray of shape (state, next state)
    inside : ndarray of shape (state)

    Returns
    -------
    float
        Per step; NaN where no state, or every state, is inside.
    """
    if not inside.any() or inside.all():
        return np.nan
    values = np.linalg.eigvals(transmat[np.ix_(inside, inside)])
    return 1 - float(np.abs(values).max())


def ablation_table(
    network: DrivenNetwork,
    runs: Runs,
    models: Mapping[int, StateModel],
    split: NDArray[np.int8],
    informative: Sequence[int],
    kick_units: Mapping[int, Sequence[int]] | None,
    rng: np.random.Generator,
    generator: torch.Generator,
    settings: StateSettings = DEFAULTS,
) -> pd.DataFrame:
    """Ablate units and compare the change of the rate of leaving each label with forecasts.

    Parameters
    ----------
    network : DrivenNetwork
    runs : Runs
    models : dict of StateModel
        By number of states.
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    kick_units : dict of sequence of int, optional
        Label -> units that are thought to make the network leave it.
    rng : numpy.random.Generator
    generator : torch.Generator
        Of the noise.
    settings : StateSettings

    Returns
    -------
    DataFrame
        ``leave`` (label), ``units`` (``kick`` or ``random`` with its number), ``members``,
        ``hazard`` (exits per step), ``hazard_silenced`` (under ablation), ``dwell,
        dwell_silenced`` (steps, of the hazards), ``reduction, reduction_low, reduction_high``
        (share of the hazard, runs resampled), and for every model ``n_states`` and ``foretold``,
        the reduction that it forecasts, NaN where no state of the model has the label

    Raises
    ------
    DataError
        When a kick unit is not one of the network's.
    """
    test = np.flatnonzero(split == 2)
    labels = latent(runs.distribution, informative)
    none = np.empty(0, dtype=np.int64)
    intact = {n: ablated_transitions(model, runs, test, none) for n, model in models.items()}
    rows: list[dict[str, Any]] = []
    for label in range(len(informative)):
        place = np.argwhere(labels[test] == label)
        if not len(place):
            continue
        sets = unit_sets(runs, network.n_units, (kick_units or {}).get(label), rng, settings)
        n_initial = settings.n_initial
        chosen = place[rng.choice(len(place), n_initial, replace=len(place) < n_initial)]
        entries = torch.from_numpy(runs.entries[test[chosen[:, 0]], chosen[:, 1]])
        exits = _exits(
            network, entries, label, informative, list(sets.values()), generator, settings
        )
        measured = _measured(exits, chosen[:, 0], rng, settings)
        for (name, units), outcome in zip(sets.items(), measured, strict=True):
            row = {"leave": label, "units": name, "members": " ".join(map(str, units))} | outcome
            for n_states, model in models.items():
                inside = latent(model.emission, informative) == label
                before = exit_rate(intact[n_states], inside)
                after = exit_rate(ablated_transitions(model, runs, test, units), inside)
                change = 1 - after / before if before > 0 else np.nan
                rows.append(row | {"n_states": n_states, "foretold": change})
    return pd.DataFrame(rows)


def _exits(
    network: DrivenNetwork,
    entries: torch.Tensor,
    label: int,
    informative: Sequence[int],
    sets: Sequence[Int64s],
    generator: torch.Generator,
    settings: StateSettings,
) -> Exits:
    """Return exits without and with ablation of each set, from the same states and noise."""
    output = torch.ones(1 + len(sets), network.n_units)
    for copy, units in enumerate(sets, start=1):
        output[copy, torch.from_numpy(units)] = 0.0
    noise = sample_noise(network, generator, settings.n_exit_steps, len(entries))
    initial = InitialStates(unflatten(entries, network), noise_input(network, noise), label)
    intervention = modulate_copies(network, output=output)
    return first_exits(network, intervention, len(output), initial, informative)


def _measured(
    exits: Exits, run: Int64s, rng: np.random.Generator, settings: StateSettings
) -> list[dict[str, float]]:
    """Return hazards without and with each set; ``run`` (start) is that of each initial state."""
    rate = hazards(exits)
    parts = np.stack([exits.to >= 0, exits.steps], axis=2).astype(float).transpose(1, 0, 2)
    by_run = np.stack([parts[run == one].sum(axis=0) for one in np.unique(run)])
    # Both hazards of a resample are of the same runs.
    sums = resampled(by_run, settings.n_resamples, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = 1 - sums[..., 0] / sums[..., 1] / (sums[:, :1, 0] / sums[:, :1, 1])
        dwell, reduction = 1 / rate, 1 - rate / rate[0]
    outcomes = []
    for copy in range(1, len(rate)):
        low, high = interval(change[:, copy])
        outcomes.append(
            {"hazard": rate[0], "hazard_silenced": rate[copy]}
            | {"dwell": dwell[0], "dwell_silenced": dwell[copy]}
            | {"reduction": reduction[copy], "reduction_low": low, "reduction_high": high}
        )
    return outcomes


def forecast_agreement(
    table: pd.DataFrame, rng: np.random.Generator, settings: StateSettings = DEFAULTS
) -> pd.DataFrame:
    """Return the agreement of forecast and measured reductions over sets of units.

    Parameters
    ----------
    table : DataFrame
        Of :func:`ablation_table`.
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    DataFrame
        One row for each label and model: ``leave, n_states, n`` (sets with a forecast),
        ``correlation`` (of ranks), ``p`` (share of permutations of the sets that correlate as
        much), ``error`` and ``spread`` (mean absolute error of the forecast, and of the mean over
        all sets as the forecast)
    """
    rows = []
    for (label, n_states), part in table.groupby(["leave", "n_states"], sort=False):
        known = part[np.isfinite(part["reduction"]) & np.isfinite(part["foretold"])]
        measured, predicted = known["reduction"].to_numpy(), known["foretold"].to_numpy()
        row = {"leave": label, "n_states": n_states, "n": len(known)}
        ranks = [pd.Series(values).rank().to_numpy() for values in (measured, predicted)]
        if len(known) > 2 and min(np.ptp(r) for r in ranks) > 0:
            value = float(np.corrcoef(*ranks)[0, 1])
            null = [np.corrcoef(ranks[0], rng.permutation(ranks[1]))[0, 1]
                    for _ in range(settings.n_resamples)]  # fmt: skip
            row |= {"correlation": value, "p": p_value(value, np.array(null))}
        else:
            row |= {"correlation": np.nan, "p": np.nan}
        error = np.abs(measured - predicted).mean() if len(known) else np.nan
        spread = np.abs(measured - measured.mean()).mean() if len(known) else np.nan
        rows.append(row | {"error": float(error), "spread": float(spread)})
    return pd.DataFrame(rows)
