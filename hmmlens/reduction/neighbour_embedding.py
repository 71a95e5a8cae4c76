"""Exact t-SNE of some hundreds of frames, and places for further frames on the map.

Implemented here because importing openTSNE or scikit-learn takes longer than mapping 500 frames.
Distances between all pairs of points are computed in each step, so time and memory grow with the
square of the number of frames that shape the map.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.typing import Floats

#: Arrays of single precision, which suffices for gradients.
Singles: TypeAlias = NDArray[np.float32]

#: Factor of the attraction in the first third of the steps, in which clusters form.
EARLY_EXAGGERATION = 12
#: Momentum of the gradient descent.
MOMENTUM = np.float32(0.8)
#: Effective number of neighbours by which further frames are placed, and steps of their descent.
PLACE_PERPLEXITY, PLACE_STEPS = 3.0, 10
#: Further frames: factor of the attraction, learning rate, and largest norm of a gradient.
PLACE_EXAGGERATION, PLACE_RATE, PLACE_CLIP = np.float32(1.5), np.float32(1), np.float32(0.25)
#: Pairs of points whose distances are held at once.
PAIRS_AT_ONCE = 1_000_000


def affinities(distance: Floats, perplexity: float) -> Floats:
    """Return Gaussian affinities of neighbours, each row with the given perplexity.

    Parameters
    ----------
    distance : ndarray of shape (frame, neighbour)
        Squared distances.
    perplexity : float
        Exponential of the entropy of a row, which is met where distances differ and the row has
        more neighbours.

    Returns
    -------
    ndarray of shape (frame, neighbour)
        Each row sums to 1.

    Examples
    --------
    >>> p = affinities(np.array([[1.0, 2.0, 4.0, 8.0]]), perplexity=2.0)
    >>> round(float(np.exp(-(p * np.log(p)).sum())), 6)
    2.0
    """
    excess = distance - distance.min(axis=1, keepdims=True)
    mean = excess.mean(axis=1, keepdims=True)
    excess = np.divide(excess, mean, out=np.zeros_like(excess), where=mean > 0)
    low, high = np.zeros((len(excess), 1)), np.full((len(excess), 1), np.inf)
    precision = np.ones((len(excess), 1))
    for _ in range(50):
        share = np.exp(-precision * excess)
        total = share.sum(axis=1, keepdims=True)
        entropy = np.log(total) + precision * (share * excess).sum(axis=1, keepdims=True) / total
        flat = entropy > np.log(perplexity)
        low, high = np.where(flat, precision, low), np.where(flat, high, precision)
        precision = np.where(np.isinf(high), 2 * precision, (low + np.fmin(high, 1e300)) / 2)
    share = np.exp(-precision * excess)
    shares: Floats = share / share.sum(axis=1, keepdims=True)
    return shares


def nearest(frames: Floats, others: Floats, k: int) -> tuple[NDArray[np.intp], Floats]:
    """Return the nearest of other frames by Euclidean distance, in no order.

    Parameters
    ----------
    frames, others : ndarray of shape (frame, unit)
        States of units.
    k : int
        Number of neighbours, at most as many as there are others.

    Returns
    -------
    index, distance : ndarray of shape (frame, neighbour)
        Numbers of the others, and squared distances.
    """
    square = (others**2).sum(axis=1) - 2 * frames @ others.T
    index = np.argpartition(square, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(square, index, axis=1) + (frames**2).sum(axis=1)[:, None]
    return index, np.maximum(found, 0)


def joint_affinities(frames: Floats, perplexity: float) -> Singles:
    """Return the symmetric affinities of all pairs of frames.

    Parameters
    ----------
    frames : ndarray of shape (frame, unit)
        States of units, 2 frames or more.
    perplexity : float
        Effective number of neighbours.

    Returns
    -------
    ndarray of shape (frame, frame)
        Their sum is 1, and the diagonal is 0.
    """
    n = len(frames)
    k = min(n - 1, max(1, int(3 * perplexity)))
    joint = np.zeros((n, n), dtype=np.float32)
    centred = frames - frames.mean(axis=0)
    for first in range(0, n, rows := _rows(n)):
        some = np.arange(first, min(first + rows, n))
        index, distance = nearest(centred[some], centred, k + 1)
        # A frame is no neighbour of itself, nor is the farthest one where it is not among them.
        own = index == some[:, None]
        left_out = np.where(own.any(axis=1), own.argmax(axis=1), distance.argmax(axis=1))
        keep = np.arange(k + 1) != left_out[:, None]
        index, distance = index[keep].reshape(-1, k), distance[keep].reshape(-1, k)
        joint[some[:, None], index] = affinities(distance, perplexity)
    joint += joint.T.copy()
    joint /= joint.sum()
    return joint


def embed(
    frames: Floats, n_components: int, perplexity: float, n_iter: int, random_state: int
) -> Floats:
    """Return the map of frames, by gradient descent from their principal components.

    Parameters
    ----------
    frames : ndarray of shape (frame, unit)
        States of units, 2 frames or more.
    n_components : int
        Number of dimensions of the map.
    perplexity : float
        Effective number of neighbours.
    n_iter : int
        Steps of gradient descent; in the first third the attraction is exaggerated.
    random_state : int
        Seed of a small displacement of the start, which parts frames that are equal.

    Returns
    -------
    ndarray of shape (frame, component)
        Centred points.
    """
    n, joint = len(frames), joint_affinities(frames, perplexity)
    start = PrincipalComponents(n_components).fit(frames).transform(frames)
    start = np.pad(start, ((0, 0), (0, n_components - start.shape[1])))
    start /= start[:, 0].std()
    start += 0.01 * np.random.default_rng(random_state).normal(size=start.shape)
    points = (1e-4 * start).astype(np.float32)
    early = n_iter // 3
    for factor, steps in ((EARLY_EXAGGERATION, early), (1, n_iter - early)):
        descent = _Descent(points, rate=np.float32(n / factor))
        for _ in range(steps):
            attraction, repulsion, total = _forces(points, joint)
            points = descent.step(points, factor * attraction - repulsion / np.float32(total))
            points -= points.mean(axis=0)
    return points.astype(np.float64)


def place(frames: Floats, mapped: Floats, points: Floats) -> Floats:
    """Return the places of frames on a map, each for itself.

    A frame starts at the mean of its nearest neighbours' points by affinity, and takes some steps
    of gradient descent, in which the map stays as it is.

    Parameters
    ----------
    frames : ndarray of shape (frame, unit)
        Frames to place.
    mapped : ndarray of shape (mapped, unit)
        Frames that shape the map.
    points : ndarray of shape (mapped, component)
        Their points on the map.

    Returns
    -------
    ndarray of shape (frame, component)
        One point for each frame.
    """
    mean, single = mapped.mean(axis=0), points.astype(np.float32)
    placed = np.empty((len(frames), points.shape[1]))
    k = min(len(mapped), int(3 * PLACE_PERPLEXITY))
    for first in range(0, len(frames), rows := _rows(len(mapped))):
        some = slice(first, first + rows)
        index, distance = nearest(frames[some] - mean, mapped - mean, k)
        share = affinities(distance, PLACE_PERPLEXITY).astype(np.float32)
        around = single[index]
        here = np.einsum("ik,ikc->ic", share, around)
        descent = _Descent(here, PLACE_RATE)
        for _ in range(PLACE_STEPS):
            gap = here[:, None] - around
            pull = PLACE_EXAGGERATION * share / (1 + (gap**2).sum(axis=2))
            weight = _similarities(here, single)
            total = weight.sum(axis=1, keepdims=True)
            weight *= weight
            gradient = np.einsum("ik,ikc->ic", pull, gap) - _pull(weight, here, single) / total
            length = np.sqrt((gradient**2).sum(axis=1, keepdims=True))
            gradient *= PLACE_CLIP / np.maximum(length, PLACE_CLIP)
            here = descent.step(here, gradient)
        placed[some] = here
    return placed


class _Descent:
    """Gradient descent with momentum and a gain for each coordinate (Jacobs 1988)."""

    def __init__(self, points: Singles, rate: np.float32) -> None:
        self.rate = rate
        self.update, self.gain = np.zeros_like(points), np.ones_like(points)

    def step(self, points: Singles, gradient: Singles) -> Singles:
        """Return the points after a step."""
        turned = np.sign(self.update) != np.sign(gradient)
        self.gain = np.where(turned, self.gain + np.float32(0.2), self.gain * np.float32(0.8))
        self.gain = np.maximum(self.gain, np.float32(0.01))
        self.update = MOMENTUM * self.update - self.rate * self.gain * gradient
        return points + self.update


def _rows(n: int) -> int:
    return max(1, PAIRS_AT_ONCE // n)


def _similarities(points: Singles, others: Singles) -> Singles:
    """Return 1 / (1 + squared distance).

    There are no matrix products, whose last digits may depend on the number of threads.
    """
    weight = np.ones((len(points), len(others)), dtype=np.float32)
    for c in range(points.shape[1]):
        gap = np.subtract.outer(points[:, c], others[:, c])
        gap *= gap
        weight += gap
    similarity: Singles = np.reciprocal(weight, out=weight)
    return similarity


def _pull(weight: Singles, points: Singles, others: Singles) -> Singles:
    """Return the sums of weight times point minus other."""
    sums = [np.einsum("ij,j->i", weight, column) for column in np.ascontiguousarray(others.T)]
    total: Singles = weight.sum(axis=1, keepdims=True) * points - np.stack(sums, axis=1)
    return total


def _forces(points: Singles, joint: Singles) -> tuple[Singles, Singles, float]:
    """Return attraction and repulsion of points, and the sum of similarities of all pairs."""
    attraction, repulsion, total = np.empty_like(points), np.empty_like(points), 0.0
    for first in range(0, len(points), rows := _rows(len(points))):
        some = slice(first, first + rows)
        here = points[some]
        weight = _similarities(here, points)
        total += float(weight.sum()) - len(here)
        attraction[some] = _pull(joint[some] * weight, here, points)
        weight *= weight
        repulsion[some] = _pull(weight, here, points)
    return attraction, repulsion, total
