"""k-means clusters and nearest centres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hmmlens.typing import Floats, Int64s

if TYPE_CHECKING:
    from sklearn.cluster import KMeans


def fit_kmeans(frames: Floats, n_clusters: int, n_init: int, random_state: int) -> KMeans:
    """Fit k-means to frames.

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Points to cluster.
    n_clusters : int
        Number of clusters.
    n_init : int
        Number of initialisations, of which the best counts.
    random_state : int
        Seed of the initialisations.

    Returns
    -------
    sklearn.cluster.KMeans
        The fitted estimator.
    """
    # scikit-learn takes a second to import.
    from sklearn.cluster import KMeans

    return KMeans(n_clusters, n_init=n_init, random_state=random_state).fit(frames)


def nearest(points: Floats, centres: Floats) -> Int64s:
    """Return the index of the nearest centre to each point.

    Parameters
    ----------
    points : ndarray of shape (frame, component)
        Points.
    centres : ndarray of shape (centre, component)
        Centres of clusters.

    Returns
    -------
    ndarray of shape (frame,)
        The index of the nearest centre to each point.

    Examples
    --------
    >>> import numpy as np
    >>> nearest(np.array([[0.1], [0.9], [0.2]]), np.array([[0.0], [1.0]])).tolist()
    [0, 1, 0]
    """
    square = (centres**2).sum(axis=1) - 2 * points @ centres.T
    return np.asarray(square.argmin(axis=1), dtype=np.int64)
