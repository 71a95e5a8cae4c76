"""Residency times of visited states, and the three regions of state space.

The residency time of a state is the mean number of steps until the label differs from the state's
own, over rollouts on fresh noise (Torre et al. 2025). States that leave at once are in
*transition*, those that stay are in a *cluster*, and between them lies the *kick* zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import critical_pairs, spectra, unstable
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import sample_noise
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.stats.ratios import ratio
from hmmlens.typing import Floats, Int64s

#: The regions by their number; ``unsure`` states stay long, but no symbol is probable enough.
REGIONS = ("transition", "kick", "cluster", "unsure")


@dataclass(frozen=True)
class ResidencySettings:
    """Settings of :func:`residency` and :func:`regions`.

    Attributes
    ----------
    n_rollouts : int
        Rollouts from each state.
    n_steps : int
        Longest rollout.
    short, long : float
        Residency times that bound the kick zone.
    sure : float
        What the probability of a cluster's most likely symbol must exceed.
    batch : int
        Rollouts that run at once; more do not fit the processor's cache.
    compact : float
        Share of active rollouts below which those that ended are removed from a batch.
    """

    n_rollouts: int = 20
    n_steps: int = 60
    short: float = 2.0
    long: float = 8.0
    sure: float = 0.8
    batch: int = 4096
    compact: float = 0.8


class Residency(NamedTuple):
    """Statistics of the rollouts from each state.

    Attributes
    ----------
    time : ndarray of shape (state)
        Mean first step with another label, at most the rollouts' length.
    ended : ndarray of shape (state)
        Share of the rollouts that reached another label.
    sign_changes : ndarray of shape (state)
        Mean number of sign changes of the slope of the initial label's logit before that.
    sure : ndarray of shape (state)
        Probability of the most likely symbol.
    label : ndarray of shape (state)
        Label of the state.
    """

    time: Floats
    ended: Floats
    sign_changes: Floats
    sure: Floats
    label: Int64s


def residency(
    network: DrivenNetwork,
    entries: Tensor,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: ResidencySettings = ResidencySettings(),
) -> Residency:
    """Return the residency of states.

    A rollout of which the label never changes counts as ``n_steps``, so that times near it are
    lower bounds. Sign changes are those of the logit's step-to-step change over the steps strictly
    before the label changes.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    entries : Tensor of shape (state, entry)
        States.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    generator : torch.Generator
        Source of the noise.
    settings : ResidencySettings
        Numbers of rollouts and steps.

    Returns
    -------
    Residency
        Statistics of each state.
    """
    with torch.inference_mode():
        logits = network.readout(unflatten(entries, network))
        label = latent(logits, informative)
        origin = torch.arange(len(entries), device=entries.device).repeat_interleave(
            settings.n_rollouts
        )
        parts = [
            _roll(network, entries[some], label[some], informative, generator, settings)
            for some in origin.split(settings.batch)
        ]
        first, ended, changes = (
            torch.cat(column).double().reshape(-1, settings.n_rollouts).mean(dim=1)
            for column in zip(*parts, strict=True)
        )
        sure = logits.softmax(dim=1).amax(dim=1).double()
    arrays = (x.cpu().numpy() for x in (first, ended, changes, sure, label))
    return Residency(*arrays)


def regions(
    statistics: Residency,
    settings: ResidencySettings = ResidencySettings(),
) -> Int64s:
    """Return the region of each state.

    Torre et al. 2025: transition below 2 steps, kick zone 2 to 8, cluster above 8 with a most
    likely symbol above .8.

    Parameters
    ----------
    statistics : Residency
        Statistics of the states.
    settings : ResidencySettings
        Bounds of the regions.

    Returns
    -------
    ndarray of shape (state)
        Positions in :data:`REGIONS`.
    """
    settled = np.where(statistics.sure > settings.sure, 2, 3)
    near = np.where(statistics.time <= settings.long, 1, settled)
    return np.where(statistics.time < settings.short, 0, near)


def states_table(
    network: DrivenNetwork,
    entries: Tensor,
    runs: Tensor,
    statistics: Residency,
    settings: ResidencySettings = ResidencySettings(),
) -> pd.DataFrame:
    """Return one row per state, with its Jacobian on zero noise.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    entries : Tensor of shape (state, entry)
        States, see :func:`hmmlens.dynamics.rollouts.sample_states`.
    runs : Tensor of shape (state)
        Run of each state.
    statistics : Residency
        Statistics of the states.
    settings : ResidencySettings
        Bounds of the regions.

    Returns
    -------
    DataFrame
        ``run``, ``label``, ``region``, ``residency``, ``ended``, ``sign_changes``, ``sure``,
        ``n_unstable`` (eigenvalues beyond the unit circle) and ``n_critical`` (pairs, see
        :func:`hmmlens.dynamics.jacobians.critical_pairs`).
    """
    zeros = torch.zeros(len(entries), network.n_noise, dtype=entries.dtype, device=entries.device)
    values = spectra(network, entries, zeros)
    return pd.DataFrame(
        {
            "run": runs.cpu().numpy(),
            "label": statistics.label,
            "region": np.array(REGIONS)[regions(statistics, settings)],
            "residency": statistics.time,
            "ended": statistics.ended,
            "sign_changes": statistics.sign_changes,
            "sure": statistics.sure,
            "n_unstable": unstable(values),
            "n_critical": critical_pairs(values),
        }
    )


#: Measures of a region that are means over its states: columns of the states' table.
MEANS = ("residency", "sign_changes", "n_unstable", "n_critical")


def regions_table(states: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return statistics of the regions, with intervals that resample whole runs.

    Parameters
    ----------
    states : DataFrame
        Result of :func:`states_table`.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    DataFrame
        One row per region and measure: ``region``, ``measure``, ``value``, ``low``, ``high``,
        ``n_states``. Measures are ``share`` (of all states), ``any_unstable`` (share of the
        region's states with an unstable direction) and the means :data:`MEANS`.
    """
    members = states.assign(
        share=1.0, any_unstable=(states["n_unstable"] > 0).astype(float), all=1.0
    )
    runs = np.sort(members["run"].unique())
    everything = members.groupby("run")["all"].sum().reindex(runs).to_numpy()
    rows = []
    for region in REGIONS:
        inside = members[members["region"] == region]
        n_each = inside.groupby("run")["all"].sum().reindex(runs, fill_value=0.0).to_numpy()
        for measure in ("share", *MEANS, "any_unstable"):
            total = inside.groupby("run")[measure].sum().reindex(runs, fill_value=0.0).to_numpy()
            below = everything if measure == "share" else n_each
            value = ratio(total, below, rng)
            rows.append(
                {"region": region, "measure": measure, **value._asdict(), "n_states": len(inside)}
            )
    return pd.DataFrame(rows)


def _roll(
    network: DrivenNetwork,
    entries: Tensor,
    label: Tensor,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: ResidencySettings,
) -> tuple[Tensor, Tensor, Tensor]:
    """Roll out once from each row.

    Returns
    -------
    first : (row), first step with another label, or ``n_steps``
    ended : (row), whether there was one
    changes : (row), sign changes of the step-to-step change of the label's logit before it
    """
    n = len(entries)
    symbol = torch.as_tensor(informative, device=entries.device)[label]
    first = torch.full((n,), settings.n_steps, device=entries.device)
    ended = torch.zeros(n, dtype=torch.bool, device=entries.device)
    changes = torch.zeros(n, device=entries.device)
    alive = torch.arange(n, device=entries.device)
    state = unflatten(entries, network)
    height = network.readout(state).gather(1, symbol[:, None])[:, 0]
    slope = torch.zeros_like(height)
    for t in range(1, settings.n_steps + 1):
        state = network.step(state, sample_noise(network, generator, len(alive)))
        logits = network.readout(state)
        # Rows that ended go on until they are removed, and are not used any more.
        open_ = ~ended[alive]
        left = open_ & (latent(logits, informative) != label[alive])
        first[alive[left]] = t
        ended[alive[left]] = True
        now = logits.gather(1, symbol[alive, None])[:, 0]
        new_slope = now - height
        reversed_ = open_ & ~left & (new_slope * slope < 0)
        changes[alive] += reversed_
        height, slope = now, new_slope
        stay = open_ & ~left
        if stay.sum() < settings.compact * len(alive):
            if not stay.any():
                break
            alive, height, slope = alive[stay], height[stay], slope[stay]
            state = unflatten(flatten(state)[stay], network)
    return first, ended, changes
