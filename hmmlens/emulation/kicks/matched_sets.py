"""Sets of units to compare a group with: random ones of the same kind, and equally selective ones.

Any units that are as active and as well connected as a group may have the same effect, and so may
any units that rise before exits. Each is a null of its own.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.interventions import has_gates
from hmmlens.emulation.kicks.candidates import UnperturbedRuns
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.errors import DataError
from hmmlens.typing import Floats, Int64s

#: Properties of units that sets are matched on.
TRAITS = ("activity", "norm in", "norm out")


class MatchedSets(NamedTuple):
    """Sets of units to compare a group with.

    Attributes
    ----------
    units : ndarray of shape (set, unit)
    ratio : ndarray of shape (trait)
        Geometric mean of the traits of the sets over that of the group.
    """

    units: Int64s
    ratio: Floats


def unit_traits(network: DrivenNetwork, runs: UnperturbedRuns) -> Floats:
    """Return the properties of units that sets are matched on.

    Parameters
    ----------
    network : DrivenNetwork
    runs : UnperturbedRuns

    Returns
    -------
    ndarray of shape (unit, trait)
        :data:`TRAITS`: mean absolute value of what a unit sends out, and Euclidean norms of its
        weights from other units (of all gates) and to them; the norms are NaN where the network is
        no ``NoiseDriven``.
    """
    hidden = runs.run.states[..., : network.n_units]
    activity = hidden.abs().flatten(0, 1).double().mean(dim=0)
    if has_drive(network):
        recurrent = network.recurrent.weight
    elif has_gates(network):
        recurrent = network.gates.weight_hh
    else:
        unknown = np.full(network.n_units, np.nan)
        return np.stack([activity.cpu().numpy(), unknown, unknown], axis=1)
    weight = recurrent.detach().double().reshape(-1, network.n_units, network.n_units)
    norms = (weight.square().sum(dim=(0, 2)).sqrt(), weight.square().sum(dim=(0, 1)).sqrt())
    return np.stack([part.cpu().numpy() for part in (activity, *norms)], axis=1)


def matched_sets(
    units: Int64s,
    traits: Floats,
    n_sets: int,
    rng: np.random.Generator,
    avoid: Int64s | None = None,
    settings: KickSettings = DEFAULTS,
) -> MatchedSets:
    """Sample different sets of other units whose traits are like those of a group.

    Each unit is replaced at random by one of the ``settings.n_near`` most similar ones (of the
    logarithms of all traits, in standard deviations); of many such sets those are kept whose mean
    is nearest to that of the group.

    Parameters
    ----------
    units : ndarray of shape (member)
        The group.
    traits : ndarray of shape (unit, trait)
        Above 0, see :func:`unit_traits`; a trait that is NaN is ignored.
    n_sets : int
    rng : numpy.random.Generator
    avoid : ndarray of shape (unit), optional
        Units that no set may have, besides ``units``.
    settings : KickSettings

    Returns
    -------
    MatchedSets
        The sets, and how well they match.

    Raises
    ------
    DataError
        When there are too few other units for so many sets.
    """
    # A unit that is never on is unlike any other, but has no logarithm.
    logs = np.log(np.maximum(traits, 1e-6 * traits.max(axis=0)))
    scaled = (logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-12)
    scaled[np.isnan(scaled)] = 0.0
    out_of_bounds = units if avoid is None else np.union1d(units, avoid)
    others = np.setdiff1d(np.arange(len(traits)), out_of_bounds)
    n_near = settings.n_near
    if len(others) < len(units) + n_near or comb(len(others), len(units)) < 2 * n_sets:
        raise DataError(
            f"{len(traits)} units are too few for {n_sets} sets that are matched to {len(units)}"
        )
    far = ((scaled[others][None] - scaled[units][:, None]) ** 2).sum(axis=2)
    near = others[np.argsort(far, axis=1, kind="stable")[:, : n_near + len(units) - 1]]
    sampled = _replaced(near, n_near, settings.n_spare * n_sets, rng)
    sampled = np.unique(np.sort(sampled, axis=1), axis=0)
    if len(sampled) < n_sets:
        raise DataError(f"only {len(sampled)} different sets are like the group, not {n_sets}")
    distance = np.abs(scaled[sampled].mean(axis=1) - scaled[units].mean(axis=0)).max(axis=1)
    # In random order, so that the first few of them are as good as the others.
    kept = rng.permutation(sampled[np.argsort(distance, kind="stable")[:n_sets]])
    ratio = np.exp(logs[kept].mean(axis=(0, 1)) - logs[units].mean(axis=0))
    return MatchedSets(kept, ratio)


def _replaced(near: Int64s, n_near: int, n_samples: int, rng: np.random.Generator) -> Int64s:
    """Sample one of the first ``n_near`` free units of each row of ``near`` (unit, like it)."""
    sets = np.empty((n_samples, len(near)), dtype=np.int64)
    for i, similar in enumerate(near):
        free = ~(similar[None, :, None] == sets[:, None, :i]).any(axis=2)
        allowed = free & (free.cumsum(axis=1) <= n_near)
        keys = np.where(allowed, rng.random(allowed.shape), np.inf)
        sets[:, i] = similar[keys.argmin(axis=1)]
    return sets


def selective_sets(
    units: Int64s, candidates: Int64s, n_sets: int, rng: np.random.Generator
) -> Int64s:
    """Sample different sets of as many candidates, other than the group itself.

    They may share units with the group, which makes the comparison stricter.

    Parameters
    ----------
    units : ndarray of shape (member)
        The group.
    candidates : ndarray of shape (candidate)
    n_sets : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (set, member)
        Fewer than ``n_sets`` where the candidates allow for no more.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> selective_sets(np.array([0, 1]), np.arange(6), n_sets=4, rng=rng).shape
    (4, 2)
    """
    size, group = len(units), tuple(sorted(units.tolist()))
    pool = np.sort(candidates)
    if comb(len(pool), size) <= 2 * n_sets:
        every = [c for c in combinations(pool.tolist(), size) if c != group]
        picked = rng.permutation(len(every))[:n_sets]
        return np.array([every[i] for i in picked], dtype=np.int64).reshape(-1, size)
    sampled: dict[tuple[int, ...], None] = {}
    while len(sampled) < n_sets:
        one = tuple(sorted(rng.choice(pool, size, replace=False).tolist()))
        if one != group:
            sampled[one] = None
    return np.array(list(sampled), dtype=np.int64)
