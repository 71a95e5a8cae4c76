"""Reductions of a layer's state to few components, fitted on the train split only.

To add one, write a class with ``fit`` and ``transform`` over (frame, unit) arrays, and enter it in
:data:`REDUCERS` and in ``hmmlens.config``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.inputs import steps_inside

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]


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
        self.mean_ = frames.mean(axis=0)
        _, scale, loadings = np.linalg.svd(frames - self.mean_, full_matrices=False)
        n = min(self.n_components, len(scale))
        largest = np.abs(loadings).argmax(axis=1)
        signs = np.sign(loadings[np.arange(len(loadings)), largest])
        self.components_ = (loadings * signs[:, None])[:n]
        self.explained_variance_ratio_ = (scale**2 / (scale**2).sum())[:n]
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
        import openTSNE

        n = min(len(frames), self.max_fit_frames)
        chosen = np.linspace(0, len(frames) - 1, n).round().astype(int)
        self.map_ = openTSNE.TSNE(
            n_components=self.n_components,
            perplexity=min(self.perplexity, (n - 1) / 3),
            initialization="pca",
            random_state=self.seed,
            n_jobs=1,
        ).fit(frames[chosen])
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
    variance = frames.var(axis=0)
    moving: NDArray[np.bool_] = variance > DEAD_VARIANCE * max(float(variance.mean()), 1e-300)
    # The variance of a constant is not 0 but a rounding error, and may be all there is.
    moving &= np.ptp(frames, axis=0) > 0
    return moving


def fit_transform(
    state: Floats,
    train: NDArray[np.bool_],
    settings: dict[str, Any],
    seed: int,
    length: ArrayLike | None = None,
) -> tuple[Floats, dict[str, Any]]:
    """Fit a reducer on the train sequences and apply it to all.

    Parameters
    ----------
    state : (sequence, time, unit)
    train : (sequence), which sequences may be learnt from.
    settings : ``kind`` and its keys, as in the config.
    length : (sequence), steps of each; None where all are whole. What stands past an end is not
        looked at.

    Returns
    -------
    reduced : (sequence, time, component), NaN past each end
    about : ``exploratory``, ``n_dead_units`` and, for PCA, ``explained_variance_ratio`` (component)

    Raises
    ------
    DataError
        When no unit moves.
    """
    _, _, exploratory, make = REDUCERS[settings["kind"]]
    inside = steps_inside(length, *state.shape[:2])
    learn = state[inside & train[:, None]]
    moving = moving_units(learn)
    if not moving.any():
        raise DataError("no unit of this layer ever changes, so there is nothing to reduce")
    reducer = make(settings, seed).fit(learn[:, moving])
    flat = reducer.transform(state[inside][:, moving])
    reduced = np.full((*inside.shape, flat.shape[1]), np.nan)
    reduced[inside] = flat
    about: dict[str, Any] = {"exploratory": exploratory, "n_dead_units": int((~moving).sum())}
    if settings["kind"] == "pca":
        ratio = reducer.explained_variance_ratio_
        about["explained_variance_ratio"] = [float(r) for r in ratio]
    return reduced, about


def reduced(state: Floats, root: xr.Dataset, settings: dict[str, Any], seed: int) -> xr.Dataset:
    """Return the ``reduced`` store of a recorded layer.

    Parameters
    ----------
    state : (sequence, time, unit), see :func:`hmmlens.activations.state`.
    root : of the ``activations`` store, with ``length`` and ``split``.
    settings, seed : see :func:`fit_transform`.
    """
    import xarray as xr

    train = root["split"].to_numpy() == 0
    values, about = fit_transform(state, train, settings, seed, root["length"].to_numpy())
    return xr.Dataset(
        {
            "reduced": (("sequence", "time", "component"), values),
            "length": ("sequence", root["length"].to_numpy()),
            "split": ("sequence", root["split"].to_numpy()),
        },
        attrs={**about, "emission": "gaussian"},
    )


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Return ``settings`` (``kind`` and its keys in the config) with defaults filled in."""
    from pydantic import TypeAdapter

    from hmmlens.config import ReducerConfig

    full: dict[str, Any] = TypeAdapter(ReducerConfig).validate_python(settings).model_dump()
    return full


def reduce(
    state: ArrayLike,
    kind: str = "pca",
    seed: int = 0,
    lengths: ArrayLike | None = None,
    **settings: Any,
) -> Floats:
    """Reduce (sequence, time, unit) to (sequence, time, component), fitted on all sequences.

    Parameters
    ----------
    kind : ``pca``, ``factor_analysis``, ``ica``, ``identity`` or ``tsne``.
    lengths : (sequence), steps of each where they differ; the result is NaN past each end.
    settings : the kind's keys in the config, such as ``n_components=8``.
    """
    array = np.asarray(state, dtype=np.float64)
    if array.ndim != 3:
        raise DataError(f"state has shape {array.shape}; (sequence, time, unit) is needed")
    everything = np.ones(len(array), dtype=bool)
    return fit_transform(array, everything, checked({"kind": kind, **settings}), seed, lengths)[0]
