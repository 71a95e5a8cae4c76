"""Endpoints: where a network settles on its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
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
    attributes: Mapping[str, Any],
    seed: int,
) -> Endpoints | None:
    """Run a network on neutral input from states that it visits, and count where it settles.

    Parameters
    ----------
    network : module
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    distribution : ndarray of shape (sequence, time, output)
        See :func:`hmmlens.recording.activations.output_distribution`.
    length : ndarray of shape (sequence,)
        Steps of each sequence.
    attributes : mapping
        Attributes of the ``sequences`` store.
    seed : int
        Seed of the sample of visited states.

    Returns
    -------
    Endpoints or None
        None where the network has no single steps (:func:`hmmlens.recording.protocol.follows`) or
        its task no neutral input.
    """
    if not protocol.follows(network):
        return None
    rng = np.random.default_rng(seed)
    return endpoints.find_endpoints(network, inputs, distribution, length, attributes, rng)
