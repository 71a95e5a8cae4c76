"""How kick units and the units that integrate noise for them are connected, and what chance gives.

A pair of exits has two groups of kick units and two populations of integrators (Torre et al. 2025).
That weights within a group exceed those between groups is found for almost any units that rise
before the same exits, so a motif is only as good as its null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import ACTIVATIONS, NoiseDriven
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s

#: Share of all units that are integrators, those of both exits together: 70 of 150 in Torre et al.
INTEGRATORS = 70 / 150

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


class Pair(NamedTuple):
    """Groups for two exits, and sets that each may be compared with.

    units : the two groups
    matched, selective : for each exit (set, unit), see :mod:`hmmlens.emulation.kicks.matched_sets`
    """

    units: tuple[Int64s, Int64s]
    matched: tuple[Int64s, Int64s]
    selective: tuple[Int64s, Int64s]


def weights(network: NoiseDriven) -> Floats:
    """Return the recurrent weights (to, from).

    Raises
    ------
    DataError
        When the cell has several weights for each pair of units.
    """
    if network.cell not in ACTIVATIONS:
        raise DataError(f"a {network.cell} cell has several weights for each pair of units")
    found: Floats = network.recurrent.weight.detach().double().cpu().numpy()
    return found


def integrators(weight: Floats, one: Int64s, other: Int64s) -> tuple[Int64s, Int64s]:
    """Return the units that excite the first group and inhibit the other, and the reverse.

    Torre et al. 2025: units with the lowest product of their mean weights onto the two groups,
    half of them, by their weight onto the first group, for each. Kick units are left out.
    """
    onto = weight[one].mean(axis=0), weight[other].mean(axis=0)
    product = onto[0] * onto[1]
    product[np.union1d(one, other)] = np.inf
    half = min(round(len(weight) * INTEGRATORS / 2), int(np.isfinite(product).sum()) // 2)
    chosen = np.argsort(product, kind="stable")[: 2 * half]
    ordered = chosen[np.argsort(-onto[0][chosen], kind="stable")]
    return np.sort(ordered[:half]), np.sort(ordered[half:])


def blocks(weight: Floats, one: Int64s, other: Int64s) -> Floats:
    """Return mean weights (to, from) between the sets :data:`SETS`, without a unit's own on itself.

    NaN where a block has no weights.
    """
    sets = [one, other, *integrators(weight, one, other)]
    out = np.full((4, 4), np.nan)
    for i, to in enumerate(sets):
        for j, source in enumerate(sets):
            part = weight[np.ix_(to, source)]
            others = to[:, None] != source[None]
            if others.any():
                out[i, j] = part[others].mean()
    return out


def contrasts(found: Floats) -> Floats:
    """Return the :data:`CONTRASTS` (contrast) of mean weights (to, from)."""
    return np.array(
        [
            np.mean([found[b] for b in more]) - np.mean([found[b] for b in less])
            for more, less in CONTRASTS.values()
        ]
    )


def permuted(weight: Floats, axis: int, rng: np.random.Generator) -> Floats:
    """Return weights in random order within each row (axis 1) or column (axis 0).

    Each unit keeps all the weights that it receives, or that it sends out, and with them their
    sum and norm; its weight on itself stays where it is.
    """
    n = len(weight)
    turned = weight if axis == 1 else weight.T
    off = ~np.eye(n, dtype=bool)
    rows = rng.permuted(turned[off].reshape(n, n - 1), axis=1)
    out = turned.copy()
    out[off] = rows.ravel()
    return out if axis == 1 else out.T


def null_contrasts(
    weight: Floats, pair: Pair, n_permutations: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return contrasts (draw, contrast) by what chance gives, for each null.

    ``inputs`` and ``outputs`` permute weights within rows and columns; ``matched`` and
    ``selective`` take other units for kick units. Integrators are chosen anew in each draw.
    """

    def replaced(sets: tuple[Int64s, Int64s]) -> Iterator[Floats]:
        for one in sets[0]:
            # A unit in both would make weights between groups of those within.
            apart = ~np.isin(sets[1], one).any(axis=1)
            if apart.any():
                yield contrasts(blocks(weight, one, rng.choice(sets[1][apart])))

    draws = range(n_permutations)
    found = {
        "inputs": [contrasts(blocks(permuted(weight, 1, rng), *pair.units)) for _ in draws],
        "outputs": [contrasts(blocks(permuted(weight, 0, rng), *pair.units)) for _ in draws],
        "matched": list(replaced(pair.matched)),
        "selective": list(replaced(pair.selective)),
    }
    return {name: np.array(rows).reshape(-1, len(CONTRASTS)) for name, rows in found.items()}


def connectivity_tables(
    network: NoiseDriven, pair: Pair, n_permutations: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the blocks of a pair of exits, and contrasts of them beside their nulls.

    Returns
    -------
    blocks : ``to``, ``from``, ``weight`` (mean)
    contrasts : ``contrast``, ``value``, ``null``, ``null_mean``, ``null_low``, ``null_high`` (its
        central 95 %), ``n_null``, ``p`` (one-sided: as large by chance)

    Raises
    ------
    DataError
        When the cell has several weights for each pair of units.
    """
    weight = weights(network)
    found = blocks(weight, *pair.units)
    table = pd.DataFrame(
        [(SETS[i], SETS[j], found[i, j]) for i in range(4) for j in range(4)],
        columns=BLOCK_COLUMNS,
    )
    values, rows = contrasts(found), []
    for null, drawn in null_contrasts(weight, pair, n_permutations, rng).items():
        for name, value, chance in zip(CONTRASTS, values, drawn.T, strict=True):
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
