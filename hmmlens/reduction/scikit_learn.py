"""Decompositions of scikit-learn, with no more components than there are units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hmmlens.typing import Floats


@dataclass
class Decomposition:
    """A decomposition of scikit-learn.

    Attributes
    ----------
    estimator : str
        Name of a class of :mod:`sklearn.decomposition`.
    n_components : int
        Number of dimensions to keep, at most.
    options : dict
        Further arguments of the class.
    model_ : object
        The fitted estimator.
    """

    estimator: str
    n_components: int
    options: dict[str, Any] = field(default_factory=dict)

    def fit(self, frames: Floats) -> Decomposition:
        """Learn from frames, whose units are centred and not scaled.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        Decomposition
            The object itself.
        """
        from sklearn import decomposition

        n_components = min(self.n_components, frames.shape[1])
        self.model_ = getattr(decomposition, self.estimator)(n_components, **self.options)
        self.model_.fit(frames)
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
        reduced: Floats = self.model_.transform(frames)
        return reduced

    def inverse_transform(self, components: Floats) -> Floats:
        """Return the frames that have these components.

        Parameters
        ----------
        components : ndarray of shape (frame, component)
            Components of frames.

        Returns
        -------
        ndarray of shape (frame, unit)
            In the units that were fitted.
        """
        frames: Floats = self.model_.inverse_transform(components)
        return frames
