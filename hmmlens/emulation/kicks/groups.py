"""The groups of kick units of one network, and the tests of each.

Each part samples from seeds of its own, so that no table depends on which others are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.interventions import AblationMode
from hmmlens.emulation.kicks.candidates import (
    Candidates,
    UnperturbedRuns,
    rank_candidates,
    record_unperturbed_runs,
)
from hmmlens.emulation.kicks.first_exits import InitialStates, hazards, reduction_estimate
from hmmlens.emulation.kicks.group_selection import (
    KickGroup,
    ablated_exits,
    select_kick_group,
    unperturbed_exits,
)
from hmmlens.emulation.kicks.intervention_tests import (
    Comparison,
    compare_ablation,
    fresh_initial_states,
    off_target_effect,
)
from hmmlens.emulation.kicks.matched_sets import (
    MatchedSets,
    matched_sets,
    selective_sets,
    unit_traits,
)
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.seeds import derive_seed
from hmmlens.stats.bootstrap import Estimate
from hmmlens.typing import Floats

#: Two groups for each exit: one whose size is chosen, and one of :data:`THREE` units.
KINDS = ("group", "three")
THREE = 3
#: How the units of the two are ablated: in ``relu``, whose resting output is 0, the drive of the
#: first and the output of the second are set to 0; else both are held at their mean.
RELU_MODES: dict[str, AblationMode] = {"group": "drive", "three": "output"}
OTHER_MODES: dict[str, AblationMode] = {"group": "hold", "three": "hold"}


class KickContext(NamedTuple):
    """A network, runs of it, and the candidates for each exit.

    Attributes
    ----------
    network : DrivenNetwork
    informative : tuple of int
        The symbols that distinguish its states.
    seed : int
        Seed of everything random.
    runs : UnperturbedRuns
    candidates : list of Candidates
        One for each label.
    traits : ndarray of shape (unit, trait)
        Properties that sets are matched on.
    modes : dict of str
        How the units of each of the :data:`KINDS` are ablated.
    settings : KickSettings
    """

    network: DrivenNetwork
    informative: tuple[int, ...]
    seed: int
    runs: UnperturbedRuns
    candidates: list[Candidates]
    traits: Floats
    modes: dict[str, AblationMode]
    settings: KickSettings

    def torch(self, *names: str | int) -> torch.Generator:
        """Return a generator of torch for one part of the analysis.

        Parameters
        ----------
        *names : str or int
            The part.

        Returns
        -------
        torch.Generator
            Seeded by the seed of the analysis and the part.
        """
        return _torch_generator(self.network, self.seed, *names)

    def numpy(self, *names: str | int) -> np.random.Generator:
        """Return a generator of NumPy for one part of the analysis.

        Parameters
        ----------
        *names : str or int
            The part.

        Returns
        -------
        numpy.random.Generator
            Seeded by the seed of the analysis and the part.
        """
        return np.random.default_rng(derive_seed(self.seed, "kicks", "numpy", *names))

    def initial_states(self, label: int, n_initial: int, *names: str | int) -> InitialStates:
        """Return initial states with a label from runs of their own.

        Parameters
        ----------
        label : int
        n_initial : int
        *names : str or int
            The part of the analysis.

        Returns
        -------
        InitialStates
            The states and the noise that follows.
        """
        generator = self.torch("starts", label, *names)
        return fresh_initial_states(
            self.network, self.informative, label, generator, n_initial, self.settings
        )


class GroupTests(NamedTuple):
    """A group and the outcome of its tests.

    Attributes
    ----------
    group : KickGroup
    hazard : float
        Of an unperturbed network, exits per step.
    effect : Estimate
        Share by which ablation of the group lowers it, on initial states and noise of its own.
    off_target : Estimate
        The same where the readout ignores the group.
    matched, selective : Comparison
        Compared with sets of the same kind, and of other candidates.
    sets : MatchedSets
    by_label : list of Estimate
        The effect on exits for each label; its own is NaN.
    """

    group: KickGroup
    hazard: float
    effect: Estimate
    off_target: Estimate
    matched: Comparison
    selective: Comparison
    sets: MatchedSets
    by_label: list[Estimate]


def _torch_generator(network: DrivenNetwork, seed: int, *names: str | int) -> torch.Generator:
    device = network.start(1)[0][0].device
    return torch.Generator(device).manual_seed(derive_seed(seed, "kicks", *names))


def prepare(
    network: DrivenNetwork, informative: Sequence[int], seed: int, settings: KickSettings = DEFAULTS
) -> KickContext:
    """Run a network and rank the candidates for each exit.

    Parameters
    ----------
    network : DrivenNetwork
    informative : sequence of int
        The symbols that distinguish states.
    seed : int
    settings : KickSettings

    Returns
    -------
    KickContext
        What the other parts of the analysis start from.

    Raises
    ------
    DataError
        When the network diverges.
    """
    symbols = tuple(informative)
    modes = RELU_MODES if getattr(network, "cell", None) == "relu" else OTHER_MODES
    generator = _torch_generator(network, seed, "watch")
    runs = record_unperturbed_runs(network, symbols, generator, settings)
    candidates = [
        rank_candidates(network, runs, symbols, label, settings=settings)
        for label in range(len(symbols))
    ]
    traits = unit_traits(network, runs)
    return KickContext(network, symbols, seed, runs, candidates, traits, modes, settings)


def find_groups(context: KickContext) -> dict[tuple[int, str], KickGroup]:
    """Return the groups of each exit.

    Parameters
    ----------
    context : KickContext

    Returns
    -------
    dict
        ``(label that is left, one of the KINDS)`` -> group
    """
    groups = {}
    for candidates in context.candidates:
        for kind in KINDS:
            size = THREE if kind == "three" else None
            generator = context.torch("select", candidates.label, kind)
            groups[candidates.label, kind] = select_kick_group(
                context.network, candidates, context.modes[kind], context.informative, generator,
                size, context.settings,
            )  # fmt: skip
    return groups


def examine_group(context: KickContext, group: KickGroup, kind: str) -> GroupTests:
    """Measure a group's effect, and compare it with that of sets.

    Parameters
    ----------
    context : KickContext
    group : KickGroup
    kind : str
        One of the :data:`KINDS`, which gives the seeds.

    Returns
    -------
    GroupTests
        The outcome of all tests.

    Raises
    ------
    DataError
        When there are too few units to compare it with.
    """
    network, symbols, settings = context.network, context.informative, context.settings
    label, ablation, units = group.label, group.ablation, group.units
    n_sets, n_bootstrap = settings.n_sets, settings.n_bootstrap
    rng = context.numpy("examine", label, kind)
    initial = context.initial_states(label, settings.n_effect, "effect", kind)
    unperturbed = unperturbed_exits(network, initial, symbols)
    exits = ablated_exits(network, [units], ablation, initial, symbols)
    effect = reduction_estimate(exits, unperturbed, rng, n_bootstrap=n_bootstrap)
    nan = Estimate(np.nan, np.nan, np.nan)
    by_label = [
        reduction_estimate(exits, unperturbed, rng, to, n_bootstrap) if to != label else nan
        for to in range(len(symbols))
    ]
    sets = matched_sets(units, context.traits, n_sets, rng, settings=settings)
    others = selective_sets(units, context.candidates[label].candidates, n_sets, rng)
    common = context.initial_states(label, settings.n_initial, "sets", kind)
    off_target = off_target_effect(
        network, units, ablation, initial, symbols, rng, settings=settings
    )
    matched, selective = (
        compare_ablation(network, units, s, ablation, common, symbols, rng, settings=settings)
        for s in (sets.units, others)
    )
    hazard = float(hazards(unperturbed)[0])
    return GroupTests(group, hazard, effect, off_target, matched, selective, sets, by_label)
