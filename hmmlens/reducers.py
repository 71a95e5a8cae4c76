"""Reductions of a layer's state to few components, fitted on the train split only.

To add one, write a class with ``fit`` and ``transform`` over (frame, unit) arrays, and enter it in
:data:`REDUCERS` and in ``hmmlens.config``. One that also has ``fit_chunks`` never sees all frames
at once, so that a layer may be larger than the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.inputs import steps_inside
from hmmlens.parts import Moments, Part

if TYPE_CHECKING:
    import xarray as xr

    from hmmlens.activations import States

Floats = NDArray[np.float64]
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
        largest = np.abs(loadings).argmax(axis=1)
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
    return _moving(moments)


def _moving(moments: Moments) -> NDArray[np.bool_]:
    variance = moments.variance
    moving: NDArray[np.bool_] = variance > DEAD_VARIANCE * max(float(variance.mean()), 1e-300)
    # The variance of a constant is not 0 but a rounding error, and may be all there is.
    moving &= moments.largest > moments.smallest
    return moving


class Reduction:
    """A reducer fitted to the train sequences of a layer.

    Attributes
    ----------
    about : ``exploratory``, ``n_dead_units`` and, for PCA, ``explained_variance_ratio`` (component)

    Raises
    ------
    DataError
        When no unit moves.
    """

    def __init__(
        self,
        parts: Callable[[], Iterable[Part]],
        train: NDArray[np.bool_],
        settings: dict[str, Any],
        seed: int,
    ) -> None:
        """Fit a reducer.

        Parameters
        ----------
        parts : gives the layer anew, some sequences at a time.
        train : (sequence), which sequences may be learnt from.
        settings : ``kind`` and its keys, as in the config.
        """
        _, _, exploratory, make = REDUCERS[settings["kind"]]

        def learn() -> Iterator[Floats]:
            for part in parts():
                yield part.frames[np.repeat(train[part.rows], part.inside.sum(axis=1))]

        moments = Moments()
        for frames in learn():
            moments.add(frames)
        self.moving = _moving(moments)
        if not self.moving.any():
            raise DataError("no unit of this layer ever changes, so there is nothing to reduce")

        def moving() -> Iterator[Floats]:
            return (frames[:, self.moving] for frames in learn())

        self.reducer = make(settings, seed)
        if hasattr(self.reducer, "fit_chunks"):
            self.reducer.fit_chunks(moving)
        else:
            self.reducer.fit(np.concatenate(list(moving())))
        self.about: dict[str, Any] = {
            "exploratory": exploratory,
            "n_dead_units": int((~self.moving).sum()),
        }
        if settings["kind"] == "pca":
            ratio = self.reducer.explained_variance_ratio_
            self.about["explained_variance_ratio"] = [float(r) for r in ratio]

    def transform(self, frames: Floats) -> Floats:
        """Return (frame, component) of (frame, unit)."""
        found: Floats = self.reducer.transform(frames[:, self.moving])
        return found

    def padded(self, part: Part) -> Floats:
        """Return (sequence, time, component) of a part, NaN past each end."""
        flat = self.transform(part.frames)
        padded = np.full((*part.inside.shape, flat.shape[1]), np.nan)
        padded[part.inside] = flat
        return padded


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
    train, settings : see :class:`Reduction`.
    length : (sequence), steps of each; None where all are whole. What stands past an end is not
        looked at.

    Returns
    -------
    reduced : (sequence, time, component), NaN past each end
    about : see :class:`Reduction`
    """
    inside = steps_inside(length, *state.shape[:2])
    whole = Part(slice(0, len(state)), inside, state[inside])
    found = Reduction(lambda: [whole], train, settings, seed)
    return found.padded(whole), found.about


def reduced(state: Floats, root: xr.Dataset, settings: dict[str, Any], seed: int) -> xr.Dataset:
    """Return the ``reduced`` store of a recorded layer.

    Parameters
    ----------
    state : (sequence, time, unit), see :func:`hmmlens.activations.state`.
    root : of the ``activations`` store, with ``length`` and ``split``.
    settings, seed : see :func:`fit_transform`.
    """
    train = root["split"].to_numpy() == 0
    values, about = fit_transform(state, train, settings, seed, root["length"].to_numpy())
    found = _labels(root).assign(reduced=(("sequence", "time", "component"), values))
    return found.assign_attrs(**about, emission="gaussian")


def _labels(root: xr.Dataset) -> xr.Dataset:
    import xarray as xr

    return xr.Dataset({name: ("sequence", root[name].to_numpy()) for name in ("length", "split")})


def write_reduced(
    states: States,
    root: xr.Dataset,
    settings: dict[str, Any],
    seed: int,
    path: Path,
    made_by: Mapping[str, Any],
) -> Reduction:
    """Write the ``reduced`` store of a layer that may be larger than the memory.

    Factor analysis and ICA hold the train sequences; the other kinds hold one part at a time.

    Parameters
    ----------
    states : of the layer.
    root, settings, seed : see :func:`reduced`.
    path, made_by : see :func:`hmmlens.store.write`.
    """
    from hmmlens import store

    train = root["split"].to_numpy() == 0
    found = Reduction(states.parts, train, settings, seed)
    about = {**made_by, **found.about, "emission": "gaussian"}
    with store.writing(_labels(root), path, "reduced", about) as writer:
        for part in states.parts():
            values = found.padded(part)
            if part.rows.start == 0:
                shape = (*states.shape[:2], values.shape[2])
                writer.create("reduced", shape, ("sequence", "time", "component"), states.rows)
            writer.write("reduced", part.rows, values)
    return found


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
