"""Reduction of the inputs of a data set: controls without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from hmmlens.naming import control_of
from hmmlens.typing import Ints
from hmmlens.validation.baselines import raw_inputs


def reduce_inputs(
    sequences: xr.Dataset,
    chosen: Ints,
    variant: str,
    reducers: Mapping[str, dict[str, Any]],
    seed: int,
) -> xr.Dataset:
    """Reduce the inputs of a data set as states are reduced: a control without a network.

    Parameters
    ----------
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (sequence,)
        Which of its sequences are recorded.
    variant : str
        Name of the control and its reduction, one of :func:`hmmlens.naming.raw_variants`.
    reducers : mapping
        Settings of each reducer by its name, without exploratory ones.
    seed : int
        Seed of the reducer.

    Returns
    -------
    Dataset
        The ``reduced`` store.
    """
    settings = raw_inputs.settings_of(variant, dict(reducers))
    return raw_inputs.control(sequences, chosen, control_of(variant), settings, seed)
