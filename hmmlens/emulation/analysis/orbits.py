"""Orbits of a driven network in the plane of its first two principal components.

How far states rotate rather than move to and fro, how large orbits are for noise of several sizes,
and where the network spends its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import WARM_UP, rollout, sample_noise
from hmmlens.emulation.analysis.rotation import best_rotation, oriented, rotation
from hmmlens.errors import DataError
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.ratios import per_run
from hmmlens.typing import Floats


@dataclass(frozen=True)
class OrbitSettings:
    """Settings of the analysis of orbits.

    Attributes
    ----------
    n_components : int
        Principal components that are kept; orbits are measured in the first two.
    n_rotating : int
        Components among which a plane of rotation is searched.
    noise_sds : tuple of float
        Standard deviations of the noise. Torre et al. 2025 have .1, 1, 2, 3 and 4, called
        variances.
    n_runs, n_steps : int
        Runs and steps at each standard deviation.
    most_states : int
        States that components are fitted to at most, evenly spaced.
    occupied : float
        Share of the time that a contour contains.
    n_grid : int
        Cells of a contour's grid along either axis.
    """

    n_components: int = 10
    n_rotating: int = 5
    noise_sds: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0)
    n_runs: int = 32
    n_steps: int = 300
    most_states: int = 20_000
    occupied: float = 0.95
    n_grid: int = 100


class Contour(NamedTuple):
    """Density of states on a plane.

    Attributes
    ----------
    x, y : ndarray of shape (x) and (y)
        Centres of the grid's cells.
    density : ndarray of shape (x, y)
        Adds up to 1 over the cells.
    level : float
        The cells above it contain the share ``occupied`` of the density.
    """

    x: Floats
    y: Floats
    density: Floats
    level: float


def plane(
    hidden: NDArray[np.floating[Any]],
    n_components: int = OrbitSettings.n_components,
    most_states: int = OrbitSettings.most_states,
) -> PrincipalComponents:
    """Return the principal components of states.

    Parameters
    ----------
    hidden : ndarray of shape (..., unit)
        States.
    n_components : int
        Number of principal components (dimensions).
    most_states : int
        States that components are fitted to at most, evenly spaced.

    Returns
    -------
    PrincipalComponents
        Fitted components.
    """
    frames = hidden.reshape(-1, hidden.shape[-1])
    frames = frames[:: -(-len(frames) // most_states)]
    return PrincipalComponents(n_components).fit(np.asarray(frames, dtype=np.float64))


def summary(
    hidden: NDArray[np.floating[Any]],
    rng: np.random.Generator,
    settings: OrbitSettings = OrbitSettings(),
) -> tuple[pd.DataFrame, PrincipalComponents]:
    """Return the shares of variance of the components, and how states rotate in them.

    Parameters
    ----------
    hidden : ndarray of shape (run, time, unit)
        States.
    rng : numpy.random.Generator
        Source of the resamples of runs.
    settings : OrbitSettings
        Numbers of components.

    Returns
    -------
    table : DataFrame
        One row per measure: ``measure``, ``value``, ``low``, ``high``. Measures are ``pc1`` ...
        (explained variance), ``radius`` (root mean square distance from the mean in the plane),
        ``rotation`` and ``turns_per_100`` (:func:`oriented`), and ``rotation_best`` and
        ``turns_best`` in the plane of the first ``n_rotating`` components in which states rotate
        most (:func:`best_rotation`).
    components : PrincipalComponents
        Fitted components.
    """
    components = plane(hidden, settings.n_components, settings.most_states)
    scores = components.transform(np.asarray(hidden, dtype=np.float64))
    turns = oriented(rotation(scores, rng))
    best = best_rotation(scores[..., : settings.n_rotating], rng)
    rows = [
        (f"pc{i + 1}", Estimate(float(share), np.nan, np.nan))
        for i, share in enumerate(components.explained_variance_ratio_)
    ]
    rows += [
        ("radius", radius(scores[..., :2], rng)),
        ("rotation", turns.consistency),
        ("turns_per_100", turns.turns),
        ("rotation_best", best.consistency),
        ("turns_best", best.turns),
    ]
    return pd.DataFrame([{"measure": name, **e._asdict()} for name, e in rows]), components


def radius(scores: Floats, rng: np.random.Generator) -> Estimate:
    """Return the root mean square distance of states from their mean.

    Parameters
    ----------
    scores : ndarray of shape (run, time, component)
        States.
    rng : numpy.random.Generator
        Source of the resamples of runs.

    Returns
    -------
    Estimate
        The distance, with its interval over runs.

    Examples
    --------
    >>> circle = np.stack([np.cos(np.arange(40)), np.sin(np.arange(40))], axis=1)
    >>> round(float(radius(np.stack([circle, circle]), np.random.default_rng(0)).value), 1)
    1.0
    """
    away = ((scores - scores.mean(axis=(0, 1))) ** 2).sum(axis=2).mean(axis=1)
    return Estimate(*np.sqrt(per_run(away, rng)))


def sizes(
    network: DrivenNetwork,
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: OrbitSettings = OrbitSettings(),
) -> pd.DataFrame:
    """Measure orbits for noise of several standard deviations, the same noise scaled.

    The plane is that of the first scale that is 1 or above, so that sizes can be compared; the
    radius of all units needs none.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    generator : torch.Generator
        Source of the noise.
    rng : numpy.random.Generator
        Source of the resamples of runs.
    settings : OrbitSettings
        Standard deviations, and numbers of runs and steps.

    Returns
    -------
    DataFrame
        One row per scale: ``noise_sd``, ``radius`` in the plane with ``low`` and ``high`` (over
        runs), ``radius_per_sd``, ``radius_all`` (of all units), ``rotation``. Values are NaN where
        states are not finite.

    Raises
    ------
    DataError
        When no scale is given, or states are not finite at the scale of the plane.
    """
    scales = settings.noise_sds
    if not scales:
        raise DataError("no size of the noise was given")
    noise = sample_noise(network, generator, settings.n_runs, WARM_UP + settings.n_steps)
    hidden = {
        scale: rollout(network, scale * noise)[0][:, WARM_UP:, : network.n_units].double().numpy()
        for scale in scales
    }
    reference = min((s for s in scales if s >= 1), default=max(scales))
    if not np.isfinite(hidden[reference]).all():
        raise DataError(f"the network diverges on noise of standard deviation {reference}")
    axes = plane(hidden[reference], 2, settings.most_states)
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


def contour(
    scores: Floats,
    share: float = OrbitSettings.occupied,
    n_grid: int = OrbitSettings.n_grid,
) -> Contour:
    """Return the density of states on the plane of the first two components.

    A histogram that is smoothed by a Gaussian of Scott's width (Scott 1992, section 6.3).

    Parameters
    ----------
    scores : ndarray of shape (..., component)
        States.
    share : float
        Share of the density that the contour contains.
    n_grid : int
        Cells of the grid along either axis.

    Returns
    -------
    Contour
        The density, and the level of the contour.

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
