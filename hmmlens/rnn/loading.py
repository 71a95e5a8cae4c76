"""Networks that a study loads, and their untrained controls.

A network comes from a factory of the user and a file of weights, from a Keras file, or from a
package that others published.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hmmlens.datasets.published_packages import checked
from hmmlens.errors import DataError, no_exit
from hmmlens.io.input_files import check_file
from hmmlens.rnn import adapters, factories, recurrent_network
from hmmlens.rnn.weights_files import fill, read_weights

log = logging.getLogger(__name__)


def network(
    settings: Mapping[str, Any],
    attributes: Mapping[str, Any],
    sizes: Mapping[Any, int],
    weights: Path,
    folder: Path,
) -> nn.Module:
    """Return a network of a study with the weights that its first job has written.

    Parameters
    ----------
    settings : mapping
        The network's section of the config.
    attributes, sizes : mapping
        Those of the ``sequences`` store.
    weights : Path
        The safetensors file.
    folder : Path
        Where a factory's module is looked for first.

    Returns
    -------
    torch.nn.Module
        The network.
    """
    if settings["kind"] == "trained":
        return recurrent_network.load_weights(
            recurrent_network.for_dataset(settings, attributes, sizes, seed=0), weights
        )
    return fill(architecture(settings, folder), read_weights(weights), weights)


def architecture(settings: Mapping[str, Any], folder: Path) -> nn.Module:
    """Return the module of a loaded network, whatever its weights.

    Parameters
    ----------
    settings : mapping
        The network's section of the config.
    folder : Path
        Where a factory's module is looked for first.

    Returns
    -------
    torch.nn.Module
        With any weights.
    """
    if settings["kind"] == "adapter":
        module: nn.Module = adapters.module(settings["adapter"]).build()
        return module
    if settings["kind"] == "keras":
        return _keras(folder / settings["file"])
    return factories.build(settings["factory"], settings["kwargs"], folder)


def load(settings: Mapping[str, Any], folder: Path) -> nn.Module:
    """Return a loaded network with the weights that it came with.

    Parameters
    ----------
    settings : mapping
        The network's section of the config.
    folder : Path
        Where a factory's module is looked for first, and where relative paths begin.

    Returns
    -------
    torch.nn.Module
        With its own weights.
    """
    if settings["kind"] == "adapter":
        adapter = adapters.ADAPTERS[settings["adapter"]]
        fetched = checked(adapter.source, folder / "data" / adapter.source.file)
        loaded: nn.Module = adapters.module(settings["adapter"]).load(fetched)
        return loaded
    module = architecture(settings, folder)
    if settings["kind"] == "keras":
        return module
    path = folder / settings["weights"]
    return fill(module, read_weights(path), path)


def _keras(path: Path) -> nn.Module:
    check_file(path)
    try:
        from hmmlens.rnn.adapters import keras_file
    except ImportError as error:
        raise DataError(f"{path}: {error}") from error
    return keras_file.read(path)


def duplicate(module: nn.Module) -> nn.Module:
    """Return a copy of a module with weights of its own.

    Tensors that a module keeps with their graph, such as a state from the call before, are copied
    without it. What else cannot be copied, such as a lock or an open file, is shared.

    Parameters
    ----------
    module : torch.nn.Module
        It stays as it is.

    Returns
    -------
    torch.nn.Module
        The copy.
    """
    memo: dict[int, Any] = {}
    for part in module.modules():
        for name, value in vars(part).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                _prepare(value, memo)
    return copy.deepcopy(module, memo)


def _prepare(value: Any, memo: dict[int, Any]) -> None:
    """Put into ``memo`` the copies of what ``copy.deepcopy`` cannot copy in an attribute."""
    if isinstance(value, Tensor):
        if not value.is_leaf:
            memo[id(value)] = value.detach().clone()
    elif isinstance(value, list | tuple | set):
        for part in value:
            _prepare(part, memo)
    elif isinstance(value, Mapping):
        for part in value.values():
            _prepare(part, memo)
    elif not isinstance(value, nn.Module):
        try:
            # Apart from the memo, so that nothing of a copy that fails is left in it.
            copy.deepcopy(value, dict(memo))
        except Exception:
            memo[id(value)] = value


def reinitialise(module: nn.Module, seed: int) -> nn.Module:
    """Sample all weights anew, which makes the untrained control of a network that was loaded.

    Every part samples as it does when it is made (``reset_parameters``). Parameters of parts that
    cannot are permuted, which keeps their values and removes what was learnt. The global random
    state of torch stays as it was.

    Parameters
    ----------
    module : torch.nn.Module
        It is changed in place.
    seed : int
        Seed of the weights.

    Returns
    -------
    torch.nn.Module
        The same module.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, part in module.named_modules():
            reset = getattr(part, "reset_parameters", None)
            own = list(part.parameters(recurse=False))
            if callable(reset):
                with no_exit(f"reset_parameters of {name or type(module).__name__}"):
                    reset()
            elif own:
                log.info("%s: its parameters are shuffled", name or type(module).__name__)
                for values in own:
                    flat = values.flatten()
                    values.copy_(flat[torch.randperm(len(flat))].view_as(values))
    return module
