"""Ragged sequences: what stands past a sequence's end is never looked at."""

from __future__ import annotations

import numpy as np
import xarray as xr


def without_padding(data: xr.Dataset) -> xr.Dataset:
    """Return sequences in which all that stands past an end is replaced by what counts as nothing.

    Parameters
    ----------
    data : as :func:`hmmlens.datasets.build.build` returns it.

    Returns
    -------
    xr.Dataset
        ``input`` is 0, ``target`` -1 or NaN and ``state`` -1 from ``length`` on. Networks look
        back only, so that a constant input there reaches no score and no gradient.
    """
    inside = xr.DataArray(
        np.arange(data.sizes["time"]) < data["length"].to_numpy()[:, None],
        dims=("sequence", "time"),
    )
    none = -1 if data["target"].ndim == 2 else np.nan
    fill = {"input": 0, "target": none, "state": -1}
    return data.assign(
        {
            name: data[name].where(inside, np.asarray(value, data[name].dtype))
            for name, value in fill.items()
        }
    )
