"""Endpoints: where a network settles on its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.dynamics import endpoints
from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.recording import protocol
from hmmlens.typing import Floats, Ints


def find_endpoints(
    network: Any,
    inputs: NDArray[Any],
    distribution: Floats,
    length: Ints,
    split: Ints,
    attributes: Mapping[str, Any],
    seed: int,
    states: Floats | None = None,
) -> Endpoints | None:
    """Run a network on neutral input from states that it visits, and count where it settles.

    Parameters
    ----------
    network : module or object
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    distribution : ndarray of shape (sequence, time, output)
        See :func:`hmmlens.recording.activations.output_distribution`.
    length : ndarray of shape (sequence,)
        Steps of each sequence.
    split : ndarray of shape (sequence,)
        2 for test sequences, which take no part: the number of endpoints is a choice.
    attributes : mapping
        Attributes of the ``sequences`` store.
    seed : int
        Seed of the sample of visited states.
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors, from which the network runs.

    Returns
    -------
    Endpoints or None
        None where the network has no single steps (:func:`hmmlens.recording.protocol.follows`), or
        its task no neutral input.
    """
    if not protocol.follows(network):
        return None
    rng = np.random.default_rng(seed)
    kept = split != 2
    return endpoints.find_endpoints(
        network, inputs[kept], distribution[kept], length[kept], attributes, rng,
        states=None if states is None else states[kept],
    )  # fmt: skip


def to_store(found: Endpoints | None, neutral: str, n_outputs: int) -> xr.Dataset:
    """Return endpoints as the ``endpoints`` store.

    Parameters
    ----------
    found : Endpoints or None
        See :func:`find_endpoints`.
    neutral : str
        The neutral input in words.
    n_outputs : int
        Outputs of the network.

    Returns
    -------
    Dataset
        ``output`` (start, output); the counts are attributes, NaN where there are no endpoints.
    """
    names = ("n_coarse", "n_fine", "ratio", "drift")
    outputs = np.empty((0, n_outputs)) if found is None else found.outputs
    return xr.Dataset(
        {"output": (("start", "output"), outputs)},
        attrs={
            **{name: getattr(found, name, np.nan) for name in names},
            "neutral_input": neutral,
            "n_steps": endpoints.EndpointSettings.n_steps,
        },
    )
