"""Principal components of frames that need not be held at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hmmlens.stats.moments import Moments
from hmmlens.stats.ties import first_best

if TYPE_CHECKING:
    from hmmlens.reduction.base import Chunks
    from hmmlens.typing import Floats


@dataclass
class PrincipalComponents:
    """Principal components (Pearson 1901), with no more of them than there are units.

    Implemented here because importing scikit-learn takes longer than reducing a layer. As there,
    each component's largest loading is positive.

    Attributes
    ----------
    n_components : int
        Number of dimensions to keep.
    mean_ : ndarray of shape (unit,)
        Mean of the frames.
    components_ : ndarray of shape (component, unit)
        Loadings, orthonormal.
    explained_variance_ratio_ : ndarray of shape (component,)
        Share of the variance.

    Examples
    --------
    >>> import numpy as np
    >>> frames = np.random.default_rng(0).normal(size=(100, 5))
    >>> pca = PrincipalComponents(n_components=2).fit(frames)
    >>> pca.transform(frames).shape
    (100, 2)
    """

    n_components: int

    def fit(self, frames: Floats) -> PrincipalComponents:
        """Learn from frames, whose units are centred and not scaled.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        PrincipalComponents
            The object itself.
        """
        return self.fit_chunks(lambda: iter([frames]))

    def fit_chunks(self, chunks: Chunks) -> PrincipalComponents:
        """Learn from chunks: the components are those of the sum of their products.

        Parameters
        ----------
        chunks : callable
            Returns arrays (frame, unit) anew at every call.

        Returns
        -------
        PrincipalComponents
            The object itself.
        """
        moments = Moments(products=True)
        for frames in chunks():
            moments.add(frames)
        self.mean_ = moments.mean
        variance, loadings = np.linalg.eigh(moments.squares)
        variance, loadings = np.maximum(variance[::-1], 0), loadings.T[::-1]
        n = min(self.n_components, len(variance), moments.n)
        # The first of the largest, so that rounding cannot flip a component whose loadings tie.
        largest = [first_best(row) for row in np.abs(loadings)]
        signs = np.sign(loadings[np.arange(len(loadings)), largest])
        self.components_ = (loadings * signs[:, None])[:n]
        self.explained_variance_ratio_ = (variance / variance.sum())[:n]
        return self

    def transform(self, frames: Floats) -> Floats:
        """Return the components of frames.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        ndarray of shape (frame, component)
            One row for each frame.
        """
        reduced: Floats = (frames - self.mean_) @ self.components_.T
        return reduced

    def inverse_transform(self, components: Floats) -> Floats:
        """Return the frames that have these components, and the mean in all other directions.

        Parameters
        ----------
        components : ndarray of shape (frame, component)
            Components of frames.

        Returns
        -------
        ndarray of shape (frame, unit)
            In the units that were fitted.
        """
        frames: Floats = components @ self.components_ + self.mean_
        return frames
