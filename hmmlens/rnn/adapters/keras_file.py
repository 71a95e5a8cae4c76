"""Read a ``.keras`` file without running anything that it brings."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from hmmlens.errors import DataError
from hmmlens.rnn.adapters.keras import CONVERTERS, convert, unsupported


def read(path: Path) -> nn.Sequential:
    """Return the model in a ``.keras`` file as a torch module, in evaluation mode.

    Layers are looked up by name in the file before Keras builds anything, and Keras reads in
    its safe mode: a file cannot bring code of its own.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    torch.nn.Sequential
        The module.

    Raises
    ------
    DataError
        When the file is no ``.keras`` file, or :func:`convert` does not know one of its layers.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as file:
            config = json.loads(file.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: this is no .keras file of Keras 3 ({error}); save the model with "
            "model.save('NAME.keras')"
        ) from error
    try:
        _check(config)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path}: config.json is not as Keras writes it ({error!r})") from error
    # The adapter has chosen its backend.
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        # Keras raises whatever its layers raise.
        reason = str(error).strip().splitlines()
        raise DataError(
            f"{path}: Keras cannot load this model: {reason[0] if reason else type(error).__name__}"
        ) from error
    try:
        return convert(model)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _check(config: Mapping[str, Any]) -> None:
    """Refuse a stored model that holds anything but the layers that are known here."""
    if config.get("class_name") not in ("Sequential", "Functional"):
        raise DataError(
            f"holds a {config.get('class_name')}; only Sequential and Functional models can be read"
        )
    for layer in config["config"]["layers"]:
        for part in (layer, *_inside(layer["config"])):
            kind, module = part["class_name"], str(part.get("module"))
            is_layer = part is layer or module.startswith("keras.layers")
            if (
                part.get("registered_name") is not None
                or not f"{module}.".startswith("keras.")
                or (is_layer and kind not in CONVERTERS)
            ):
                own = part["config"] if isinstance(part["config"], Mapping) else {}
                raise unsupported(own.get("name", layer["config"].get("name", "?")), kind)


def _inside(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object that Keras would make of what a layer's options hold."""
    parts = config.values() if isinstance(config, Mapping) else config
    for part in parts if isinstance(config, Mapping | list) else ():
        if isinstance(part, Mapping) and "class_name" in part:
            yield part
        yield from _inside(part)
