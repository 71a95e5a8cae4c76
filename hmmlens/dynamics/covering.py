"""Covering numbers of points: how many discs of a radius cover them."""

from __future__ import annotations

import numpy as np

from hmmlens.errors import DataError
from hmmlens.typing import Floats


def covering_number(points: Floats, radius: float, covered: float = 0.95) -> int:
    """Return how many discs of a radius, chosen greedily, cover a share of points.

    Parameters
    ----------
    points : ndarray of shape (point, output)
        Points; the discs are centred on some of them.
    radius : float
        Radius of the discs.
    covered : float
        Share of the points to cover.

    Returns
    -------
    int
        The covering number, an upper bound of the smallest one.

    Raises
    ------
    DataError
        When a point is not finite, so that no disc could cover it.

    Examples
    --------
    >>> import numpy as np
    >>> covering_number(np.array([[0.0], [0.01], [1.0]]), 0.1, covered=1.0)
    2
    """
    if not np.isfinite(points).all():
        raise DataError("an endpoint is not finite, so endpoints cannot be counted")
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    inside = distance <= radius
    open_points = np.ones(len(points), dtype=bool)
    n_covered = 0
    while open_points.sum() > (1 - covered) * len(points):
        centre = (inside & open_points[None]).sum(axis=1).argmax()
        open_points &= ~inside[centre]
        n_covered += 1
    return n_covered
