"""t-SNE (van der Maaten and Hinton 2008), with places for frames that were not mapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from hmmlens.reduction.base import REDUCERS, Algorithm, ReducerSettings

if TYPE_CHECKING:
    from hmmlens.reduction.base import Chunks
    from hmmlens.typing import Floats


@REDUCERS.register("tsne", label="t-SNE")
class TSNE(ReducerSettings):
    """t-SNE of some train frames, on whose map all others are placed. Exploratory."""

    reference = "van der Maaten and Hinton 2008; Policar et al. 2024"
    exploratory = True

    kind: Literal["tsne"]
    n_components: int = Field(default=2, ge=1, le=2)
    perplexity: float = Field(default=30.0, gt=1)
    max_fit_frames: int = Field(
        default=500,
        ge=100,
        description="train frames that shape the map; time grows with their square",
    )
    n_iter: int = Field(
        default=250, ge=30, description="steps of gradient descent that shape the map"
    )

    @model_validator(mode="after")
    def _usable(self) -> TSNE:
        if 3 * self.perplexity > self.max_fit_frames - 1:
            raise ValueError(
                f"perplexity must be at most a third of max_fit_frames, found {self.perplexity} "
                f"and {self.max_fit_frames}"
            )
        return self

    def build(self, random_state: int) -> Algorithm:
        """Return the algorithm.

        Parameters
        ----------
        random_state : int
            Seed of algorithms that are random.

        Returns
        -------
        Algorithm
            Not fitted.
        """
        return Embedding(
            self.n_components, self.perplexity, self.max_fit_frames, self.n_iter, random_state
        )


@dataclass
class Embedding:
    """A map of some train frames, on which all other frames are placed.

    Distances and densities on the map are distorted, so it shows states that were found
    elsewhere; models that are fitted on it are never ranked by likelihood with other reducers.

    Attributes
    ----------
    n_components : int
        Number of dimensions of the map.
    perplexity : float
        Effective number of neighbours.
    max_fit_frames : int
        Number of frames that shape the map, at most.
    n_iter : int
        Steps of gradient descent.
    random_state : int
        Seed of the map.
    frames_ : ndarray of shape (mapped, unit)
        Frames that shape the map.
    map_ : ndarray of shape (mapped, component)
        Their points.
    """

    n_components: int
    perplexity: float
    max_fit_frames: int
    n_iter: int
    random_state: int

    def fit(self, frames: Floats) -> Embedding:
        """Map frames that are evenly spaced.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        Embedding
            The object itself.
        """
        return self.fit_chunks(lambda: iter([frames]))

    def fit_chunks(self, chunks: Chunks) -> Embedding:
        """Map frames of all chunks that are evenly spaced.

        Parameters
        ----------
        chunks : callable
            Returns arrays (frame, unit) anew at every call.

        Returns
        -------
        Embedding
            The object itself.
        """
        import numpy as np

        from hmmlens.reduction.neighbour_embedding import embed

        n_all = sum(map(len, chunks()))
        n = min(n_all, self.max_fit_frames)
        chosen = np.linspace(0, n_all - 1, n).round().astype(int)
        kept, first = [], 0
        for frames in chunks():
            here = chosen[(chosen >= first) & (chosen < first + len(frames))]
            kept.append(frames[here - first])
            first += len(frames)
        self.frames_ = np.concatenate(kept)
        perplexity = min(self.perplexity, (n - 1) / 3)
        self.map_ = embed(
            self.frames_, self.n_components, perplexity, self.n_iter, self.random_state
        )
        return self

    def transform(self, frames: Floats) -> Floats:
        """Place each frame among its nearest mapped ones.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units.

        Returns
        -------
        ndarray of shape (frame, component)
            One row for each frame.
        """
        from hmmlens.reduction.neighbour_embedding import place

        return place(frames, self.frames_, self.map_)
