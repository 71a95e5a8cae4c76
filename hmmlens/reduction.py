"""Reductions of recorded layers, fitted on the train split only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.inputs import steps_inside
from hmmlens.parts import Moments, Part
from hmmlens.reducers import REDUCERS, Floats, moving

if TYPE_CHECKING:
    import xarray as xr

    from hmmlens.activations import States


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
        self.moving = moving(moments)
        if not self.moving.any():
            raise DataError("no unit of this layer ever changes, so there is nothing to reduce")

        def chunks() -> Iterator[Floats]:
            return (frames[:, self.moving] for frames in learn())

        self.reducer = make(settings, seed)
        if hasattr(self.reducer, "fit_chunks"):
            self.reducer.fit_chunks(chunks)
        else:
            self.reducer.fit(np.concatenate(list(chunks())))
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
