"""Everything about a network's kick units that the tables of their analysis are made from.

Each part draws from seeds of its own, so that no table depends on which others are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from hmmlens.emulation.kicks.candidates import Ranked, Watched, rank, watch
from hmmlens.emulation.kicks.first_exits import Starts, hazards, reduction_estimate
from hmmlens.emulation.kicks.intervention_tests import Against, fresh_starts, lost, unread
from hmmlens.emulation.kicks.matched_sets import Sets, matched_sets, selective_sets, traits
from hmmlens.emulation.kicks.selection import Group, How, intact, lacking, select
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed
from hmmlens.stats.bootstrap import Estimate
from hmmlens.typing import Floats

#: Sets of each null, of groups and of all groups together.
N_SETS, N_PAIRS = 200, 100
#: Starts on which a group is compared with sets, and on which its effect is measured.
N_STARTS, N_EFFECT = 250, 1000
#: Two groups for each exit: one whose size is chosen, and one of so many units.
KINDS = ("group", "three")
THREE = 3
#: How the units of the two are lost: in ``relu``, which is silent at rest, they are cut off from
#: other units (the first) and silenced (the second), else both are held.
RELU: dict[str, How] = {"group": "drive", "three": "output"}
SIGNED: dict[str, How] = {"group": "hold", "three": "hold"}


class Case(NamedTuple):
    """A network, what was seen of it, and the candidates for each exit.

    network : the network
    informative : the symbols that tell its states apart
    seed : of everything drawn
    watched : runs of it
    ranked : one for each label
    kinds : (unit, trait), what sets are matched on
    hows : how the units of each of the ``KINDS`` are lost
    """

    network: NoiseDriven
    informative: tuple[int, ...]
    seed: int
    watched: Watched
    ranked: list[Ranked]
    kinds: Floats
    hows: dict[str, How]

    def torch(self, *names: str | int) -> torch.Generator:
        """Return a generator for the part called ``names``."""
        device = self.network.out.weight.device
        return torch.Generator(device).manual_seed(derive_seed(self.seed, "kicks", *names))

    def numpy(self, *names: str | int) -> np.random.Generator:
        """Return a generator for the part called ``names``."""
        return np.random.default_rng(derive_seed(self.seed, "kicks", "numpy", *names))

    def starts(self, label: int, n_starts: int, *names: str | int) -> Starts:
        """Return starts with the label from runs of their own."""
        generator = self.torch("starts", label, *names)
        return fresh_starts(self.network, self.informative, label, generator, n_starts)


class Examined(NamedTuple):
    """A group and what its tests say.

    group : the units
    hazard : of an unchanged network, exits a step
    effect : by which share the group's loss lowers it, on starts and noise of its own
    unread : the same where the group has no say in the label
    matched, selective : beside sets of the same kind, and of other candidates
    sets : the matched sets
    by_label : the effect on exits for each label; its own is NaN
    """

    group: Group
    hazard: float
    effect: Estimate
    unread: Estimate
    matched: Against
    selective: Against
    sets: Sets
    by_label: list[Estimate]


def observe(network: NoiseDriven, informative: Sequence[int], seed: int) -> Case:
    """Watch a network and rank its candidates.

    Raises
    ------
    DataError
        When it diverges.
    """
    symbols = tuple(informative)
    hows = RELU if network.cell == "relu" else SIGNED
    device = network.out.weight.device
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "kicks", "watch"))
    watched = watch(network, symbols, generator)
    ranked = [rank(network, watched, symbols, label) for label in range(len(symbols))]
    return Case(network, symbols, seed, watched, ranked, traits(network, watched), hows)


def find(case: Case) -> dict[tuple[int, str], Group]:
    """Return the groups of each exit, by the label that is left and one of the ``KINDS``."""
    found = {}
    for ranked in case.ranked:
        for kind in KINDS:
            size = THREE if kind == "three" else None
            generator = case.torch("select", ranked.label, kind)
            found[ranked.label, kind] = select(
                case.network, ranked, case.hows[kind], case.informative, generator, size
            )
    return found


def examine(case: Case, group: Group, kind: str) -> Examined:
    """Measure a group's effect, and compare it with sets.

    Raises
    ------
    DataError
        When there are too few units to compare it with.
    """
    net, symbols, label, loss = case.network, case.informative, group.label, group.loss
    rng = case.numpy("examine", label, kind)
    starts = case.starts(label, N_EFFECT, "effect", kind)
    usual = intact(net, starts, symbols)
    exits = lacking(net, [group.units], loss, starts, symbols)
    effect = reduction_estimate(exits, usual, rng)
    nan = Estimate(np.nan, np.nan, np.nan)
    by_label = [
        reduction_estimate(exits, usual, rng, to) if to != label else nan
        for to in range(len(symbols))
    ]
    sets = matched_sets(group.units, case.kinds, N_SETS, rng)
    others = selective_sets(group.units, case.ranked[label].candidates, N_SETS, rng)
    common = case.starts(label, N_STARTS, "sets", kind)
    return Examined(
        group,
        float(hazards(usual)[0]),
        effect,
        unread(net, group.units, loss, starts, symbols, rng),
        lost(net, group.units, sets.units, loss, common, symbols, rng),
        lost(net, group.units, others, loss, common, symbols, rng),
        sets,
        by_label,
    )
