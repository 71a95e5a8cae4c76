"""Which gate of the kick units of a GRU or an LSTM causes exits.

A gate is clamped at its mean in the cluster of the label, unit by unit. If exits depend on it,
clamping lowers their hazard, as clamping of the units themselves does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.interventions import clamp_copies, unit_masks
from hmmlens.emulation.kicks.candidates import UnperturbedRuns, steps_to_exit
from hmmlens.emulation.kicks.first_exits import (
    Exits,
    InitialStates,
    first_exits,
    reduction_estimate,
    reductions,
)
from hmmlens.emulation.kicks.group_selection import unperturbed_exits
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.errors import DataError
from hmmlens.rnn import gates
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import resampled
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s

#: The row of units under zero ablation, as the table names it.
ZERO_ABLATION = "silenced"

COLUMNS = [
    "exit", "gate", "n_units", "reduction", "low", "high", "first",
    "null_mean", "null_q95", "n_null", "p",
]  # fmt: skip


def mean_gates_in_cluster(
    network: NoiseDriven, runs: UnperturbedRuns, label: int, settings: KickSettings = DEFAULTS
) -> dict[str, Tensor]:
    """Return the mean of each gate of each unit in the cluster of a label.

    Parameters
    ----------
    network : NoiseDriven
    runs : UnperturbedRuns
    label : int
    settings : KickSettings

    Returns
    -------
    dict of Tensor of shape (unit)
        By name of the gate, and ``sent``.

    Raises
    ------
    DataError
        When the cell has no gates, or the runs have no states in the cluster.
    """
    ahead, here = steps_to_exit(runs.labels)[:, 1:], runs.labels[:, 1:] == label
    of_run, times = np.nonzero(here & (ahead > settings.n_cluster))
    if not len(of_run):
        raise DataError(f"no states were seen in the cluster of label {label}")
    n_states = min(settings.n_gate_states, len(of_run))
    even = np.linspace(0, len(of_run) - 1, n_states).astype(int)
    rows, steps = torch.from_numpy(of_run[even]), torch.from_numpy(times[even])
    with torch.inference_mode():
        given = gates.received(network, runs.run.noise[rows, steps + 1])
        before = unflatten(runs.run.states[rows, steps], network)
        moved = gates.advance(network, before, given)
        return {name: part.mean(dim=0) for name, part in moved.gates.items()}


def clamped_exits(
    network: NoiseDriven,
    gate: str,
    value: Tensor,
    sets: Sequence[Int64s] | Int64s,
    initial: InitialStates,
    informative: Sequence[int],
) -> Exits:
    """Return the first exits of copies in which one gate of each set of units is clamped.

    Parameters
    ----------
    network : NoiseDriven
    gate : str
        One of :data:`hmmlens.rnn.gates.GATES`, or ``sent``.
    value : Tensor of shape (unit)
    sets : sequence of ndarray of shape (unit)
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.

    Returns
    -------
    Exits
        One copy for each set.
    """
    units = torch.from_numpy(unit_masks(sets, network.n_units)).to(value.device)
    return first_exits(
        network, clamp_copies(network, gate, units, value), len(units), initial, informative
    )


def gate_table(
    network: NoiseDriven,
    runs: UnperturbedRuns,
    units: Int64s,
    sets: Int64s,
    initial: InitialStates,
    informative: Sequence[int],
    rng: np.random.Generator,
    settings: KickSettings = DEFAULTS,
) -> pd.DataFrame:
    """Return how clamping each gate of kick units lowers the hazard of leaving their label.

    Parameters
    ----------
    network : NoiseDriven
    runs : UnperturbedRuns
    units : ndarray of shape (unit)
        The kick units.
    sets : ndarray of shape (set, unit)
        Sets to compare them with, whose gates are clamped in the same way.
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.
    rng : numpy.random.Generator
    settings : KickSettings

    Returns
    -------
    DataFrame
        One row for each gate, and for comparison one for mean ablation of the units (``sent``) and
        one for zero ablation (:data:`ZERO_ABLATION`): ``exit``, ``gate``, ``n_units``,
        ``reduction`` with ``low`` and ``high`` (over initial states), ``first`` (share of resamples
        of the initial states in which no other gate lowers the hazard more; NaN for the
        ablations), ``null_mean``, ``null_q95``, ``n_null``, ``p``

    Raises
    ------
    DataError
        When the cell has no gates, or the network never leaves the label.
    """
    values = mean_gates_in_cluster(network, runs, initial.label, settings)
    values[ZERO_ABLATION] = torch.zeros_like(values[gates.SENT])
    unperturbed = unperturbed_exits(network, initial, informative)
    n_bootstrap = settings.n_bootstrap
    rows, of_group = [], {}
    for name, value in values.items():
        gate = gates.SENT if name == ZERO_ABLATION else name
        exits = clamped_exits(network, gate, value, [units, *sets], initial, informative)
        effect = reduction_estimate(exits, unperturbed, rng, n_bootstrap=n_bootstrap)
        lowered = reductions(exits, unperturbed)
        of_group[name] = Exits(exits.steps[:1], exits.to[:1])
        null = lowered[1:]
        rows.append(
            {
                "exit": initial.label,
                "gate": name,
                "n_units": len(units),
                "reduction": effect.value,
                "low": effect.low,
                "high": effect.high,
                "null_mean": null.mean() if len(null) else np.nan,
                "null_q95": np.quantile(null, 0.95) if len(null) else np.nan,
                "n_null": len(null),
                "p": p_value(lowered[0], null) if len(null) else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    names = gates.GATES[network.cell]
    shares = shares_of_best([of_group[name] for name in names], rng, n_bootstrap)
    return table.assign(first=table["gate"].map(dict(zip(names, shares, strict=True))))[COLUMNS]


def shares_of_best(
    exits: Sequence[Exits], rng: np.random.Generator, n_bootstrap: int = DEFAULTS.n_bootstrap
) -> Floats:
    """Return how often each of some interventions lowers the hazard most.

    Parameters
    ----------
    exits : sequence of Exits
        Of one copy each, from the same initial states, which are resampled.
    rng : numpy.random.Generator
    n_bootstrap : int

    Returns
    -------
    ndarray of shape (intervention)
        Shares of the resamples. Interventions that lower it equally share a resample.
    """
    exited = np.stack([outcome.to[0] >= 0 for outcome in exits])
    steps = np.stack([outcome.steps[0] for outcome in exits])
    parts = np.stack([exited, steps], axis=2).swapaxes(0, 1).astype(float)
    sums = resampled(parts, n_bootstrap, rng)
    hazard = sums[..., 0] / sums[..., 1]
    lowest = hazard == hazard.min(axis=1, keepdims=True)
    share: Floats = (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)
    return share
