"""Recording: the states of a network on some sequences of a data set."""

from __future__ import annotations

from typing import Any

import xarray as xr
from numpy.typing import NDArray

from hmmlens.recording import activations
from hmmlens.recording.extract import extract
from hmmlens.typing import Ints


def choose_sequences(
    sequences: xr.Dataset, max_frames: int, min_sequences: int = 8
) -> NDArray[Any]:
    """Return the sequences to record: evenly spaced within each split, in their order.

    Parameters
    ----------
    sequences : Dataset
        The ``sequences`` store.
    max_frames : int
        Steps in all to aim at; see :func:`hmmlens.recording.activations.thin`.
    min_sequences : int, optional
        Sequences that each split keeps, where it has as many.

    Returns
    -------
    ndarray of shape (sequence,)
        Indices of sequences.
    """
    return activations.thin(
        sequences["split"].to_numpy(), sequences["length"].to_numpy(), max_frames, min_sequences
    )


def record(
    network: Any, inputs: Any, sequences: xr.Dataset, chosen: Ints, **options: Any
) -> xr.DataTree:
    """Record the states of a network, labelled with the number and the split of each sequence.

    Parameters
    ----------
    network : module
        See :func:`hmmlens.extract`.
    inputs : array of shape (sequence, time) or (sequence, time, feature)
        What the network reads, of the chosen sequences alone.
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (sequence,)
        Which of its sequences are recorded, see :func:`choose_sequences`.
    **options : dict
        Further arguments of :func:`hmmlens.extract`, such as ``layers`` and ``store``.

    Returns
    -------
    DataTree
        The ``activations`` store.

    See Also
    --------
    hmmlens.extract : Does the recording.
    hmmlens.record : Records while something else runs the model; only the name is the same.
    """
    return extract(
        network,
        inputs,
        sequences["length"].to_numpy()[chosen],
        labels={"sequence": chosen, "split": sequences["split"].to_numpy()[chosen]},
        **options,
    )
