"""Files of weights, read as data: safetensors, or a torch file that holds nothing but arrays.

Code in such a file is never run.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hmmlens.errors import DataError, no_exit
from hmmlens.io.input_files import check_file
from hmmlens.rnn.weight_names import fitted

#: Names under which a training's checkpoint keeps the weights next to other things.
NESTED = ("state_dict", "model_state_dict", "model")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the arrays of a weights file by name; no code in the file is run.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or a file of ``torch.save`` with a state dict, alone or in a checkpoint
        under one of :data:`NESTED`.

    Returns
    -------
    dict of str to Tensor
        A state dict.

    Raises
    ------
    DataError
        When the file cannot be read, holds anything but arrays, or would run code.
    """
    check_file(path)
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)
    for name in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not content:
        raise DataError(f"{path}: holds no weights by name, but a {type(content).__name__}")
    strange = [
        name
        for name, value in content.items()
        if not isinstance(value, Tensor) or not isinstance(name, str)
    ]
    if strange:
        raise DataError(
            f"{path}: {strange[0]!r} is no array by name; save model.state_dict() and nothing else"
        )
    return dict(content)


def _safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: this is no whole safetensors file ({error})") from error


def _torch_file(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file makes torch's reader raise anything; old kinds of files, which it cannot
        # read as data, make it advise to run what is in them.
        if isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error):
            raise DataError(
                f"{path}: this file holds Python objects, and opening it could run any code, so it "
                "is refused; where you trust it, convert it once: "
                "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
            ) from error
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"{path}: this is no whole file of torch.save ({reason})") from error


def fill(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> nn.Module:
    """Put weights into a module.

    Parameters
    ----------
    module : torch.nn.Module
        It is changed in place.
    weights : mapping of str to Tensor
        Its state dict. Prefixes that wrappers put before the names are taken off, see
        :func:`hmmlens.rnn.weight_names.fitted`.
    path : Path
        The file that they were read from, for messages.

    Returns
    -------
    torch.nn.Module
        The same module.

    Raises
    ------
    DataError
        When a name or a shape differs, or names fit under more than one prefix.
    """
    try:
        with no_exit(f"load_state_dict of {type(module).__name__}"):
            module.load_state_dict(fitted(weights, module.state_dict().keys(), path))
    except RuntimeError as error:
        reasons = [line.strip() for line in str(error).splitlines()[1:]]
        raise DataError(
            f"{path}: the weights do not fit {type(module).__name__}: {' '.join(reasons)}"
        ) from error
    return module
