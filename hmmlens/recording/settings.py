"""Settings of recording: which steps of the networks are recorded."""

from __future__ import annotations

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
