"""Networks that others trained, as torch modules with their weights.

A module for each has ``build()``, the architecture with fresh weights, and ``load(source)``,
the same with the weights read from the fetched file.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from hmmlens.datasets.published_packages import GAIT, SILERO, PublishedPackage


class Adapter(NamedTuple):
    """Where a network comes from.

    source : the file that holds its weights.
    module : the module of this package that reads it.
    dataset : the kind of dataset that it was made for; your own files may hold the like.
    """

    source: PublishedPackage
    module: str
    dataset: str


def module_name(name: str) -> str:
    """Return the full name of the module that builds and loads a network."""
    return f"{__name__}.{ADAPTERS[name].module}"


def module(name: str) -> Any:
    """Return the module of this package that builds and loads a network."""
    return importlib.import_module(module_name(name))


#: Every bundled network by its name in a study.
ADAPTERS = {
    "gait-gru": Adapter(GAIT, "gait_gru", "gait_phase"),
    "silero-vad": Adapter(SILERO, "silero", "speech"),
}
