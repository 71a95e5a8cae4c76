"""Reduce states in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hmmlens.arguments import seed as seed_of
from hmmlens.arrays import STEPS, is_labelled, ordered
from hmmlens.deprecation import renamed_parameters
from hmmlens.errors import DataError
from hmmlens.ragged import INSIDE
from hmmlens.reduction.fitting import Reduction, checked_settings
from hmmlens.reduction.inputs import as_part, checked_states
from hmmlens.typing import Bools, Floats

if TYPE_CHECKING:
    import xarray as xr


@renamed_parameters(seed="random_state")
def reduce(
    state: Any,
    kind: str = "pca",
    random_state: Any = 0,
    lengths: Any = None,
    **settings: Any,
) -> Floats | xr.DataArray:
    """Reduce the states of a layer to few components, fitted on all sequences.

    Parameters
    ----------
    state : array_like of shape (sequence, time, unit), or list of sequences (time, unit)
        States of a layer, as any kind of array. Of a DataArray the dimensions may be in any order,
        and the lengths are read where it carries them, as those of :func:`hmmlens.extract` do.
    kind : str
        Name of a reducer: ``pca``, ``factor_analysis``, ``ica``, ``identity`` or ``tsne``.
    random_state : int, RandomState, Generator or None
        Seed of reducers that are random; None for a fresh one.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence, where they differ.
    **settings : object
        Keys of the kind in the config, such as ``n_components=8``.

    Returns
    -------
    ndarray or xarray.DataArray, shape (sequence, time, component)
        NaN past each end. A DataArray carries the lengths in its coordinate ``inside``
        (sequence, time).

    Raises
    ------
    DataError
        When the states are no real numbers, are not finite or never change; or there is no such
        reducer or setting.

    See Also
    --------
    Reducer : The same as an estimator, for states that were not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmlens
    >>> state = np.random.default_rng(0).normal(size=(8, 30, 6))
    >>> hmmlens.reduce(state, "pca", n_components=2).shape
    (8, 30, 2)
    """
    full = checked_settings({"kind": kind, **settings})
    data = checked_states(state, lengths, "state")
    if data.inside is None:
        raise DataError(f"state has shape {data.frames.shape}; (sequence, time, unit) is needed")
    whole = as_part(data)
    everything = np.ones(len(data.inside), dtype=bool)
    fitted = Reduction(lambda: [whole], everything, full, seed_of(random_state))
    values = fitted.padded(whole)
    return labelled(values, state, data.inside) if is_labelled(state) else values


def labelled(values: Floats, state: Any, inside: Bools) -> xr.DataArray:
    """Return components with the coordinates of sequences and steps of a DataArray.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, component)
        Components, NaN past each end.
    state : xarray.DataArray
        The states that were reduced.
    inside : ndarray of bool, shape (sequence, time)
        True before each sequence's end.

    Returns
    -------
    xarray.DataArray
        With dimensions sequence, time and component.
    """
    import xarray as xr

    source = ordered(state, "state")
    time = next((dim for dim in STEPS if dim in source.dims), "time")
    dims = ("sequence", time, "component")
    coords = {
        name: coord
        for name, coord in source.coords.items()
        if set(coord.dims) <= {"sequence", time} and name != "length"
    }
    array = xr.DataArray(values, dims=dims, coords=coords)
    return array if inside.all() else array.assign_coords({INSIDE: (dims[:2], inside)})
