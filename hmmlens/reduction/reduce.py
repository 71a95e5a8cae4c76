"""Reductions of recorded layers, fitted on the train split only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens import observations
from hmmlens.arrays import LARGEST, STEPS, is_labelled, ordered, unusable
from hmmlens.arrays import seed as seed_of
from hmmlens.errors import DataError
from hmmlens.ragged import INSIDE, steps_inside
from hmmlens.reduction.reducers import REDUCERS, moving
from hmmlens.stats.moments import Moments, Part
from hmmlens.typing import Floats

if TYPE_CHECKING:
    import xarray as xr

    from hmmlens.recording.activations import States


class Reduction:
    """A reducer fitted to the train sequences of a layer.

    Attributes
    ----------
    about : ``exploratory``, ``n_dead_units`` and, for PCA, ``explained_variance_ratio`` (component)

    Raises
    ------
    DataError
        When no unit moves, or a state is not finite.
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
        for part in parts():
            _usable(part)
            moments.add(part.frames[np.repeat(train[part.rows], part.inside.sum(axis=1))])
        self.moving = moving(moments)
        if not self.moving.any():
            raise DataError(_unmoved(moments))

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


def _usable(part: Part) -> None:
    """Raise :class:`DataError` for a state that is not finite or too large, with its place."""
    bad = np.flatnonzero(unusable(part.frames))
    if len(bad):
        sequence, step = (int(index[bad[0]]) for index in np.nonzero(part.inside))
        values = part.frames[bad[0]]
        unit = int(np.flatnonzero(unusable(values[:, None]))[0])
        raise DataError(
            f"the state at sequence {sequence + part.rows.start}, step {step}, unit {unit} is "
            f"{values[unit]:.3g}; states must be finite numbers of at most {LARGEST:.0g}"
        )


def _unmoved(moments: Moments) -> str:
    """Return why there is nothing to reduce."""
    if moments.n and (moments.largest > moments.smallest).any():
        return "the units change by so little that squares vanish; rescale them"
    return "no unit of this layer ever changes, so there is nothing to reduce"


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
    state : (sequence, time, unit), see :func:`hmmlens.recording.activations.state`.
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
    path, made_by : see :func:`hmmlens.io.store.write`.
    """
    from hmmlens.io import store

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
    """Return ``settings`` (``kind`` and its keys in the config) with defaults filled in.

    Raises
    ------
    DataError
        When there is no such reducer, or it has no such setting.
    """
    from pydantic import ValidationError, create_model

    from hmmlens.reduction.settings import ReducerConfig
    from hmmlens.setting_messages import sentences

    wanted: Any = create_model("Wanted", reducer=(ReducerConfig, ...))
    try:
        full: dict[str, Any] = wanted.model_validate({"reducer": settings}).reducer.model_dump()
    except ValidationError as error:
        found = sentences(error.errors(include_url=False), wanted.model_json_schema())
        raise DataError("; ".join(found)) from None
    return full


def reduce(
    state: Any,
    kind: str = "pca",
    seed: Any = 0,
    lengths: Any = None,
    **settings: Any,
) -> Floats | xr.DataArray:
    """Reduce (sequence, time, unit) to (sequence, time, component), fitted on all sequences.

    Parameters
    ----------
    state : (sequence, time, unit), or a list of sequences (time, unit), as any kind of array. Of a
        DataArray the dimensions may be in any order, and the lengths are read where it carries
        them, as those of :func:`hmmlens.extract` do.
    kind : ``pca``, ``factor_analysis``, ``ica``, ``identity`` or ``tsne``.
    seed : a whole number, a ``RandomState`` or ``Generator``, or None for a fresh one.
    lengths : (sequence), steps of each where they differ.
    settings : the kind's keys in the config, such as ``n_components=8``.

    Returns
    -------
    array (sequence, time, component), NaN past each end. Of a DataArray it is one too, which
    carries the lengths in its coordinate ``inside`` (sequence, time).

    Raises
    ------
    DataError
        When the states are no real numbers, are not finite or never change; or there is no such
        reducer or setting.
    """
    full = checked({"kind": kind, **settings})
    data = observations.values(state, lengths, name="state", last="unit")
    if data.inside is None:
        raise DataError(f"state has shape {data.frames.shape}; (sequence, time, unit) is needed")
    if np.isnan(data.frames).any():
        raise DataError("state has steps that are masked; fill them, or give lengths where they "
                        "are padding")  # fmt: skip
    whole = Part(slice(0, len(data.inside)), data.inside, data.frames)
    everything = np.ones(len(data.inside), dtype=bool)
    found = Reduction(lambda: [whole], everything, full, seed_of(seed)).padded(whole)
    return labelled(found, state, data.inside) if is_labelled(state) else found


def labelled(values: Floats, state: Any, inside: NDArray[np.bool_]) -> xr.DataArray:
    """Return (sequence, time, component) with what a DataArray says of sequences and steps."""
    import xarray as xr

    source = ordered(state, "state")
    time = next((dim for dim in STEPS if dim in source.dims), "time")
    dims = ("sequence", time, "component")
    coords = {
        name: coord
        for name, coord in source.coords.items()
        if set(coord.dims) <= {"sequence", time} and name != "length"
    }
    found = xr.DataArray(values, dims=dims, coords=coords)
    return found if inside.all() else found.assign_coords({INSIDE: (dims[:2], inside)})
