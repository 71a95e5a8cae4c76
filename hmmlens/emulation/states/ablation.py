"""Whether a model of a network's states foretells what silencing some units does to its dwells.

The model was fitted to free runs. To forecast, it looks at recorded states in which the units are
set to 0 and says which of its states it would take each for, given the one before: that makes new
transitions, and new rates of leaving. The network itself is then run with the units silenced.
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
from hmmlens.dynamics.protocol import unflatten
from hmmlens.dynamics.rollouts import sample_noise
from hmmlens.emulation.kicks.first_exits import (
    Exits,
    Starts,
    first_exits,
    hazards,
    modulated,
    received,
)
from hmmlens.emulation.states.models import StateModel
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s

#: States that a label's exits are watched from, and for how many steps.
N_STARTS, N_STEPS = 200, 60
#: Sets of units drawn at random beside those given, and their size where none are given.
N_SETS, SIZE = 24, 3
#: Resamples of runs behind an interval, and exchanges of sets behind a p value.
N_RESAMPLES = 1000


def unit_sets(
    runs: Runs, n_units: int, units: Sequence[int] | None, rng: np.random.Generator
) -> dict[str, Int64s]:
    """Return the sets that are silenced: ``kick``, where given, and as large ones at random.

    Those at random are of units that are ever active.

    Raises
    ------
    DataError
        When a unit is not one of the network's.
    """
    given = np.array([] if units is None else sorted(units), dtype=np.int64)
    if len(given) and (given[0] < 0 or given[-1] >= n_units):
        raise DataError(f"units are 0 to {n_units - 1}, found {given.tolist()}")
    active = np.flatnonzero(np.ptp(runs.entries[..., :n_units], axis=(0, 1)) > 0)
    size = min(len(given) or SIZE, len(active))
    found = {"kick": given} if len(given) else {}
    for index in range(N_SETS):
        found[f"random {index + 1}"] = np.sort(rng.choice(active, size, replace=False))
    return found


def seen_as(model: StateModel, runs: Runs, rows: Int64s, units: Int64s) -> Floats:
    """Return the transitions (state, next state) that the model sees with units set to 0.

    P(next state | state, the next recorded state of the network with the units at 0), averaged
    over the runs ``rows``.
    """
    entries = runs.entries[rows].astype(np.float64)
    entries[..., units] = 0.0
    values = model.space.reduce(entries[:, 1:])
    n_runs, n_steps = values.shape[:2]
    logs = model.hmm.log_density(values.reshape(n_runs * n_steps, -1))
    # A frame far from every state is nearest to one of them all the same.
    likely = np.exp(logs - logs.max(axis=1, keepdims=True))
    before = model.posteriors[rows, :-1].reshape(-1, model.n_states)
    moved = np.zeros((model.n_states, model.n_states))
    for state, weight in enumerate(before.T):
        joint = model.hmm.transmat_[state] * likely
        total = joint.sum(axis=1, keepdims=True)
        moved[state] = weight @ (joint / np.where(total > 0, total, 1.0))
    weight = moved.sum(axis=1, keepdims=True)
    # A state that was never met moves as the model has it.
    return np.where(weight > 0, moved / np.where(weight > 0, weight, 1.0), model.hmm.transmat_)


def leaving(transmat: Floats, inside: NDArray[np.bool_]) -> float:
    """Return the rate at which a chain that has long been inside leaves; NaN without states.

    1 - the largest eigenvalue of the transitions among the states inside, the quasi-stationary
    hazard (Darroch & Seneta 1965).
    """
    if not inside.any() or inside.all():
        return np.nan
    values = np.linalg.eigvals(transmat[np.ix_(inside, inside)])
    return 1 - float(np.abs(values).max())


def forecast(
    network: Any,
    runs: Runs,
    models: Mapping[int, StateModel],
    split: NDArray[np.int8],
    told: Sequence[int],
    kick_units: Mapping[int, Sequence[int]] | None,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> pd.DataFrame:
    """Silence units and compare how the rate of leaving each label changes with what models say.

    Parameters
    ----------
    network : a ``NoiseDriven``, as units must be silenced while it runs.
    models : count of states -> model.
    told : symbols that tell states apart, see :func:`hmmlens.dynamics.labels.informative`.
    kick_units : label -> units that are thought to make the network leave it.

    Returns
    -------
    DataFrame
        ``leave`` (label), ``units`` (``kick`` or ``random`` with its number), ``members``,
        ``hazard`` (exits per step), ``hazard_silenced``, ``dwell, dwell_silenced`` (steps, of the
        hazards), ``reduction, reduction_low, reduction_high`` (share of the hazard, runs
        resampled), and for every model ``n_states`` and its ``foretold`` reduction, NaN where no
        state of the model has the label

    Raises
    ------
    DataError
        When the network cannot be silenced.
    """
    if not (hasattr(network, "cell") and hasattr(network, "advance")):
        raise DataError("units can be silenced in a NoiseDriven only")
    test = np.flatnonzero(split == 2)
    labels = latent(runs.distribution, told)
    nobody = np.empty(0, dtype=np.int64)
    usual = {n: seen_as(model, runs, test, nobody) for n, model in models.items()}
    rows: list[dict[str, Any]] = []
    for label in range(len(told)):
        place = np.argwhere(labels[test] == label)
        if not len(place):
            continue
        sets = unit_sets(runs, network.n_units, (kick_units or {}).get(label), rng)
        chosen = place[rng.choice(len(place), N_STARTS, replace=len(place) < N_STARTS)]
        entries = torch.from_numpy(runs.entries[test[chosen[:, 0]], chosen[:, 1]])
        exits = _exits(network, entries, label, told, list(sets.values()), generator)
        measured = _measured(exits, chosen[:, 0], rng)
        for (name, units), found in zip(sets.items(), measured, strict=True):
            row = {"leave": label, "units": name, "members": " ".join(map(str, units))} | found
            for n_states, model in models.items():
                inside = latent(model.emission, told) == label
                before = leaving(usual[n_states], inside)
                after = leaving(seen_as(model, runs, test, units), inside)
                change = 1 - after / before if before > 0 else np.nan
                rows.append(row | {"n_states": n_states, "foretold": change})
    return pd.DataFrame(rows)


def _exits(
    network: Any,
    entries: torch.Tensor,
    label: int,
    told: Sequence[int],
    sets: Sequence[Int64s],
    generator: torch.Generator,
) -> Exits:
    """Return exits without any and with each set silenced, from the same starts and noise."""
    output = torch.ones(1 + len(sets), network.n_units)
    for copy, units in enumerate(sets, start=1):
        output[copy, torch.from_numpy(units)] = 0.0
    given = received(network, sample_noise(network, generator, N_STEPS, len(entries)))
    starts = Starts(unflatten(entries, network), given, label)
    return first_exits(network, modulated(network, output=output), len(output), starts, told)


def _measured(exits: Exits, run: Int64s, rng: np.random.Generator) -> list[dict[str, float]]:
    """Return hazards without and with each set; ``run`` (start) is where each start is from."""
    rate = hazards(exits)
    parts = np.stack([exits.to >= 0, exits.steps], axis=2).astype(float).transpose(1, 0, 2)
    by_run = np.stack([parts[run == one].sum(axis=0) for one in np.unique(run)])
    # Both hazards of a resample are of the same runs.
    drawn = resampled(by_run, N_RESAMPLES, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = 1 - drawn[..., 0] / drawn[..., 1] / (drawn[:, :1, 0] / drawn[:, :1, 1])
        dwell, reduction = 1 / rate, 1 - rate / rate[0]
    found = []
    for copy in range(1, len(rate)):
        low, high = interval(change[:, copy])
        found.append(
            {"hazard": rate[0], "hazard_silenced": rate[copy]}
            | {"dwell": dwell[0], "dwell_silenced": dwell[copy]}
            | {"reduction": reduction[copy], "reduction_low": low, "reduction_high": high}
        )
    return found


def agreement(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return how well forecasts follow what was measured, over sets of units.

    Parameters
    ----------
    table : of :func:`forecast`.

    Returns
    -------
    DataFrame
        One row for each label and model: ``leave, n_states, n`` (sets with a forecast),
        ``correlation`` (of ranks), ``p`` (share of exchanges of the sets that correlate as
        much), ``error`` and ``spread`` (mean absolute error of the forecast, and of saying that
        every set does what sets do on average)
    """
    rows = []
    for (label, n_states), part in table.groupby(["leave", "n_states"], sort=False):
        known = part[np.isfinite(part["reduction"]) & np.isfinite(part["foretold"])]
        seen, said = known["reduction"].to_numpy(), known["foretold"].to_numpy()
        row = {"leave": label, "n_states": n_states, "n": len(known)}
        ranks = [pd.Series(values).rank().to_numpy() for values in (seen, said)]
        if len(known) > 2 and min(np.ptp(r) for r in ranks) > 0:
            value = float(np.corrcoef(*ranks)[0, 1])
            null = [np.corrcoef(ranks[0], rng.permutation(ranks[1]))[0, 1]
                    for _ in range(N_RESAMPLES)]  # fmt: skip
            row |= {"correlation": value, "p": p_value(value, np.array(null))}
        else:
            row |= {"correlation": np.nan, "p": np.nan}
        error = np.abs(seen - said).mean() if len(known) else np.nan
        spread = np.abs(seen - seen.mean()).mean() if len(known) else np.nan
        rows.append(row | {"error": float(error), "spread": float(spread)})
    return pd.DataFrame(rows)
