"""Sets of units to compare a group with: random ones of the same kind, and equally selective ones.

Any units that are as active and as well connected as a group may matter as much, and any units
that rise before exits may. Each is a null of its own.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from hmmlens.emulation.kicks.candidates import Watched
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import ACTIVATIONS, NoiseDriven
from hmmlens.typing import Floats, Int64s

#: What sets are matched on.
TRAITS = ("activity", "norm in", "norm out")
#: Each unit is replaced by one of so many that are most like it.
N_NEAR = 15
#: Sets drawn for each that is kept; kept are those whose mean traits are nearest the group's.
SPARE = 10


class Sets(NamedTuple):
    """Sets of units to compare a group with.

    units : (set, unit)
    ratio : (trait), mean traits of the sets over those of the group; geometric means
    """

    units: Int64s
    ratio: Floats


def traits(network: NoiseDriven, watched: Watched) -> Floats:
    """Return what units are matched on (unit, trait), see :data:`TRAITS`.

    Mean size of what a unit sends out, and Euclidean norms of its weights from other units (of all
    gates) and to them.
    """
    hidden = watched.run.states[..., : network.n_units]
    activity = hidden.abs().flatten(0, 1).double().mean(dim=0)
    cell = network.recurrent.weight if network.cell in ACTIVATIONS else network.gates.weight_hh
    weight = cell.detach().double().reshape(-1, network.n_units, network.n_units)
    norms = (weight.square().sum(dim=(0, 2)).sqrt(), weight.square().sum(dim=(0, 1)).sqrt())
    return np.stack([part.cpu().numpy() for part in (activity, *norms)], axis=1)


def matched_sets(
    units: Int64s, kinds: Floats, n_sets: int, rng: np.random.Generator, avoid: Int64s | None = None
) -> Sets:
    """Draw different sets of other units whose traits are like those of ``units``.

    Each unit is replaced at random by one of the :data:`N_NEAR` that are most like it (of the
    logarithms of all traits, in standard deviations); of many such sets those are kept whose mean
    is nearest that of the group.

    Parameters
    ----------
    kinds : (unit, trait), above 0, see :func:`traits`.
    avoid : units that no set may have, besides ``units``.

    Raises
    ------
    DataError
        When there are too few other units for so many sets.
    """
    # A unit that is never on is unlike any other, but has no logarithm.
    logs = np.log(np.maximum(kinds, 1e-6 * kinds.max(axis=0)))
    scaled = (logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-12)
    out_of_bounds = units if avoid is None else np.union1d(units, avoid)
    others = np.setdiff1d(np.arange(len(kinds)), out_of_bounds)
    if len(others) < len(units) + N_NEAR or comb(len(others), len(units)) < 2 * n_sets:
        raise DataError(
            f"{len(kinds)} units are too few for {n_sets} sets that are matched to {len(units)}"
        )
    far = ((scaled[others][None] - scaled[units][:, None]) ** 2).sum(axis=2)
    near = others[np.argsort(far, axis=1, kind="stable")[:, : N_NEAR + len(units) - 1]]
    drawn = np.unique(np.sort(_replaced(near, SPARE * n_sets, rng), axis=1), axis=0)
    if len(drawn) < n_sets:
        raise DataError(f"only {len(drawn)} different sets are like the group, not {n_sets}")
    apart = np.abs(scaled[drawn].mean(axis=1) - scaled[units].mean(axis=0)).max(axis=1)
    # In random order, so that the first few of them are as good as the others.
    kept = rng.permutation(drawn[np.argsort(apart, kind="stable")[:n_sets]])
    ratio = np.exp(logs[kept].mean(axis=(0, 1)) - logs[units].mean(axis=0))
    return Sets(kept, ratio)


def _replaced(near: Int64s, n_draws: int, rng: np.random.Generator) -> Int64s:
    """Draw one of the first :data:`N_NEAR` free units of each row of ``near`` (unit, like it)."""
    out = np.empty((n_draws, len(near)), dtype=np.int64)
    for i, like in enumerate(near):
        free = ~(like[None, :, None] == out[:, None, :i]).any(axis=2)
        allowed = free & (free.cumsum(axis=1) <= N_NEAR)
        keys = np.where(allowed, rng.random(allowed.shape), np.inf)
        out[:, i] = like[keys.argmin(axis=1)]
    return out


def selective_sets(
    units: Int64s, candidates: Int64s, n_sets: int, rng: np.random.Generator
) -> Int64s:
    """Draw different sets (set, unit) of as many candidates, other than the group itself.

    They may share units with it, which makes them harder to beat. There are fewer than ``n_sets``
    where the candidates allow for no more.
    """
    size, group = len(units), tuple(sorted(units.tolist()))
    pool = np.sort(candidates)
    if comb(len(pool), size) <= 2 * n_sets:
        every = [c for c in combinations(pool.tolist(), size) if c != group]
        picked = rng.permutation(len(every))[:n_sets]
        return np.array([every[i] for i in picked], dtype=np.int64).reshape(-1, size)
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < n_sets:
        one = tuple(sorted(rng.choice(pool, size, replace=False).tolist()))
        if one != group:
            drawn[one] = None
    return np.array(list(drawn), dtype=np.int64)
