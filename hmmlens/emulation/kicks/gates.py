"""Which gate of a GRU's or an LSTM's kick units does the kicking.

A gate is held at what it is on average in the cluster that is to be left, unit by unit. If the
kick comes through it, the network leaves more rarely, as when the units themselves are held.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.protocol import unflatten
from hmmlens.emulation.kicks.candidates import CLUSTER, Watched, steps_to_exit
from hmmlens.emulation.kicks.first_exits import (
    Exits,
    Starts,
    first_exits,
    held,
    reduction_estimate,
    reductions,
)
from hmmlens.emulation.kicks.selection import intact, masks
from hmmlens.errors import DataError
from hmmlens.rnn import gates
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import resampled
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s

#: States of a cluster over which gates are averaged.
N_STATES = 4000
#: Resamples of the starts.
N_BOOTSTRAP = 1000
#: Units that send nothing out.
SILENCED = "silenced"

COLUMNS = [
    "exit", "gate", "n_units", "reduction", "low", "high", "first",
    "null_mean", "null_q95", "n_null", "p",
]  # fmt: skip


def cluster_means(network: NoiseDriven, watched: Watched, label: int) -> dict[str, Tensor]:
    """Return what each gate of each unit is on average in the cluster of a label: (unit) by name.

    Raises
    ------
    DataError
        When the cell has no gates, or no states of the cluster were seen.
    """
    ahead, here = steps_to_exit(watched.labels)[:, 1:], watched.labels[:, 1:] == label
    runs, times = np.nonzero(here & (ahead > CLUSTER))
    if not len(runs):
        raise DataError(f"no states were seen in the cluster of label {label}")
    even = np.linspace(0, len(runs) - 1, min(N_STATES, len(runs))).astype(int)
    rows, steps = torch.from_numpy(runs[even]), torch.from_numpy(times[even])
    with torch.inference_mode():
        given = gates.received(network, watched.run.noise[rows, steps + 1])
        before = unflatten(watched.run.states[rows, steps], network)
        moved = gates.advance(network, before, given)
        return {name: part.mean(dim=0) for name, part in moved.gates.items()}


def holding(
    network: NoiseDriven,
    gate: str,
    value: Tensor,
    sets: Sequence[Int64s] | Int64s,
    starts: Starts,
    informative: Sequence[int],
) -> Exits:
    """Return the first exits of copies in which one gate of each set of units is kept at ``value``.

    Parameters
    ----------
    gate : of :data:`hmmlens.rnn.gates.GATES`, or ``sent``.
    value : (unit)
    """
    units = torch.from_numpy(masks(sets, network.n_units)).to(value.device)
    changed = held(network, gate, units, value)
    return first_exits(network, changed, len(units), starts, informative)


def gates_table(
    network: NoiseDriven,
    watched: Watched,
    units: Int64s,
    sets: Int64s,
    starts: Starts,
    informative: Sequence[int],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how holding each gate of kick units lowers the hazard of leaving their label.

    Parameters
    ----------
    units, sets : the kick units, and sets (set, unit) to compare them with, whose gates are held
        in the same way.

    Returns
    -------
    one row a gate, and for comparison one for units that are held at what they send out in the
    cluster (``sent``) and for units that are silenced: ``exit``, ``gate``, ``n_units``,
    ``reduction`` with ``low`` and ``high`` (over starts), ``first`` (share of resamples of the
    starts in which no other gate lowers the hazard more; NaN for ``sent`` and ``silenced``),
    ``null_mean``, ``null_q95``, ``n_null``, ``p``

    Raises
    ------
    DataError
        When the cell has no gates, or the network never leaves the label.
    """
    values = cluster_means(network, watched, starts.label)
    values[SILENCED] = torch.zeros_like(values[gates.SENT])
    usual = intact(network, starts, informative)
    rows, own = [], {}
    for name, value in values.items():
        gate = gates.SENT if name == SILENCED else name
        exits = holding(network, gate, value, [units, *sets], starts, informative)
        effect = reduction_estimate(exits, usual, rng, n_bootstrap=N_BOOTSTRAP)
        lowered = reductions(exits, usual)
        own[name] = Exits(exits.steps[:1], exits.to[:1])
        null = lowered[1:]
        rows.append(
            {
                "exit": starts.label,
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
    share = dict(zip(names, firsts([own[name] for name in names], rng), strict=True))
    return table.assign(first=table["gate"].map(share))[COLUMNS]


def firsts(exits: Sequence[Exits], rng: np.random.Generator) -> Floats:
    """Return how often each of some changes (change) lowers the hazard most, over resampled starts.

    Changes that lower it equally share a resample.
    """
    left = np.stack([found.to[0] >= 0 for found in exits])
    steps = np.stack([found.steps[0] for found in exits])
    sums = resampled(np.stack([left, steps], axis=2).swapaxes(0, 1).astype(float), N_BOOTSTRAP, rng)
    hazard = sums[..., 0] / sums[..., 1]
    lowest = hazard == hazard.min(axis=1, keepdims=True)
    share: Floats = (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)
    return share
