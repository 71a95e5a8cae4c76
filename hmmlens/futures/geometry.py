"""The geometry of futures: how finely, densely and in how many dimensions states lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmmlens.futures.distances import dimension, upper
from hmmlens.futures.plateaus import Linkage, core_distances
from hmmlens.futures.settings import FutureSettings
from hmmlens.typing import Floats

#: The core distance whose spread shows dense points among graded states.
DENSITY_NEIGHBOURS = 8


@dataclass(frozen=True)
class Geometry:
    """Numbers of the distances alone.

    Attributes
    ----------
    quantiles : tuple of float
        5, 50 and 95 % quantiles of the distances.
    chain : float
        95 % quantile divided by the threshold at which all states are connected: how finely the
        states fill what they span.
    dimension : float
        Correlation dimension.
    density : float
        Ratio of the 90 to the 20 % quantile of core distances: large where dense points lie among
        spread states.
    same : float
        Share of pairs whose distance is below 0.15.
    valley : float
        Share of pairs between 0.15 and 0.4 of the median, divided by ``same``.
    """

    quantiles: tuple[float, float, float]
    chain: float
    dimension: float
    density: float
    same: float
    valley: float


def geometry(distances: Floats, settings: FutureSettings) -> Geometry:
    """Return numbers of the distances alone.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances.
    settings : FutureSettings
        Settings.

    Returns
    -------
    Geometry
        The numbers.
    """
    pairs = upper(distances)
    quantiles = tuple(float(q) for q in np.quantile(pairs, (0.05, 0.5, 0.95)))
    linkage = Linkage(distances, settings.min_members, settings.neighbours, settings.resolution)
    whole = [p for p in linkage.plateaus(settings.coverage) if p.n_classes == 1]
    core = core_distances(distances, DENSITY_NEIGHBOURS)
    low, high = np.quantile(core, (0.2, 0.9))
    same = float((pairs <= 0.15).mean())
    valley = float(((pairs > 0.15) & (pairs <= max(0.4 * quantiles[1], 0.15))).mean())
    return Geometry(
        (quantiles[0], quantiles[1], quantiles[2]),
        quantiles[2] / whole[0].low if whole else float("nan"),
        dimension(distances),
        float(high / max(low, 0.005 * quantiles[2], 0.002)),
        same,
        valley / max(same, 1e-9),
    )
