"""Kick units by algorithm: few units without which a network leaves a label more rarely.

Torre et al. 2025 pick such units by hand in one network. Here candidates are ranked by their push
on exits that happened (:mod:`hmmlens.emulation.kicks.candidates`), a group is grown one unit at a
time by what its loss does to the hazard of the first exit, its size is chosen on other states and
noise, and its effect is measured on others again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import unflatten
from hmmlens.dynamics.rollouts import Run
from hmmlens.emulation.kicks.candidates import Ranked
from hmmlens.emulation.kicks.first_exits import (
    Changed,
    Exits,
    Starts,
    first_exits,
    hazards,
    held,
    modulated,
    received,
    reduction_estimate,
)
from hmmlens.rnn.gates import SENT
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import Estimate
from hmmlens.typing import Bools, Floats, Int64s

#: How units are lost. ``drive``: they hear no other unit, and keep their noise (factor 0 on the
#: drive, as in Torre et al.); ``output``: they send nothing out; ``hold``: they send out what they
#: do on average in the cluster. Where units send out both signs, nothing is not the rest that a
#: kick starts from, and silencing may be a kick of its own.
How = Literal["drive", "output", "hold"]

#: Runs in which starts are looked for, and steps of each after its warm-up.
N_RUNS, N_STEPS = 96, 100
#: Steps in which an exit may come.
HORIZON = 90
#: States to start in: those in which all candidates are tried, those in which the best of them
#: are tried again, and those on which the size is chosen.
TRIED, N_RACING, RACED, N_HELD_OUT = 200, 6, 600, 600
#: Sizes that a group may have, and the reduction at which no larger one is looked for. Of all
#: switches fewer are lost than of first exits, about half of them at this reduction.
FEWEST, LARGEST, ENOUGH = 3, 10, 0.6


class Loss(NamedTuple):
    """How units are lost.

    how : the way
    value : what held units send out, (unit) or (copy, unit); only looked at where they are held
    """

    how: How
    value: Floats


class Group(NamedTuple):
    """Units that kick a network out of a label.

    label, to : the label that is left, and for which one (None for any)
    loss : how they are lost
    units : (unit), in the order in which they were found; empty where there are none
    curve : by how much 1, 2, ... units lower the hazard on the noise on which the size was chosen;
        it may go on beyond the size that was chosen
    reason : why there are none, or nothing
    """

    label: int
    to: int | None
    loss: Loss
    units: Int64s
    curve: list[Estimate]
    reason: str


def masks(sets: Sequence[Int64s] | Int64s, n_units: int) -> Bools:
    """Return sets of units as (set, unit)."""
    out = np.zeros((len(sets), n_units), dtype=bool)
    for row, units in zip(out, sets, strict=True):
        row[units] = True
    return out


def without(network: NoiseDriven, lost: Bools, loss: Loss) -> Changed:
    """Return copies of a network that lack units (copy, unit).

    Raises
    ------
    DataError
        When the cell has not one drive per unit and the drive is to be cut.
    """
    like: Tensor = network.out.weight
    if loss.how == "hold":
        units = torch.from_numpy(lost).to(like.device)
        return held(network, SENT, units, torch.from_numpy(loss.value).to(like))
    return modulated(network, **{loss.how: torch.from_numpy(~lost).to(like)})


def pool(network: NoiseDriven, generator: torch.Generator) -> Run:
    """Run a network on fresh noise, for states to start in."""
    return rollouts.drive(network, N_RUNS, N_STEPS, generator)


def draw_starts(
    network: NoiseDriven,
    states: Run,
    informative: Sequence[int],
    label: int,
    generator: torch.Generator,
    n_starts: int,
) -> Starts:
    """Draw different states with that label, as many as there are up to ``n_starts``, and noise."""
    entries = states.states[latent(states.logits, informative) == label]
    order = torch.randperm(len(entries), generator=generator, device=generator.device)
    entries = entries[order[:n_starts].to(entries.device)]
    noise = rollouts.sample_noise(network, generator, HORIZON, len(entries))
    with torch.inference_mode():
        return Starts(unflatten(entries, network), received(network, noise), label)


def lacking(
    network: NoiseDriven,
    sets: Sequence[Int64s] | Int64s,
    loss: Loss,
    starts: Starts,
    informative: Sequence[int],
) -> Exits:
    """Return the first exits of copies that lack each of the sets of units."""
    lost = masks(sets, network.n_units)
    return first_exits(network, without(network, lost, loss), len(lost), starts, informative)


def intact(network: NoiseDriven, starts: Starts, informative: Sequence[int]) -> Exits:
    """Return the first exits of the unchanged network."""
    return first_exits(network, modulated(network), 1, starts, informative)


def best_next(
    network: NoiseDriven,
    found: list[int],
    candidates: list[int],
    loss: Loss,
    draw: Callable[[int], Starts],
    informative: Sequence[int],
    to: int | None = None,
) -> int:
    """Return the candidate without which, and without those found so far, exits are rarest.

    All are tried from :data:`TRIED` starts, the best :data:`N_RACING` from :data:`RACED` more.
    Of those that are not worse than the best by more than a standard error, the first is taken:
    chance would decide between them, and the gradient, by which they are ordered, hardly depends
    on it.

    Parameters
    ----------
    candidates : by falling gradient.
    draw : so many starts with new noise.
    """
    sets = np.array([[*found, c] for c in candidates])
    exits = lacking(network, sets, loss, draw(TRIED), informative)
    racing = np.sort(np.argsort(hazards(exits, to), kind="stable")[:N_RACING])
    more = lacking(network, sets[racing], loss, draw(RACED), informative)
    both = Exits(np.c_[exits.steps[racing], more.steps], np.c_[exits.to[racing], more.to])
    worse, error = behind_best(both, to)
    return candidates[int(racing[np.flatnonzero(worse <= error)[0]])]


def behind_best(exits: Exits, to: int | None = None) -> tuple[Floats, Floats]:
    """Return by how much hazards (copy) exceed the lowest, and the standard errors of that.

    To first order the hazard's error is the mean over starts of (exit - hazard * steps) / mean
    steps; differences are taken start by start, as copies share starts and noise.
    """
    hazard = hazards(exits, to)
    left = exits.to >= 0 if to is None else exits.to == to
    share = (left - hazard[:, None] * exits.steps) / exits.steps.sum(axis=1, keepdims=True)
    best = int(hazard.argmin())
    error: Floats = np.sqrt(((share - share[best]) ** 2).sum(axis=1))
    return hazard - hazard[best], error


def select(
    network: NoiseDriven,
    ranked: Ranked,
    how: How,
    informative: Sequence[int],
    generator: torch.Generator,
    n_units: int | None = None,
) -> Group:
    """Return the group for one exit, grown from its candidates one unit at a time.

    It is the smallest of :data:`FEWEST` to :data:`LARGEST` units that lowers the hazard by at
    least :data:`ENOUGH` with 97.5 % confidence, on states and noise on which no unit was chosen;
    where none does, the size that lowers it most there. Or ``n_units`` units, whatever they do.
    """
    fewest, largest = (n_units, n_units) if n_units else (FEWEST, LARGEST)
    loss = Loss(how, ranked.sent)
    reason = ""
    if ranked.n_exits < 2:
        reason = "no exits were seen"
    elif len(ranked.candidates) < fewest:
        reason = f"fewer than {fewest} units rise before exits"
    if reason:
        return Group(ranked.label, ranked.to, loss, np.array([], dtype=np.int64), [], reason)
    pools = [pool(network, generator) for _ in range(2)]

    def draw(n_starts: int, states: Run = pools[0]) -> Starts:
        return draw_starts(network, states, informative, ranked.label, generator, n_starts)

    held_out = draw(N_HELD_OUT, pools[1])
    usual = intact(network, held_out, informative)
    rng = numpy_generator(generator)
    found: list[int] = []
    curve: list[Estimate] = []
    for size in range(1, min(largest, len(ranked.candidates)) + 1):
        left = [c for c in ranked.candidates.tolist() if c not in found]
        found.append(best_next(network, found, left, loss, draw, informative, ranked.to))
        exits = lacking(network, [np.array(found)], loss, held_out, informative)
        curve.append(reduction_estimate(exits, usual, rng, ranked.to))
        if size >= fewest and curve[-1].low >= ENOUGH:
            break
    else:
        size = fewest + int(np.argmax([e.value for e in curve[fewest - 1 :]]))
    return Group(ranked.label, ranked.to, loss, np.array(found[:size]), curve, "")


def numpy_generator(generator: torch.Generator) -> np.random.Generator:
    """Return a generator of NumPy that is seeded by a draw of one of torch."""
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return np.random.default_rng(int(seed))
