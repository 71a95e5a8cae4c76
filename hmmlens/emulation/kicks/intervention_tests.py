"""Whether a group of kick units does more than other units would, and how.

All outcomes but the gated one are the hazard of the first exit. The rate of all switches says
little: without a group one exit is blocked, but the label it would lead to may not be held either,
so that the rate can rise. Gated, a group is lost only while its own label lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import unflatten
from hmmlens.emulation.kicks.first_exits import (
    N_ROWS,
    Changed,
    Exits,
    Starts,
    first_exits,
    modulated,
    received,
    reduction_estimate,
    reductions,
)
from hmmlens.emulation.kicks.selection import (
    Loss,
    draw_starts,
    intact,
    lacking,
    masks,
    pool,
    without,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import Estimate, estimate
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s

#: Inputs of each kick unit, the strongest, whose noise is cut.
N_INPUTS = 20
#: Runs, and steps of each, in which all switches are counted.
N_GATED, GATED_STEPS = 100, 200
N_BOOTSTRAP = 1000


class Against(NamedTuple):
    """A group beside sets of other units.

    effect : by which share the group lowers the outcome, with its 95 % interval
    null : (set), by which share each set does
    p : share of the sets that lower it as much, (1 + #) / (1 + B)
    """

    effect: Estimate
    null: Floats
    p: float


def fresh_starts(
    network: NoiseDriven,
    informative: Sequence[int],
    label: int,
    generator: torch.Generator,
    n_starts: int,
) -> Starts:
    """Return initial states from separate runs, see :func:`.selection.draw_starts`."""
    states = pool(network, generator)
    return draw_starts(network, states, informative, label, generator, n_starts)


def lost(
    network: NoiseDriven,
    units: Int64s,
    sets: Int64s,
    loss: Loss,
    starts: Starts,
    informative: Sequence[int],
    rng: np.random.Generator,
    to: int | None = None,
) -> Against:
    """Compare the loss of a group with that of ``sets`` (set, unit), on the same starts and noise.

    Raises
    ------
    DataError
        When the network never leaves the label.
    """
    usual = intact(network, starts, informative)
    exits = lacking(network, [units, *sets], loss, starts, informative)
    return _against(exits, usual, rng, to)


def _against(
    exits: Exits, usual: Exits, rng: np.random.Generator, to: int | None = None
) -> Against:
    lowered = reductions(exits, usual, to)
    effect = reduction_estimate(exits, usual, rng, to, N_BOOTSTRAP)
    return Against(effect, lowered[1:], p_value(lowered[0], lowered[1:]))


def unread(
    network: NoiseDriven,
    units: Int64s,
    loss: Loss,
    starts: Starts,
    informative: Sequence[int],
    rng: np.random.Generator,
    to: int | None = None,
) -> Estimate:
    """Return the effect of a group's loss on labels in which it has no say.

    The readout's weights from the group are 0 with and without the loss, so that what is lost is
    the group's effect on other units.
    """
    deaf = deepcopy(network)
    with torch.no_grad():
        deaf.out.weight[:, units] = 0
    with torch.inference_mode():
        same = torch.nonzero(latent(deaf.readout(starts.state), informative) == starts.label)[:, 0]
    state = tuple(tuple(part[same] for part in entry) for entry in starts.state)
    some = Starts(state, starts.given[:, same], starts.label)
    exits = lacking(deaf, [units], loss, some, informative)
    return reduction_estimate(exits, intact(deaf, some, informative), rng, to, N_BOOTSTRAP)


def strongest_inputs(network: NoiseDriven, units: Int64s) -> Int64s:
    """Return the units, other than ``units``, with the largest weights onto each of them.

    :data:`N_INPUTS` for each of ``units``, or as many less that they are at most half of the other
    units in all: sets of other units would else be nearly the same.
    """
    weight = network.recurrent.weight.detach().cpu().numpy()[units].copy()
    weight[:, units] = -np.inf
    order = np.argsort(-weight, axis=1)
    n_others = network.n_units - len(units)
    for n_inputs in range(min(N_INPUTS, n_others), 1, -1):
        found = np.unique(order[:, :n_inputs])
        if 2 * len(found) <= n_others:
            return found
    return np.unique(order[:, :1])


def noise_cut(
    network: NoiseDriven,
    units: Int64s,
    n_sets: int,
    starts: Starts,
    informative: Sequence[int],
    rng: np.random.Generator,
    to: int | None = None,
) -> Against:
    """Compare a cut of the noise of a group's strongest inputs with that of as many other units.

    No set has units of the group, which keep their noise.

    Raises
    ------
    DataError
        When the inputs are more than half of the other units, so that sets hardly differ.
    """
    inputs = strongest_inputs(network, units)
    others = np.setdiff1d(np.arange(network.n_units), units)
    if 2 * len(inputs) > len(others):
        raise DataError(
            f"{len(inputs)} of {len(others)} units give input to the group, too many for other "
            "sets to compare them with"
        )
    sets = [rng.choice(others, len(inputs), replace=False) for _ in range(n_sets)]
    factor = torch.from_numpy(~masks([inputs, *sets], network.n_units)).to(network.out.weight)
    changed = modulated(network, noise=factor)
    exits = first_exits(network, changed, len(factor), starts, informative)
    return _against(exits, intact(network, starts, informative), rng, to)


def gated_switches(
    network: NoiseDriven,
    changed: Changed,
    n_copies: int,
    informative: Sequence[int],
    generator: torch.Generator,
) -> Floats:
    """Return how often each copy's label changes in each of some runs (copy, run).

    All start in the same visited states and get the same noise, :data:`GATED_STEPS` steps of it.
    NaN where a run left all bounds.

    Parameters
    ----------
    changed : copies of the network, one for each copy and label in that order; a copy is changed
        as the one of the label it is in.
    """
    states = rollouts.drive(network, N_GATED, 1, generator).states[:, 0]
    noise = rollouts.sample_noise(network, generator, GATED_STEPS, N_GATED)
    n_labels, counts = len(informative), []
    with torch.inference_mode():
        given = received(network, noise)
        for copies in torch.arange(n_copies, device=states.device).split(max(1, N_ROWS // N_GATED)):
            state = unflatten(states.repeat(len(copies), 1), network)
            copy = copies.repeat_interleave(N_GATED)
            label = latent(network.readout(state), informative)
            count = torch.zeros(label.shape, device=label.device)
            for t in range(GATED_STEPS):
                step = changed(copy * n_labels + label)
                state = step(state, given[t].repeat(len(copies), 1))
                now = latent(network.readout(state), informative)
                count += now != label
                label = now
            count[~network.readout(state).isfinite().all(dim=1)] = torch.nan
            counts.append(count.reshape(len(copies), N_GATED))
    return torch.cat(counts).double().cpu().numpy()


def gated(
    network: NoiseDriven,
    groups: Sequence[Int64s],
    sets: Sequence[Int64s],
    losses: Sequence[Loss],
    informative: Sequence[int],
    generator: torch.Generator,
    rng: np.random.Generator,
) -> Against:
    """Compare the loss of all groups, each while its label lasts, with that of sets as they are.

    The outcome is the rate of all switches.

    Parameters
    ----------
    groups : one for each label.
    sets : for each label, (set, unit); the first of each are lost together, and so on.
    losses : how units are lost in each label, all in the same way.

    Raises
    ------
    DataError
        When the network never changes its label, or leaves all bounds without the groups. A set
        without which it does is no part of the null.
    """
    n_copies = 2 + len(sets[0])
    gone = np.zeros((n_copies, len(groups), network.n_units), dtype=bool)
    for label, (units, others) in enumerate(zip(groups, sets, strict=True)):
        gone[1, label, units] = True
        gone[2:, label] = masks(others, network.n_units)
    values = np.tile(np.stack([loss.value for loss in losses]), (n_copies, 1))
    loss = Loss(losses[0].how, values)
    changed = without(network, gone.reshape(len(values), -1), loss)
    counts = gated_switches(network, changed, n_copies, informative, generator)
    if np.isnan(counts[:2]).any():
        raise DataError("the network leaves all bounds without its kick units")
    if not counts[0].any():
        raise DataError("the network never changes its label, so nothing can lower how often")

    def share(sums: Floats) -> float:
        return float(1 - sums[1] / sums[0]) if sums[0] else np.nan

    effect = estimate(counts[:2].T, share, N_BOOTSTRAP, rng)
    null = 1 - counts[2:].sum(axis=1) / counts[0].sum()
    null = null[~np.isnan(null)]
    return Against(effect, null, p_value(effect.value, null))


def jaccard(one: Int64s, other: Int64s) -> float:
    """Return the share of units that two groups have in common; NaN where both are empty."""
    union = len(np.union1d(one, other))
    return len(np.intersect1d(one, other)) / union if union else float("nan")
