"""Settings of controls and of the intervals of scores."""

from __future__ import annotations

from pydantic import Field

from hmmlens.settings import Section


class Controls(Section):
    """What runs through the same chain to be compared with."""

    untrained: bool = Field(default=True, description="each network with its initial weights")
    raw_input: bool = Field(
        default=True, description="hidden Markov models of the inputs themselves"
    )
    reservoir: bool = Field(
        default=True,
        description="each network that is trained here with its initial weights and a readout "
        "fitted to the task, for the verdict",
    )


class Validation(Section):
    """Intervals of the scores."""

    n_bootstrap: int = Field(default=200, ge=20, description="resamples of whole sequences")
