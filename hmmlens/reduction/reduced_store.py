"""Stores of reduced layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from hmmlens.io import store
from hmmlens.reduction.fitting import Reduction, fit_transform
from hmmlens.typing import Floats

if TYPE_CHECKING:
    from hmmlens.recording.activations import States


def reduced(
    state: Floats, root: xr.Dataset, settings: dict[str, Any], random_state: int
) -> xr.Dataset:
    """Return the ``reduced`` store of a recorded layer.

    Parameters
    ----------
    state : ndarray of shape (sequence, time, unit)
        States of the layer; see :func:`hmmlens.recording.activations.state`.
    root : xarray.Dataset
        Root of the ``activations`` store, with ``length`` and ``split``.
    settings : dict
        ``kind`` and its keys, as in the config.
    random_state : int
        Seed of reducers that are random.

    Returns
    -------
    xarray.Dataset
        ``reduced`` (sequence, time, component), NaN past each end, ``length`` and ``split``.
    """
    train = root["split"].to_numpy() == 0
    values, about = fit_transform(state, train, settings, random_state, root["length"].to_numpy())
    data = _labels(root).assign(reduced=(("sequence", "time", "component"), values))
    return data.assign_attrs(**about, emission="gaussian")


def _labels(root: xr.Dataset) -> xr.Dataset:
    return xr.Dataset({name: ("sequence", root[name].to_numpy()) for name in ("length", "split")})


def write_reduced(
    states: States,
    root: xr.Dataset,
    settings: dict[str, Any],
    random_state: int,
    path: Path,
    made_by: Mapping[str, Any],
) -> Reduction:
    """Write the ``reduced`` store of a layer that may be larger than the memory.

    Factor analysis and ICA hold the train sequences; the other kinds hold one part at a time.

    Parameters
    ----------
    states : States
        States of the layer.
    root : xarray.Dataset
        Root of the ``activations`` store, with ``length`` and ``split``.
    settings : dict
        ``kind`` and its keys, as in the config.
    random_state : int
        Seed of reducers that are random.
    path : pathlib.Path
        Folder of the store.
    made_by : mapping
        Attributes that state what made it.

    Returns
    -------
    Reduction
        The fitted reducer.
    """
    train = root["split"].to_numpy() == 0
    fitted = Reduction(states.parts, train, settings, random_state)
    about = {**made_by, **fitted.about, "emission": "gaussian"}
    with store.writing(_labels(root), path, "reduced", about) as writer:
        for part in states.parts():
            values = fitted.padded(part)
            if part.rows.start == 0:
                shape = (*states.shape[:2], values.shape[2])
                writer.create("reduced", shape, ("sequence", "time", "component"), states.rows)
            writer.write("reduced", part.rows, values)
    return fitted
