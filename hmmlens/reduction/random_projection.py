"""Random projections: products with a fixed random matrix (Johnson and Lindenstrauss 1984)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hmmlens.reduction.base import REDUCERS, Algorithm, ReducerSettings

if TYPE_CHECKING:
    from hmmlens.typing import Floats


@REDUCERS.register("random_projection", label="Random projection")
class RandomProjection(ReducerSettings):
    """Products with a random matrix, which keeps distances about as they are."""

    reference = "Johnson and Lindenstrauss 1984"

    kind: Literal["random_projection"]
    n_components: int = Field(default=8, ge=1)

    def build(self, random_state: int) -> Algorithm:
        """Return the algorithm with these settings."""
        return Projection(self.n_components, random_state)


class Projection:
    """The product with a random matrix.

    Parameters
    ----------
    n_components : int
        Number of components.
    random_state : int
        Seed of the matrix.
    """

    def __init__(self, n_components: int, random_state: int) -> None:
        self.n_components, self.random_state = n_components, random_state

    def fit(self, frames: Floats) -> Projection:
        """Sample the matrix for frames (frame, unit) and return the algorithm."""
        import numpy as np

        n_units = frames.shape[1]
        rng = np.random.default_rng(self.random_state)
        n = min(self.n_components, n_units)
        self.components_ = rng.normal(size=(n, n_units)) / np.sqrt(n)
        return self

    def transform(self, frames: Floats) -> Floats:
        """Return the components (frame, component) of frames (frame, unit)."""
        components: Floats = frames @ self.components_.T
        return components
