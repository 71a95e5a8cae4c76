"""Networks that others trained, as torch modules with their weights.

The module of each network has ``build()``, which returns the architecture with initial weights, and
``load(source)``, which returns it with the weights that are read from the fetched file. A new
network is such a module, a :class:`PublishedPackage` in
:data:`hmmlens.datasets.published_packages.PACKAGES`, and one entry of :data:`ADAPTERS`.

Nothing heavy is imported here, because the settings of networks read the registry.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from hmmlens.datasets.published_packages import GAIT, SILERO, PublishedPackage
from hmmlens.registry import Registry


class Adapter(NamedTuple):
    """A network that others trained.

    Attributes
    ----------
    source : PublishedPackage
        The file that holds its weights.
    module : str
        The module of this package that builds and loads it.
    dataset : str
        The kind of dataset that it was made for; files of the user may hold the same kind of data.
    layers : tuple of str
        The layers that are explained, as :func:`hmmlens.extract` names them.
    """

    source: PublishedPackage
    module: str
    dataset: str
    layers: tuple[str, ...]


def module_name(name: str) -> str:
    """Return the full name of the module that builds and loads a network.

    Parameters
    ----------
    name : str
        Name of the network in :data:`ADAPTERS`.

    Returns
    -------
    str
        Such as ``hmmlens.rnn.adapters.silero``.
    """
    return f"{__name__}.{ADAPTERS[name].module}"


def module(name: str) -> Any:
    """Return the module of this package that builds and loads a network.

    Parameters
    ----------
    name : str
        Name of the network in :data:`ADAPTERS`.

    Returns
    -------
    module
        With the functions ``build`` and ``load``.
    """
    return importlib.import_module(module_name(name))


#: Every bundled network by its name in a study.
ADAPTERS: Registry[Adapter] = Registry("bundled network")
ADAPTERS.register("gait-gru", label="gait GRU")(Adapter(GAIT, "gait_gru", "gait_phase", ("gru",)))
ADAPTERS.register("silero-vad", label="Silero VAD")(Adapter(SILERO, "silero", "speech", ("lstm",)))
