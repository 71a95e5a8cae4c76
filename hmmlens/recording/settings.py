"""Settings of recording: which steps of the networks are recorded, and how many are replayed."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from hmmlens.settings import Section


class Activations(Section):
    """Which steps of the networks are recorded and explained."""

    max_frames: int = Field(
        default=13000,
        ge=100,
        description="sequences are thinned evenly within each split to stay below",
    )
    batch_size: int = Field(
        default=64, ge=1, description="sequences run through the network at once"
    )


@dataclass(frozen=True)
class ReplaySampling:
    """How many batches of a recording are replayed whole; the first and the last are among them.

    Attributes
    ----------
    min_batches : int
        The fewest batches, 2 or more.
    one_in : int
        One batch in so many, where there are more.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from hmmlens import extract
    >>> network = torch.nn.GRU(2, 3, batch_first=True)
    >>> inputs = np.zeros((60, 5, 2))
    >>> sampling = ReplaySampling(min_batches=2, one_in=10)
    >>> extract(network, inputs, batch_size=2, verify=sampling).attrs["replay"]
    '3 of 30 batches replayed whole'
    """

    min_batches: int = 4
    one_in: int = 16
