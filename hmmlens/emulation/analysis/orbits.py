"""Orbits of a driven network in the plane of its first two components.

How far states go round rather than to and fro, how large orbits are for noise of several sizes,
and where the network spends its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.rollouts import WARM_UP, Driven, along, draw
from hmmlens.errors import DataError
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.ratios import per_run, ratio
from hmmlens.typing import Floats

#: Components that are kept; orbits are looked at in the first two.
N_COMPONENTS = 10
#: Components among which a plane of rotation is looked for.
N_TURNING = 5
#: Standard deviations of the noise. Torre et al. 2025 have .1, 1, 2, 3 and 4, called variances.
SIZES = (0.1, 0.5, 1.0, 2.0, 4.0)
#: States that components are learnt from at most, evenly spaced.
MOST_STATES = 20_000
#: Share of the time that a contour holds, and cells of its grid along either axis.
OCCUPIED, N_GRID = 0.95, 100


class Rotation(NamedTuple):
    """How states go round the mean of the plane.

    consistency : area swept with the sign of its direction, as a share of the area swept in
        either: 1 or -1 where all turn one way, 0 where as much goes back
    turns : turns per 100 steps, those one way less those the other
    """

    consistency: Estimate
    turns: Estimate


class Contour(NamedTuple):
    """Where states are.

    x, y : (x), (y), centres of the grid's cells
    density : (x, y), adds up to 1 over the cells
    level : the cells above it hold :data:`OCCUPIED` of it
    """

    x: Floats
    y: Floats
    density: Floats
    level: float


def plane(
    hidden: NDArray[np.floating[Any]], n_components: int = N_COMPONENTS
) -> PrincipalComponents:
    """Return the principal components of states (..., unit), of at most :data:`MOST_STATES`."""
    frames = hidden.reshape(-1, hidden.shape[-1])
    frames = frames[:: -(-len(frames) // MOST_STATES)]
    return PrincipalComponents(n_components).fit(np.asarray(frames, dtype=np.float64))


def rotation(scores: Floats, rng: np.random.Generator) -> Rotation:
    """Return how states (run, time, component) turn in the first two; intervals over runs."""
    x, y = scores[..., 0], scores[..., 1]
    # Twice the area between two successive states and the mean; it weighs by the radius, so that
    # the jitter of states near the mean, which have no direction, counts for little.
    area = x[:, :-1] * y[:, 1:] - y[:, :-1] * x[:, 1:]
    along_ = x[:, :-1] * x[:, 1:] + y[:, :-1] * y[:, 1:]
    angle = np.arctan2(area, along_)
    return Rotation(
        ratio(area.sum(axis=1), np.abs(area).sum(axis=1), rng),
        per_run(100 * angle.mean(axis=1) / (2 * np.pi), rng),
    )


def oriented(found: Rotation) -> Rotation:
    """Return a rotation with the direction called positive that prevails.

    Which way is positive in a plane of components hangs on their signs, which mean nothing. That
    a rotation is none is seen from intervals that hold 0.
    """
    if not found.consistency.value < 0:
        return found
    flipped = [Estimate(-e.value, -e.high, -e.low) for e in found]
    return Rotation(*flipped)


def turning_plane(scores: Floats) -> Floats:
    """Return the plane in which states (run, time, component) sweep most area: (component, 2).

    The sum of x_t x_(t+1)' - x_(t+1) x_t' has the net area swept in each pair of components; its
    leading pair of singular vectors spans the plane.
    """
    now, later = (part.reshape(-1, scores.shape[2]) for part in (scores[:, :-1], scores[:, 1:]))
    product = now.T @ later
    vectors: Floats = np.linalg.svd(product - product.T)[0][:, :2]
    return vectors


def best_rotation(scores: Floats, rng: np.random.Generator) -> Rotation:
    """Return how states (run, time, component) turn in the plane in which they turn most.

    Rotation need not lie in the first two components: where the second and third are about as
    large, which of them the orbit goes through is chance. The plane and its direction are those
    of every second run, and the rotation that of the others, so that there is none to be found in
    noise.
    """
    centred = scores - scores.mean(axis=(0, 1))
    learnt, judged = centred[::2], centred[1::2]
    axes = turning_plane(learnt)
    seen = learnt @ axes
    area = (seen[:, :-1, 0] * seen[:, 1:, 1] - seen[:, :-1, 1] * seen[:, 1:, 0]).sum()
    return rotation(judged @ (axes if area >= 0 else axes[:, ::-1]), rng)


def summary(
    hidden: NDArray[np.floating[Any]], rng: np.random.Generator, n_components: int = N_COMPONENTS
) -> tuple[pd.DataFrame, PrincipalComponents]:
    """Return what the plane holds and how states turn in it, and the components.

    Parameters
    ----------
    hidden : (run, time, unit)

    Returns
    -------
    one row a measure: ``measure``, ``value``, ``low``, ``high``. Measures are ``pc1`` ...
    (explained variance), ``radius`` (root mean square distance from the mean in the plane),
    ``rotation`` and ``turns_per_100`` (:func:`oriented`), and ``rotation_best`` and
    ``turns_best`` in the plane of the first :data:`N_TURNING` components in which states turn most
    (:func:`best_rotation`).
    """
    found = plane(hidden, n_components)
    scores = found.transform(np.asarray(hidden, dtype=np.float64))
    turns = oriented(rotation(scores, rng))
    best = best_rotation(scores[..., :N_TURNING], rng)
    rows = [
        (f"pc{i + 1}", Estimate(float(share), np.nan, np.nan))
        for i, share in enumerate(found.explained_variance_ratio_)
    ]
    rows += [
        ("radius", radius(scores[..., :2], rng)),
        ("rotation", turns.consistency),
        ("turns_per_100", turns.turns),
        ("rotation_best", best.consistency),
        ("turns_best", best.turns),
    ]
    return pd.DataFrame([{"measure": name, **e._asdict()} for name, e in rows]), found


def radius(scores: Floats, rng: np.random.Generator) -> Estimate:
    """Return the root mean square distance of (run, time, component) from their mean."""
    away = ((scores - scores.mean(axis=(0, 1))) ** 2).sum(axis=2).mean(axis=1)
    return Estimate(*np.sqrt(per_run(away, rng)))


def sizes(
    network: Driven,
    n_runs: int,
    n_steps: int,
    generator: torch.Generator,
    rng: np.random.Generator,
    scales: Sequence[float] = SIZES,
) -> pd.DataFrame:
    """Measure orbits for noise of several standard deviations, the same noise scaled.

    The plane is that of the first scale that is 1 or above, so that sizes can be compared; the
    radius of all units needs none.

    Returns
    -------
    one row a scale: ``noise_sd``, ``radius`` in the plane with ``low`` and ``high`` (over runs),
    ``radius_per_sd``, ``radius_all`` (of all units), ``rotation``. Values are NaN where states
    are not finite.

    Raises
    ------
    DataError
        When no scale is given, or states are not finite at the scale of the plane.
    """
    if not scales:
        raise DataError("no size of the noise was given")
    noise = draw(network, generator, n_runs, WARM_UP + n_steps)
    hidden = {
        scale: along(network, scale * noise)[0][:, WARM_UP:, : network.n_units].double().numpy()
        for scale in scales
    }
    reference = min((s for s in scales if s >= 1), default=max(scales))
    if not np.isfinite(hidden[reference]).all():
        raise DataError(f"the network diverges on noise of standard deviation {reference}")
    axes = plane(hidden[reference], 2)
    rows = []
    for scale, states in hidden.items():
        row = {"noise_sd": scale}
        if np.isfinite(states).all():
            scores = axes.transform(states)
            size = radius(scores, rng)
            row |= {"radius": size.value, "low": size.low, "high": size.high}
            row |= {"radius_per_sd": size.value / scale, "radius_all": radius(states, rng).value}
            turns = oriented(rotation(scores - scores.mean(axis=(0, 1)), rng))
            row["rotation"] = turns.consistency.value
        rows.append(row)
    columns = ["noise_sd", "radius", "low", "high", "radius_per_sd", "radius_all", "rotation"]
    return pd.DataFrame(rows, columns=columns)


def contour(scores: Floats, share: float = OCCUPIED, n_grid: int = N_GRID) -> Contour:
    """Return the density of states (..., component) on the plane of the first two components.

    A histogram that is smoothed by a Gaussian of Scott's width (Scott 1992, section 6.3).

    Raises
    ------
    DataError
        When states do not move along one of the two axes.
    """
    from scipy.ndimage import gaussian_filter

    points = scores[..., :2].reshape(-1, 2)
    spread = points.std(axis=0)
    if not (spread > 0).all():
        raise DataError("states do not move in the plane, so there is no contour")
    width = spread * len(points) ** (-1 / 6)
    low, high = points.min(axis=0) - 3 * width, points.max(axis=0) + 3 * width
    edges = [np.linspace(a, b, n_grid + 1) for a, b in zip(low, high, strict=True)]
    counts = np.histogram2d(points[:, 0], points[:, 1], bins=edges)[0]
    cell = (high - low) / n_grid
    density = gaussian_filter(counts, width / cell, mode="constant")
    density /= density.sum()
    ordered = np.sort(density, axis=None)[::-1]
    level = ordered[np.searchsorted(ordered.cumsum(), share)]
    x, y = ((e[1:] + e[:-1]) / 2 for e in edges)
    return Contour(x, y, density, float(level))
