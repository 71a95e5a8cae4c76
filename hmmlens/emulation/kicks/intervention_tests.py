"""Tests of whether ablation of a group of kick units has more effect than that of other units.

All outcomes but the gated one are the hazard of the first exit. The rate of all switches is a poor
outcome: ablation of a group blocks one exit, but the label after it may become shorter as well, so
that the rate can rise. Gated ablation is limited to the time in which the group's label lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.interventions import (
    Ablation,
    modulate_copies,
    select_rows,
    unit_masks,
)
from hmmlens.emulation.kicks.first_exits import (
    Exits,
    InitialStates,
    first_exits,
    reduction_estimate,
    reductions,
)
from hmmlens.emulation.kicks.group_selection import (
    ablated_exits,
    record_pool,
    sample_initial_states,
    unperturbed_exits,
)
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s


class Comparison(NamedTuple):
    """The effect of a group compared with that of sets of other units.

    Attributes
    ----------
    effect : Estimate
        Share by which the group lowers the outcome, with its 95 % interval.
    null : ndarray of shape (set)
        Share by which each set lowers it.
    p : float
        Share of the sets that lower it as much, (1 + #) / (1 + B).
    """

    effect: Estimate
    null: Floats
    p: float


def fresh_initial_states(
    network: DrivenNetwork,
    informative: Sequence[int],
    label: int,
    generator: torch.Generator,
    n_initial: int,
    settings: KickSettings = DEFAULTS,
) -> InitialStates:
    """Return initial states from runs of their own, see :func:`.sample_initial_states`.

    Parameters
    ----------
    network : DrivenNetwork
    informative : sequence of int
        The symbols that distinguish states.
    label : int
    generator : torch.Generator
    n_initial : int
    settings : KickSettings

    Returns
    -------
    InitialStates
        The states and the noise that follows.
    """
    pool = record_pool(network, generator, settings)
    return sample_initial_states(network, pool, informative, label, generator, n_initial, settings)


def compare_ablation(
    network: DrivenNetwork,
    units: Int64s,
    sets: Int64s,
    ablation: Ablation,
    initial: InitialStates,
    informative: Sequence[int],
    rng: np.random.Generator,
    to: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> Comparison:
    """Compare ablation of a group with that of sets, on the same initial states and noise.

    Parameters
    ----------
    network : DrivenNetwork
    units : ndarray of shape (unit)
        The group.
    sets : ndarray of shape (set, unit)
    ablation : Ablation
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.
    rng : numpy.random.Generator
    to : int, optional
        The label that follows; by default any.
    settings : KickSettings

    Returns
    -------
    Comparison
        The effect of the group, and of each set.

    Raises
    ------
    DataError
        When the network never leaves the label.
    """
    unperturbed = unperturbed_exits(network, initial, informative)
    exits = ablated_exits(network, [units, *sets], ablation, initial, informative)
    return _comparison(exits, unperturbed, rng, to, settings)


def _comparison(
    exits: Exits,
    unperturbed: Exits,
    rng: np.random.Generator,
    to: int | None,
    settings: KickSettings,
) -> Comparison:
    lowered = reductions(exits, unperturbed, to)
    effect = reduction_estimate(exits, unperturbed, rng, to, settings.n_bootstrap)
    return Comparison(effect, lowered[1:], p_value(lowered[0], lowered[1:]))


def off_target_effect(
    network: DrivenNetwork,
    units: Int64s,
    ablation: Ablation,
    initial: InitialStates,
    informative: Sequence[int],
    rng: np.random.Generator,
    to: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> Estimate:
    """Return the effect of a group's ablation on labels that are read from the other units alone.

    The readout ignores the group with and without the ablation, so that only the group's effect on
    other units is ablated.

    Parameters
    ----------
    network : DrivenNetwork
    units : ndarray of shape (unit)
        The group.
    ablation : Ablation
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.
    rng : numpy.random.Generator
    to : int, optional
        The label that follows; by default any.
    settings : KickSettings

    Returns
    -------
    Estimate
        Share by which the hazard is lowered, with its 95 % interval.
    """
    masked = without_readout(network, units)
    with torch.inference_mode():
        labels = latent(masked.readout(initial.state), informative)
    same = torch.nonzero(labels == initial.label)[:, 0]
    some = InitialStates(
        select_rows(initial.state, same), initial.noise_input[:, same], initial.label
    )
    exits = ablated_exits(masked, [units], ablation, some, informative)
    unperturbed = unperturbed_exits(masked, some, informative)
    return reduction_estimate(exits, unperturbed, rng, to, settings.n_bootstrap)


def without_readout(network: DrivenNetwork, units: Int64s) -> DrivenNetwork:
    """Return a network whose readout ignores some units.

    Parameters
    ----------
    network : DrivenNetwork
    units : ndarray of shape (unit)

    Returns
    -------
    DrivenNetwork
        A changed copy, or a view of a network that is no ``NoiseDriven``.
    """
    if not isinstance(network, NoiseDriven):
        return _MaskedReadout(network, units)
    masked = deepcopy(network)
    with torch.no_grad():
        masked.out.weight[:, units] = 0
    return masked


class _MaskedReadout:
    """A network whose readout takes some units for 0."""

    def __init__(self, network: DrivenNetwork, units: Int64s) -> None:
        self.network, self.n_noise, self.n_units = network, network.n_noise, network.n_units
        self.kept = torch.ones(network.n_units)
        self.kept[units] = 0

    def start(self, n_sequences: int) -> State:
        return self.network.start(n_sequences)

    def step(self, state: State, noise: Tensor) -> State:
        return self.network.step(state, noise)

    def readout(self, state: State) -> Tensor:
        hidden = self.kept.to(state[0][0]) * state[0][0]
        return self.network.readout(((hidden, *state[0][1:]), *state[1:]))


def strongest_inputs(
    network: NoiseDriven, units: Int64s, settings: KickSettings = DEFAULTS
) -> Int64s:
    """Return the units, other than ``units``, with the largest weights onto each of them.

    Parameters
    ----------
    network : NoiseDriven
    units : ndarray of shape (unit)
        The group.
    settings : KickSettings

    Returns
    -------
    ndarray of shape (input)
        ``settings.n_inputs`` for each of ``units``, or as many less that they are at most half of
        the other units in all: sets of other units would else be nearly the same.
    """
    weight = network.recurrent.weight.detach().cpu().numpy()[units].copy()
    weight[:, units] = -np.inf
    order = np.argsort(-weight, axis=1)
    n_others = network.n_units - len(units)
    for n_inputs in range(min(settings.n_inputs, n_others), 1, -1):
        inputs = np.unique(order[:, :n_inputs])
        if 2 * len(inputs) <= n_others:
            return inputs
    return np.unique(order[:, :1])


def compare_noise_ablation(
    network: NoiseDriven,
    units: Int64s,
    n_sets: int,
    initial: InitialStates,
    informative: Sequence[int],
    rng: np.random.Generator,
    to: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> Comparison:
    """Compare ablation of the noise of a group's strongest inputs with that of as many other units.

    No set has units of the group, which keep their noise.

    Parameters
    ----------
    network : NoiseDriven
    units : ndarray of shape (unit)
        The group.
    n_sets : int
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.
    rng : numpy.random.Generator
    to : int, optional
        The label that follows; by default any.
    settings : KickSettings

    Returns
    -------
    Comparison
        The effect of the inputs of the group, and of each set.

    Raises
    ------
    DataError
        When the inputs are more than half of the other units, so that sets hardly differ.
    """
    inputs = strongest_inputs(network, units, settings)
    others = np.setdiff1d(np.arange(network.n_units), units)
    if 2 * len(inputs) > len(others):
        raise DataError(
            f"{len(inputs)} of {len(others)} units give input to the group, too many for other "
            "sets to compare them with"
        )
    sets = [rng.choice(others, len(inputs), replace=False) for _ in range(n_sets)]
    factor = torch.from_numpy(~unit_masks([inputs, *sets], network.n_units))
    factor = factor.to(network.out.weight)
    exits = first_exits(
        network, modulate_copies(network, noise=factor), len(factor), initial, informative
    )
    unperturbed = unperturbed_exits(network, initial, informative)
    return _comparison(exits, unperturbed, rng, to, settings)


def jaccard(one: Int64s, other: Int64s) -> float:
    """Return the share of units that two groups have in common.

    Parameters
    ----------
    one, other : ndarray of shape (unit)

    Returns
    -------
    float
        NaN where both are empty.

    Examples
    --------
    >>> round(jaccard(np.array([1, 2, 3]), np.array([2, 3, 4])), 2)
    0.5
    """
    union = len(np.union1d(one, other))
    return len(np.intersect1d(one, other)) / union if union else float("nan")
