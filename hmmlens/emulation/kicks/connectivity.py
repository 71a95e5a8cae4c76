"""Connections of kick units and of the units that integrate noise for them, with null models.

A pair of exits has two groups of kick units and two populations of integrators (Torre et al. 2025).
Weights within a group exceed those between groups for almost any units that rise before the same
exits, so that a motif is only as good as its null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.emulation.kicks.settings import DEFAULTS
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import ACTIVATIONS, NoiseDriven
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s

#: The four sets of units of a pair of exits.
SETS = ("kick 1", "kick 2", "integrators 1", "integrators 2")
#: What is tested: mean weight of the first blocks minus that of the second; a block is (to, from),
#: positions in :data:`SETS`.
CONTRASTS: dict[str, tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]] = {
    "kick to kick": (((0, 0), (1, 1)), ((0, 1), (1, 0))),
    "integrators to kick": (((0, 2), (1, 3)), ((0, 3), (1, 2))),
    "kick to integrators": (((2, 0), (3, 1)), ((2, 1), (3, 0))),
    "integrators to integrators": (((2, 2), (3, 3)), ((2, 3), (3, 2))),
}

BLOCK_COLUMNS = ["to", "from", "weight"]
CONTRAST_COLUMNS = [
    "contrast", "value", "null", "null_mean", "null_low", "null_high", "n_null", "p",
]  # fmt: skip


class ExitPair(NamedTuple):
    """Groups for two exits, and sets that each may be compared with.

    Attributes
    ----------
    units : pair of ndarray of shape (unit)
        The two groups.
    matched, selective : pair of ndarray of shape (set, unit)
        For each exit, see :mod:`hmmlens.emulation.kicks.matched_sets`.
    """

    units: tuple[Int64s, Int64s]
    matched: tuple[Int64s, Int64s]
    selective: tuple[Int64s, Int64s]


def recurrent_weights(network: NoiseDriven) -> Floats:
    """Return the recurrent weights.

    Parameters
    ----------
    network : NoiseDriven

    Returns
    -------
    ndarray of shape (to, from)
        In double precision.

    Raises
    ------
    DataError
        When the cell has several weights for each pair of units.
    """
    if network.cell not in ACTIVATIONS:
        raise DataError(f"a {network.cell} cell has several weights for each pair of units")
    weight: Floats = network.recurrent.weight.detach().double().cpu().numpy()
    return weight


def integrators(
    weight: Floats, one: Int64s, other: Int64s, share: float = DEFAULTS.integrator_share
) -> tuple[Int64s, Int64s]:
    """Return the units that excite the first group and inhibit the other, and the reverse.

    Torre et al. 2025: units with the lowest product of their mean weights onto the two groups,
    half of them, by their weight onto the first group, for each. Kick units are left out.

    Parameters
    ----------
    weight : ndarray of shape (to, from)
    one, other : ndarray of shape (unit)
        The two groups.
    share : float
        Share of all units that are integrators of either group.

    Returns
    -------
    first, second : ndarray of shape (unit)
        Numbers of the units, rising; disjoint from each other and from the groups.
    """
    onto = weight[one].mean(axis=0), weight[other].mean(axis=0)
    product = onto[0] * onto[1]
    product[np.union1d(one, other)] = np.inf
    half = min(round(len(weight) * share / 2), int(np.isfinite(product).sum()) // 2)
    chosen = np.argsort(product, kind="stable")[: 2 * half]
    ordered = chosen[np.argsort(-onto[0][chosen], kind="stable")]
    return np.sort(ordered[:half]), np.sort(ordered[half:])


def block_means(
    weight: Floats, one: Int64s, other: Int64s, share: float = DEFAULTS.integrator_share
) -> Floats:
    """Return mean weights between the sets :data:`SETS`, without a unit's own on itself.

    Parameters
    ----------
    weight : ndarray of shape (to, from)
    one, other : ndarray of shape (unit)
        The two groups.
    share : float
        Share of all units that are integrators of either group.

    Returns
    -------
    ndarray of shape (4, 4)
        (to, from); NaN where a block has no weights.
    """
    sets = [one, other, *integrators(weight, one, other, share)]
    means = np.full((4, 4), np.nan)
    for i, to in enumerate(sets):
        for j, source in enumerate(sets):
            part = weight[np.ix_(to, source)]
            others = to[:, None] != source[None]
            if others.any():
                means[i, j] = part[others].mean()
    return means


def contrasts(means: Floats) -> Floats:
    """Return the :data:`CONTRASTS` of mean weights.

    Parameters
    ----------
    means : ndarray of shape (4, 4)
        See :func:`block_means`.

    Returns
    -------
    ndarray of shape (contrast)
        Differences of mean weights.
    """
    return np.array(
        [
            np.mean([means[b] for b in more]) - np.mean([means[b] for b in less])
            for more, less in CONTRASTS.values()
        ]
    )


def permute_weights(weight: Floats, axis: int, rng: np.random.Generator) -> Floats:
    """Return weights in random order within each row (axis 1) or column (axis 0).

    Each unit keeps all the weights that it receives, or that it sends out, and with them their
    sum and norm; its weight on itself stays where it is.

    Parameters
    ----------
    weight : ndarray of shape (to, from)
    axis : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (to, from)
        A permuted copy.
    """
    n = len(weight)
    by_row = weight if axis == 1 else weight.T
    off = ~np.eye(n, dtype=bool)
    rows = rng.permuted(by_row[off].reshape(n, n - 1), axis=1)
    permuted = by_row.copy()
    permuted[off] = rows.ravel()
    return permuted if axis == 1 else permuted.T


def null_contrasts(
    weight: Floats,
    pair: ExitPair,
    n_permutations: int,
    rng: np.random.Generator,
    share: float = DEFAULTS.integrator_share,
) -> dict[str, Floats]:
    """Return contrasts under null models; integrators are chosen anew in each.

    Parameters
    ----------
    weight : ndarray of shape (to, from)
    pair : ExitPair
    n_permutations : int
    rng : numpy.random.Generator
    share : float
        Share of all units that are integrators of either group.

    Returns
    -------
    dict of ndarray of shape (sample, contrast)
        ``inputs`` and ``outputs`` permute weights within rows and columns; ``matched`` and
        ``selective`` take other units for kick units.
    """

    def _of(weight: Floats, one: Int64s, other: Int64s) -> Floats:
        return contrasts(block_means(weight, one, other, share))

    def _replaced(sets: tuple[Int64s, Int64s]) -> Iterator[Floats]:
        for one in sets[0]:
            # A unit in both would make weights between groups of those within.
            disjoint = ~np.isin(sets[1], one).any(axis=1)
            if disjoint.any():
                yield _of(weight, one, rng.choice(sets[1][disjoint]))

    samples = range(n_permutations)
    null = {
        "inputs": [_of(permute_weights(weight, 1, rng), *pair.units) for _ in samples],
        "outputs": [_of(permute_weights(weight, 0, rng), *pair.units) for _ in samples],
        "matched": list(_replaced(pair.matched)),
        "selective": list(_replaced(pair.selective)),
    }
    return {name: np.array(rows).reshape(-1, len(CONTRASTS)) for name, rows in null.items()}


def connectivity_tables(
    network: NoiseDriven,
    pair: ExitPair,
    n_permutations: int,
    rng: np.random.Generator,
    share: float = DEFAULTS.integrator_share,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the blocks of a pair of exits, and contrasts of them compared with their nulls.

    Parameters
    ----------
    network : NoiseDriven
    pair : ExitPair
    n_permutations : int
    rng : numpy.random.Generator
    share : float
        Share of all units that are integrators of either group.

    Returns
    -------
    blocks : DataFrame
        ``to``, ``from``, ``weight`` (mean)
    contrasts : DataFrame
        ``contrast``, ``value``, ``null``, ``null_mean``, ``null_low``, ``null_high`` (its central
        95 %), ``n_null``, ``p`` (one-sided: as large by chance)

    Raises
    ------
    DataError
        When the cell has several weights for each pair of units.
    """
    weight = recurrent_weights(network)
    means = block_means(weight, *pair.units, share)
    table = pd.DataFrame(
        [(SETS[i], SETS[j], means[i, j]) for i in range(4) for j in range(4)],
        columns=BLOCK_COLUMNS,
    )
    values, rows = contrasts(means), []
    for null, samples in null_contrasts(weight, pair, n_permutations, rng, share).items():
        for name, value, chance in zip(CONTRASTS, values, samples.T, strict=True):
            chance = chance[~np.isnan(chance)]
            known = len(chance) > 0 and not np.isnan(value)
            low, high = interval(chance) if known else (np.nan, np.nan)
            rows.append(
                {
                    "contrast": name,
                    "value": value,
                    "null": null,
                    "null_mean": chance.mean() if known else np.nan,
                    "null_low": low,
                    "null_high": high,
                    "n_null": len(chance),
                    "p": p_value(value, chance) if known else np.nan,
                }
            )
    return table, pd.DataFrame(rows, columns=CONTRAST_COLUMNS)
