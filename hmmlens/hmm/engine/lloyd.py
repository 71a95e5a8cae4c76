"""k-means from given centres, by Lloyd's algorithm.

SciPy's and scikit-learn's take longer to import than a small sweep takes.
"""

from __future__ import annotations

import numpy as np

from hmmlens.typing import Floats, Int64s


def k_means(frames: Floats, centres: Floats, n_steps: int) -> tuple[Floats, Int64s]:
    """Return centres after some steps of Lloyd's algorithm (Lloyd 1982).

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Values.
    centres : ndarray of shape (centre, component)
        Where to begin. A centre without frames stays where it is.
    n_steps : int
        Largest number of steps, 1 or more; fewer where frames no longer change their centre.

    Returns
    -------
    centres : ndarray of shape (centre, component)
        Means of the frames of each label.
    labels : ndarray of int of shape (frame,)
        The nearest centre of each frame before the last step.

    Examples
    --------
    >>> centres, labels = k_means(np.array([[0.0], [1.0], [9.0]]), np.array([[0.0], [8.0]]), 5)
    >>> centres.ravel().tolist(), labels.tolist()
    ([0.5, 9.0], [0, 0, 1])
    """
    n_centres = len(centres)
    # Distances from the origin are subtracted from each other, so it lies among the centres.
    origin = centres.mean(axis=0)
    values = np.ascontiguousarray((frames - origin).T)
    centres = centres - origin
    labels = np.full(len(frames), -1)
    for _ in range(n_steps):
        before = labels
        # Squared distances less what is common to all centres.
        labels = ((centres**2).sum(axis=1)[:, None] - 2 * centres @ values).argmin(axis=0)
        if np.array_equal(labels, before):
            break
        count = np.bincount(labels, minlength=n_centres)[:, None]
        sums = np.stack([np.bincount(labels, row, n_centres) for row in values], axis=1)
        centres = np.where(count > 0, sums / np.maximum(count, 1), centres)
    return centres + origin, labels


def squared_distances(points: Floats, values: Floats) -> Floats:
    """Return sums of squared differences, exactly 0 between equal points.

    Parameters
    ----------
    points : ndarray of shape (point, component)
        Points.
    values : ndarray of shape (component, frame)
        Values; a component lies in one piece, which is several times faster.

    Returns
    -------
    ndarray of shape (point, frame)
        Squared Euclidean distances.

    Examples
    --------
    >>> squared_distances(np.array([[1.0, 0.0]]), np.array([[1.0, 4.0], [0.0, 4.0]])).tolist()
    [[0.0, 25.0]]
    """
    apart = values[None] - points[:, :, None]
    return np.asarray(np.einsum("pcf,pcf->pf", apart, apart))
