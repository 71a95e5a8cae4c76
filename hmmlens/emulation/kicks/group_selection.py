"""Selection of kick units: few units whose ablation makes exits from a label rarer.

Torre et al. 2025 pick such units by hand in one network. Here candidates are ranked by their effect
on exits that happened (:mod:`hmmlens.emulation.kicks.candidates`), a group is grown one unit at a
time by what its ablation does to the hazard of the first exit, its size is chosen on other states
and noise, and its effect is measured on others again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import Run
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.interventions import (
    Ablation,
    AblationMode,
    ablate_copies,
    modulate_copies,
    noise_input,
    unit_masks,
)
from hmmlens.emulation.kicks.candidates import Candidates
from hmmlens.emulation.kicks.first_exits import (
    Exits,
    InitialStates,
    first_exits,
    hazards,
    reduction_estimate,
)
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.stats.bootstrap import Estimate
from hmmlens.typing import Floats, Int64s


class KickGroup(NamedTuple):
    """Units that kick a network out of a label.

    Attributes
    ----------
    label : int
        The label that is left.
    to : int or None
        The label that follows, None for any.
    ablation : Ablation
        How the units are ablated.
    units : ndarray of shape (unit)
        In the order in which they were selected; empty where there are none.
    curve : list of Estimate
        Reduction of the hazard by ablation of 1, 2, ... units, on the noise on which the size was
        chosen; it may go on beyond that size.
    reason : str
        Why there are none, or empty.
    """

    label: int
    to: int | None
    ablation: Ablation
    units: Int64s
    curve: list[Estimate]
    reason: str


def record_pool(
    network: DrivenNetwork, generator: torch.Generator, settings: KickSettings = DEFAULTS
) -> Run:
    """Run a network on new noise, for initial states.

    Parameters
    ----------
    network : DrivenNetwork
    generator : torch.Generator
    settings : KickSettings

    Returns
    -------
    Run
        Runs from which initial states are sampled.
    """
    return rollouts.drive(network, settings.n_pool_runs, settings.n_pool_steps, generator)


def sample_initial_states(
    network: DrivenNetwork,
    pool: Run,
    informative: Sequence[int],
    label: int,
    generator: torch.Generator,
    n_initial: int,
    settings: KickSettings = DEFAULTS,
) -> InitialStates:
    """Sample different states with one label, and the noise that follows.

    Parameters
    ----------
    network : DrivenNetwork
    pool : Run
        See :func:`record_pool`.
    informative : sequence of int
        The symbols that distinguish states.
    label : int
    generator : torch.Generator
    n_initial : int
        Number of states; fewer where the pool has fewer.
    settings : KickSettings

    Returns
    -------
    InitialStates
        The states, and ``settings.horizon`` steps of noise.
    """
    entries = pool.states[latent(pool.logits, informative) == label]
    order = torch.randperm(len(entries), generator=generator, device=generator.device)
    entries = entries[order[:n_initial].to(entries.device)]
    noise = rollouts.sample_noise(network, generator, settings.horizon, len(entries))
    with torch.inference_mode():
        return InitialStates(unflatten(entries, network), noise_input(network, noise), label)


def ablated_exits(
    network: DrivenNetwork,
    sets: Sequence[Int64s] | Int64s,
    ablation: Ablation,
    initial: InitialStates,
    informative: Sequence[int],
) -> Exits:
    """Return the first exits of copies with each of some sets of units ablated.

    Parameters
    ----------
    network : DrivenNetwork
    sets : sequence of ndarray of shape (unit)
    ablation : Ablation
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.

    Returns
    -------
    Exits
        One copy for each set.
    """
    masks = unit_masks(sets, network.n_units)
    intervention = ablate_copies(network, masks, ablation)
    return first_exits(network, intervention, len(masks), initial, informative)


def unperturbed_exits(
    network: DrivenNetwork, initial: InitialStates, informative: Sequence[int]
) -> Exits:
    """Return the first exits of the unperturbed network.

    Parameters
    ----------
    network : DrivenNetwork
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.

    Returns
    -------
    Exits
        Of one copy.
    """
    return first_exits(network, modulate_copies(network), 1, initial, informative)


def best_next_unit(
    network: DrivenNetwork,
    group: list[int],
    candidates: list[int],
    ablation: Ablation,
    sample: Callable[[int], InitialStates],
    informative: Sequence[int],
    to: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> int:
    """Return the candidate whose ablation, with that of the group so far, makes exits rarest.

    All are ablated from ``settings.n_screening`` initial states, the best ``settings.n_finalists``
    from ``settings.n_racing`` more. Of those that are not worse than the best by more than a
    standard error, the first is taken: chance would decide between them, and the gradient, by which
    they are ordered, hardly depends on it.

    Parameters
    ----------
    network : DrivenNetwork
    group : list of int
        Units selected so far.
    candidates : list of int
        Units by falling gradient.
    ablation : Ablation
    sample : callable
        Returns that many initial states with new noise.
    informative : sequence of int
        The symbols that distinguish states.
    to : int, optional
        The label that follows; by default any.
    settings : KickSettings

    Returns
    -------
    int
        Number of the unit.
    """
    sets = np.array([[*group, c] for c in candidates])
    exits = ablated_exits(network, sets, ablation, sample(settings.n_screening), informative)
    best = np.argsort(hazards(exits, to), kind="stable")[: settings.n_finalists]
    racing = np.sort(best)
    more = ablated_exits(network, sets[racing], ablation, sample(settings.n_racing), informative)
    both = Exits(np.c_[exits.steps[racing], more.steps], np.c_[exits.to[racing], more.to])
    excess, error = excess_over_best(both, to)
    return candidates[int(racing[np.flatnonzero(excess <= error)[0]])]


def excess_over_best(exits: Exits, to: int | None = None) -> tuple[Floats, Floats]:
    """Return by how much hazards exceed the lowest one, and the standard errors of that.

    To first order the hazard's error is the mean over initial states of (exit - hazard * steps) /
    mean steps; differences are paired, as copies share initial states and noise.

    Parameters
    ----------
    exits : Exits
    to : int, optional
        The label that follows; by default any.

    Returns
    -------
    excess, error : ndarray of shape (copy)
        Exits per step.
    """
    hazard = hazards(exits, to)
    exited = exits.to >= 0 if to is None else exits.to == to
    share = (exited - hazard[:, None] * exits.steps) / exits.steps.sum(axis=1, keepdims=True)
    best = int(hazard.argmin())
    error: Floats = np.sqrt(((share - share[best]) ** 2).sum(axis=1))
    return hazard - hazard[best], error


def select_kick_group(
    network: DrivenNetwork,
    candidates: Candidates,
    mode: AblationMode,
    informative: Sequence[int],
    generator: torch.Generator,
    n_units: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> KickGroup:
    """Return the group for one exit, grown from its candidates one unit at a time.

    It is the smallest of ``settings.min_units`` to ``settings.max_units`` units that lowers the
    hazard by at least ``settings.sufficient_reduction`` with 97.5 % confidence, on states and noise
    on which no unit was chosen; where none does, the size that lowers it most there.

    Parameters
    ----------
    network : DrivenNetwork
    candidates : Candidates
    mode : str
        How units are ablated, see :data:`hmmlens.emulation.interventions.AblationMode`.
    informative : sequence of int
        The symbols that distinguish states.
    generator : torch.Generator
    n_units : int, optional
        Size of the group, whatever its effect.
    settings : KickSettings

    Returns
    -------
    KickGroup
        The group, or the reason why there is none.
    """
    fewest, most = (n_units, n_units) if n_units else (settings.min_units, settings.max_units)
    label, to = candidates.label, candidates.to
    ablation = Ablation(mode, candidates.cluster_output)
    reason = ""
    if candidates.n_exits < 2:
        reason = "no exits were seen"
    elif len(candidates.candidates) < fewest:
        reason = f"fewer than {fewest} units rise before exits"
    if reason:
        return KickGroup(label, to, ablation, np.array([], dtype=np.int64), [], reason)
    pools = [record_pool(network, generator, settings) for _ in range(2)]

    def _sample(n_initial: int, pool: Run = pools[0]) -> InitialStates:
        return sample_initial_states(
            network, pool, informative, label, generator, n_initial, settings
        )

    held_out = _sample(settings.n_held_out, pools[1])
    unperturbed = unperturbed_exits(network, held_out, informative)
    rng = numpy_generator(generator)
    group: list[int] = []
    curve: list[Estimate] = []
    for size in range(1, min(most, len(candidates.candidates)) + 1):
        others = [c for c in candidates.candidates.tolist() if c not in group]
        group.append(
            best_next_unit(network, group, others, ablation, _sample, informative, to, settings)
        )
        exits = ablated_exits(network, [np.array(group)], ablation, held_out, informative)
        curve.append(reduction_estimate(exits, unperturbed, rng, to, settings.n_bootstrap))
        if size >= fewest and curve[-1].low >= settings.sufficient_reduction:
            break
    else:
        size = fewest + int(np.argmax([e.value for e in curve[fewest - 1 :]]))
    return KickGroup(label, to, ablation, np.array(group[:size]), curve, "")


def numpy_generator(generator: torch.Generator) -> np.random.Generator:
    """Return a generator of NumPy that is seeded by a number from one of torch.

    Parameters
    ----------
    generator : torch.Generator

    Returns
    -------
    numpy.random.Generator
        A generator for NumPy and SciPy.
    """
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return np.random.default_rng(int(seed))
