"""Rotation of states in a plane: how far they go round rather than to and fro."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.ratios import per_run, ratio
from hmmlens.typing import Floats


class Rotation(NamedTuple):
    """Rotation of states around the mean of the plane.

    Attributes
    ----------
    consistency : Estimate
        Area swept with the sign of its direction, as a share of the area swept in either: 1 or -1
        where all rotate one way, 0 where both directions balance.
    turns : Estimate
        Turns per 100 steps, those one way less those the other.
    """

    consistency: Estimate
    turns: Estimate


def rotation(scores: Floats, rng: np.random.Generator) -> Rotation:
    """Return how states rotate in the first two components; intervals over runs.

    Parameters
    ----------
    scores : ndarray of shape (run, time, component)
        Centred states.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Rotation
        Consistency and turns.

    Examples
    --------
    >>> angle = 0.2 * np.arange(200)
    >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> measured = rotation(np.stack([circle, circle]), np.random.default_rng(0))
    >>> round(float(measured.consistency.value), 3)
    1.0
    """
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


def oriented(measured: Rotation) -> Rotation:
    """Return a rotation with the prevailing direction as the positive one.

    Which way is positive in a plane of components depends on their signs, which are arbitrary.
    Intervals that contain 0 show the absence of a rotation.

    Parameters
    ----------
    measured : Rotation
        A rotation.

    Returns
    -------
    Rotation
        The same, or its mirror image.
    """
    if not measured.consistency.value < 0:
        return measured
    flipped = [Estimate(-e.value, -e.high, -e.low) for e in measured]
    return Rotation(*flipped)


def turning_plane(scores: Floats) -> Floats:
    """Return the plane in which states sweep most area.

    The sum of x_t x_(t+1)' - x_(t+1) x_t' has the net area swept in each pair of components; its
    leading pair of singular vectors spans the plane.

    Parameters
    ----------
    scores : ndarray of shape (run, time, component)
        Centred states.

    Returns
    -------
    ndarray of shape (component, 2)
        Orthonormal axes.
    """
    now, later = (part.reshape(-1, scores.shape[2]) for part in (scores[:, :-1], scores[:, 1:]))
    product = now.T @ later
    vectors: Floats = np.linalg.svd(product - product.T)[0][:, :2]
    return vectors


def best_rotation(scores: Floats, rng: np.random.Generator) -> Rotation:
    """Return how states rotate in the plane in which they rotate most.

    Rotation need not lie in the first two components: where the second and third are about as
    large, which of them the orbit goes through is chance. The plane and its direction are those
    of every second run, and the rotation that of the others, so that noise alone has none.

    Parameters
    ----------
    scores : ndarray of shape (run, time, component)
        States.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Rotation
        Consistency and turns.
    """
    centred = scores - scores.mean(axis=(0, 1))
    fitted, evaluated = centred[::2], centred[1::2]
    axes = turning_plane(fitted)
    path = fitted @ axes
    area = (path[:, :-1, 0] * path[:, 1:, 1] - path[:, :-1, 1] * path[:, 1:, 0]).sum()
    return rotation(evaluated @ (axes if area >= 0 else axes[:, ::-1]), rng)
