"""Reductions of a layer's state to few components, fitted on the train split only.

To add one, write a class with ``fit`` and ``transform`` over (frame, unit) arrays, and enter it in
:data:`REDUCERS` and in ``hmmlens.study.config``. One that also has ``fit_chunks`` never sees all
frames at once, so that a layer may be larger than the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hmmlens.stats.moments import Moments
from hmmlens.stats.ties import first_best
from hmmlens.typing import Floats

#: Gives (frame, unit) arrays anew at every call.
Chunks = Callable[[], Iterator[Floats]]


class Fitted(Protocol):
    """What a reducer must do."""

    def fit(self, frames: Floats) -> Any:
        """Learn from (frame, unit)."""

    def transform(self, frames: Floats) -> Floats:
        """Return (frame, component)."""


@dataclass
class PCA:
    """Principal components (Pearson 1901), with no more of them than there are moving units.

    Computed here because importing scikit-learn takes longer than reducing a layer. As there,
    each component's largest loading is positive.
    """

    n_components: int

    def fit(self, frames: Floats) -> PCA:
        """Learn from (frame, unit); units are centred, not scaled."""
        return self.fit_chunks(lambda: iter([frames]))

    def fit_chunks(self, chunks: Chunks) -> PCA:
        """Learn from chunks (frame, unit): the directions are those of the sum of products."""
        moments = Moments(products=True)
        for frames in chunks():
            moments.add(frames)
        self.mean_ = moments.mean
        variance, loadings = np.linalg.eigh(moments.squares)
        variance, loadings = np.maximum(variance[::-1], 0), loadings.T[::-1]
        n = min(self.n_components, len(variance), moments.n)
        # The first of the largest, so that rounding cannot turn a component whose loadings tie.
        largest = [first_best(row) for row in np.abs(loadings)]
        signs = np.sign(loadings[np.arange(len(loadings)), largest])
        self.components_ = (loadings * signs[:, None])[:n]
        self.explained_variance_ratio_ = (variance / variance.sum())[:n]
        return self

    def transform(self, frames: Floats) -> Floats:
        """Return (frame, component)."""
        reduced: Floats = (frames - self.mean_) @ self.components_.T
        return reduced


@dataclass
class Linear:
    """A scikit-learn decomposition, with no more components than there are moving units."""

    kind: str
    n_components: int
    seed: int

    def fit(self, frames: Floats) -> Linear:
        """Learn from (frame, unit); units are centred, not scaled."""
        from sklearn import decomposition

        n_components = min(self.n_components, frames.shape[1])
        make = {
            "factor_analysis": lambda: decomposition.FactorAnalysis(
                n_components, random_state=self.seed
            ),
            "ica": lambda: decomposition.FastICA(
                n_components, whiten="unit-variance", random_state=self.seed, max_iter=1000
            ),
        }
        self.model_ = make[self.kind]().fit(frames)
        return self

    def transform(self, frames: Floats) -> Floats:
        """Return (frame, component)."""
        reduced: Floats = self.model_.transform(frames)
        return reduced


@dataclass
class Identity:
    """The units themselves."""

    def fit(self, frames: Floats) -> Identity:
        """Learn nothing."""
        return self

    def fit_chunks(self, chunks: Chunks) -> Identity:
        """Learn nothing."""
        return self

    def transform(self, frames: Floats) -> Floats:
        """Return ``frames``."""
        return frames


@dataclass
class TSNE:
    """openTSNE: a map of some train frames, in which all others find their place.

    Distances and densities on the map are distorted, so it shows states that were found
    elsewhere; what is fitted on it is never ranked by likelihood against other reducers.
    """

    n_components: int
    perplexity: float
    max_fit_frames: int
    seed: int

    def fit(self, frames: Floats) -> TSNE:
        """Map at most ``max_fit_frames`` frames, evenly spaced."""
        return self.fit_chunks(lambda: iter([frames]))

    def fit_chunks(self, chunks: Chunks) -> TSNE:
        """Map at most ``max_fit_frames`` frames of all chunks, evenly spaced."""
        import openTSNE

        n_all = sum(map(len, chunks()))
        n = min(n_all, self.max_fit_frames)
        chosen = np.linspace(0, n_all - 1, n).round().astype(int)
        kept, first = [], 0
        for frames in chunks():
            here = chosen[(chosen >= first) & (chosen < first + len(frames))]
            kept.append(frames[here - first])
            first += len(frames)
        self.map_ = openTSNE.TSNE(
            n_components=self.n_components,
            perplexity=min(self.perplexity, (n - 1) / 3),
            initialization="pca",
            random_state=self.seed,
            n_jobs=1,
        ).fit(np.concatenate(kept))
        return self

    def transform(self, frames: Floats) -> Floats:
        """Place each frame among its nearest mapped ones."""
        return np.asarray(self.map_.transform(frames), dtype=np.float64)


#: kind -> (label, source, exploratory, how to make it from settings and a seed)
REDUCERS: dict[str, tuple[str, str, bool, Any]] = {
    "pca": ("PCA", "Pearson 1901", False, lambda s, seed: PCA(s["n_components"])),
    "factor_analysis": (
        "Factor analysis",
        "Rubin and Thayer 1982",
        False,
        lambda s, seed: Linear("factor_analysis", s["n_components"], seed),
    ),
    "ica": ("ICA", "Hyvarinen 1999", False, lambda s, seed: Linear("ica", s["n_components"], seed)),
    "identity": ("Units", "", False, lambda s, seed: Identity()),
    "tsne": (
        "t-SNE",
        "van der Maaten and Hinton 2008; Policar et al. 2024",
        True,
        lambda s, seed: TSNE(s["n_components"], s["perplexity"], s["max_fit_frames"], seed),
    ),
}

#: A unit moves when its variance is above this share of the mean variance.
DEAD_VARIANCE = 1e-10


def moving_units(frames: Floats) -> NDArray[np.bool_]:
    """Return which units of (frame, unit) vary; dead ones make covariances singular."""
    moments = Moments()
    moments.add(frames)
    return moving(moments)


def moving(moments: Moments) -> NDArray[np.bool_]:
    """Return :func:`moving_units` of frames that came in parts."""
    variance = moments.variance
    found: NDArray[np.bool_] = variance > DEAD_VARIANCE * max(float(variance.mean()), 1e-300)
    # The variance of a constant is not 0 but a rounding error, and may be all there is.
    found &= moments.largest > moments.smallest
    return found
