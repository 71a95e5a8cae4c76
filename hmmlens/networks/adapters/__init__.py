"""Networks that others trained, as torch modules with their weights.

A module for each has ``build()``, the architecture with fresh weights, and ``load(source)``,
the same with the weights read from the fetched file.
"""

from __future__ import annotations

from typing import NamedTuple

from hmmlens.datasets.sources import GAIT, SILERO, Source


class Adapter(NamedTuple):
    """Where a network comes from.

    source : the file that holds its weights.
    module : the module of this package that reads it.
    dataset : the kind of dataset that it was made for.
    """

    source: Source
    module: str
    dataset: str


#: Every bundled network by its name in a study.
ADAPTERS = {
    "gait-gru": Adapter(GAIT, "gait_gru", "gait_phase"),
    "silero-vad": Adapter(SILERO, "silero", "speech"),
}
