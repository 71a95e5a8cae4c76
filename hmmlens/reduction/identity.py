"""The units themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hmmlens.reduction.base import REDUCERS, Algorithm, ReducerSettings

if TYPE_CHECKING:
    from hmmlens.reduction.base import Chunks
    from hmmlens.typing import Floats


@REDUCERS.register("identity", label="Units")
class Identity(ReducerSettings):
    """The state itself, without the units that never move."""

    invertible = True

    kind: Literal["identity"]

    def build(self, random_state: int) -> Algorithm:
        """Return the algorithm; it is not random.

        Parameters
        ----------
        random_state : int
            Seed of algorithms that are random.

        Returns
        -------
        Algorithm
            Not fitted.
        """
        return UnchangedUnits()


class UnchangedUnits:
    """The identity map."""

    def fit(self, frames: Floats) -> UnchangedUnits:
        """Learn nothing.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        UnchangedUnits
            The object itself.
        """
        return self

    def fit_chunks(self, chunks: Chunks) -> UnchangedUnits:
        """Learn nothing.

        Parameters
        ----------
        chunks : callable
            Returns arrays (frame, unit) anew at every call.

        Returns
        -------
        UnchangedUnits
            The object itself.
        """
        return self

    def transform(self, frames: Floats) -> Floats:
        """Return the frames.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        ndarray of shape (frame, unit)
            In the units that were fitted.
        """
        return frames

    def inverse_transform(self, components: Floats) -> Floats:
        """Return the components.

        Parameters
        ----------
        components : ndarray of shape (frame, component)
            Components of frames.

        Returns
        -------
        ndarray of shape (frame, unit)
            In the units that were fitted.
        """
        return components
