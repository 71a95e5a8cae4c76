"""How long a network stays in what it says, from states that it visits, and the three regions.

The residency time of a state is the mean number of steps until the label is another than the
state's own, over rollouts on fresh noise (Torre et al. 2025). States that leave at once are in
*transition*, those that stay are in a *cluster*, and between them lies the *kick* zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import critical_pairs, spectra, unstable
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.rollouts import Driven, draw, flatten, unflatten
from hmmlens.stats.ratios import ratio
from hmmlens.typing import Floats, Int64s

#: Rollouts from each state, and their longest.
N_ROLLOUTS, N_STEPS = 20, 60
#: Residency times that bound the kick zone, and what a cluster's likeliest symbol must exceed.
SHORT, LONG, SURE = 2.0, 8.0, 0.8
#: The regions by their number; ``unsure`` stays long but is not sure of its symbol.
REGIONS = ("transition", "kick", "cluster", "unsure")
#: Rollouts that run side by side; more do not fit the processor's cache.
BATCH = 4096
#: Share of rollouts under way below which those that ended are dropped.
COMPACT = 0.8


class Residency(NamedTuple):
    """What rollouts from each state show; all (state).

    time : mean first step with another label, at most the rollouts' length
    ended : share of the rollouts that came to another label
    sign_changes : mean number of turns of the initially likeliest label's logit before that
    sure : probability of the likeliest symbol
    label : the label at the start
    """

    time: Floats
    ended: Floats
    sign_changes: Floats
    sure: Floats
    label: Int64s


def residency(
    network: Driven,
    entries: Tensor,
    informative: Sequence[int],
    generator: torch.Generator,
    n_rollouts: int = N_ROLLOUTS,
    n_steps: int = N_STEPS,
) -> Residency:
    """Return the residency of states (state, entry).

    A rollout of which the label never changes counts as ``n_steps``, so that times near it are
    lower bounds. Sign changes are those of the logit's step-to-step change over the steps strictly
    before the label changes.
    """
    with torch.inference_mode():
        logits = network.readout(unflatten(entries, network))
        label = latent(logits, informative)
        origin = torch.arange(len(entries), device=entries.device).repeat_interleave(n_rollouts)
        parts = [
            _roll(network, entries[some], label[some], informative, generator, n_steps)
            for some in origin.split(BATCH)
        ]
        first, ended, changes = (
            torch.cat(column).double().reshape(-1, n_rollouts).mean(dim=1)
            for column in zip(*parts, strict=True)
        )
        sure = logits.softmax(dim=1).amax(dim=1).double()
    arrays = (x.cpu().numpy() for x in (first, ended, changes, sure, label))
    return Residency(*arrays)


def regions(found: Residency) -> Int64s:
    """Return the region of each state (state), a position in :data:`REGIONS`.

    Torre et al. 2025: transition below 2 steps, kick zone 2 to 8, cluster above 8 with a likeliest
    symbol above .8.
    """
    settled = np.where(found.sure > SURE, 2, 3)
    return np.where(found.time < SHORT, 0, np.where(found.time <= LONG, 1, settled))


def states_table(network: Driven, entries: Tensor, runs: Tensor, found: Residency) -> pd.DataFrame:
    """Return one row a state, with its Jacobian without noise.

    ``run``, ``label``, ``region``, ``residency``, ``ended``, ``sign_changes``, ``sure``,
    ``n_unstable`` (eigenvalues beyond the unit circle) and ``n_critical`` (pairs, see
    :func:`hmmlens.dynamics.jacobians.critical_pairs`).

    Parameters
    ----------
    entries, runs : (state, entry), (state), see :func:`hmmlens.dynamics.rollouts.pick`.
    """
    silence = torch.zeros(len(entries), network.n_noise, dtype=entries.dtype, device=entries.device)
    values = spectra(network, entries, silence)
    return pd.DataFrame(
        {
            "run": runs.cpu().numpy(),
            "label": found.label,
            "region": np.array(REGIONS)[regions(found)],
            "residency": found.time,
            "ended": found.ended,
            "sign_changes": found.sign_changes,
            "sure": found.sure,
            "n_unstable": unstable(values),
            "n_critical": critical_pairs(values),
        }
    )


#: Measures of a region that are means over its states: name -> column of the states' table.
MEANS = ("residency", "sign_changes", "n_unstable", "n_critical")


def regions_table(states: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return what the regions are like, with intervals that resample whole runs.

    Parameters
    ----------
    states : see :func:`states_table`.

    Returns
    -------
    one row a region and measure: ``region``, ``measure``, ``value``, ``low``, ``high``,
    ``n_states``. Measures are ``share`` (of all states), ``any_unstable`` (share of the region's
    states with an unstable direction) and the means :data:`MEANS`.
    """
    members = states.assign(
        share=1.0, any_unstable=(states["n_unstable"] > 0).astype(float), all=1.0
    )
    runs = np.sort(members["run"].unique())
    everything = members.groupby("run")["all"].sum().reindex(runs).to_numpy()
    rows = []
    for region in REGIONS:
        mine = members[members["region"] == region]
        n_each = mine.groupby("run")["all"].sum().reindex(runs, fill_value=0.0).to_numpy()
        for measure in ("share", *MEANS, "any_unstable"):
            total = mine.groupby("run")[measure].sum().reindex(runs, fill_value=0.0).to_numpy()
            below = everything if measure == "share" else n_each
            found = ratio(total, below, rng)
            rows.append(
                {"region": region, "measure": measure, **found._asdict(), "n_states": len(mine)}
            )
    return pd.DataFrame(rows)


def _roll(
    network: Driven,
    entries: Tensor,
    label: Tensor,
    informative: Sequence[int],
    generator: torch.Generator,
    n_steps: int,
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
    first = torch.full((n,), n_steps, device=entries.device)
    ended = torch.zeros(n, dtype=torch.bool, device=entries.device)
    changes = torch.zeros(n, device=entries.device)
    alive = torch.arange(n, device=entries.device)
    state = unflatten(entries, network)
    height = network.readout(state).gather(1, symbol[:, None])[:, 0]
    slope = torch.zeros_like(height)
    for t in range(1, n_steps + 1):
        state = network.step(state, draw(network, generator, len(alive)))
        logits = network.readout(state)
        # Rows that ended go on until they are dropped, and are not looked at any more.
        open_ = ~ended[alive]
        left = open_ & (latent(logits, informative) != label[alive])
        first[alive[left]] = t
        ended[alive[left]] = True
        now = logits.gather(1, symbol[alive, None])[:, 0]
        new_slope = now - height
        turned = open_ & ~left & (new_slope * slope < 0)
        changes[alive] += turned
        height, slope = now, new_slope
        stay = open_ & ~left
        if stay.sum() < COMPACT * len(alive):
            if not stay.any():
                break
            alive, height, slope = alive[stay], height[stay], slope[stay]
            state = unflatten(flatten(state)[stay], network)
    return first, ended, changes
