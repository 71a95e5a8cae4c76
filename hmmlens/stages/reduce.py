"""Reduction: few components for the state of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from hmmlens.recording import activations
from hmmlens.reduction import reduced_store
from hmmlens.reduction.fitting import Reduction


def reduce_layer(
    root: xr.Dataset, layer: xr.Dataset, lstm_state: str, settings: dict[str, Any], seed: int
) -> xr.Dataset:
    """Fit a reducer to a layer's state on the train split and apply it to all sequences.

    Parameters
    ----------
    root : Dataset
        Root of the ``activations`` store.
    layer : Dataset
        The layer, see :func:`hmmlens.recording.activations.layer_of`.
    lstm_state : {"hidden", "cell", "both"}
        Which states of an LSTM are taken, see :class:`hmmlens.recording.activations.States`.
    settings : dict
        ``kind`` of the reducer and its settings, as in :mod:`hmmlens.reduction.settings`.
    seed : int
        Seed of the reducer.

    Returns
    -------
    Dataset
        The ``reduced`` store.
    """
    return reduced_store.reduced(activations.state(root, layer, lstm_state), root, settings, seed)


def write_reduced_layer(
    root: xr.Dataset,
    layer: xr.Dataset,
    lstm_state: str,
    settings: dict[str, Any],
    seed: int,
    path: Path,
    made_by: Mapping[str, Any],
) -> tuple[int, Reduction]:
    """Write what :func:`reduce_layer` returns, for a layer that may be larger than the memory.

    Parameters
    ----------
    root, layer, lstm_state, settings, seed : object
        See :func:`reduce_layer`.
    path : Path
        The store to write.
    made_by : mapping
        Attributes of the store, see :func:`hmmlens.io.store.write`.

    Returns
    -------
    n_units : int
        Units of the layer's state.
    reduction : Reduction
        The fitted reduction.
    """
    states = activations.States(root, layer, lstm_state)
    return states.shape[2], reduced_store.write_reduced(states, root, settings, seed, path, made_by)
