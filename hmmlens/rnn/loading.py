"""Networks that users bring: a factory that builds the module, and a file with its weights.

A weights file is data: safetensors, or a torch file that holds nothing but arrays. Code in it is
never run.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import logging
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.datasets.published_packages import checked
from hmmlens.errors import DataError, HmmlensError, no_exit, place_of
from hmmlens.io import code_files
from hmmlens.io.input_files import check_file
from hmmlens.rnn import adapters, recurrent_network
from hmmlens.rnn.output_checks import check_output as check_output_values

log = logging.getLogger(__name__)

#: Names under which a training's checkpoint keeps the weights beside other things.
NESTED = ("state_dict", "model_state_dict", "model")


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
    settings : the network's section of the config.
    attributes, sizes : of the ``sequences`` store.
    weights : the safetensors file.
    folder : where a factory's module is looked for first.
    """
    if settings["kind"] == "trained":
        return recurrent_network.load_weights(
            recurrent_network.for_dataset(settings, attributes, sizes, seed=0), weights
        )
    return fill(architecture(settings, folder), read_weights(weights), weights)


def architecture(settings: Mapping[str, Any], folder: Path) -> nn.Module:
    """Return a loaded network's module, whatever its weights.

    Parameters
    ----------
    settings, folder : see :func:`network`.
    """
    if settings["kind"] == "adapter":
        made: nn.Module = adapters.module(settings["adapter"]).build()
        return made
    if settings["kind"] == "keras":
        return _keras(folder / settings["file"])
    return build(settings["factory"], settings["kwargs"], folder)


def load(settings: Mapping[str, Any], folder: Path) -> nn.Module:
    """Return a loaded network with the weights that it came with.

    Parameters
    ----------
    settings, folder : see :func:`network`; ``folder`` is also where relative paths begin.
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


def build(factory: str, kwargs: Mapping[str, Any], folder: Path) -> nn.Module:
    """Return what a factory makes.

    Parameters
    ----------
    factory : ``package.module:function``.
    kwargs : what it is called with.
    folder : where the module is looked for before the installed ones.

    Raises
    ------
    DataError
        When it cannot be imported, fails, or makes no torch module.
    """
    made = imported("factory", factory, folder)
    try:
        inspect.signature(made).bind(**kwargs)
    except TypeError as error:
        raise DataError(f"factory {factory} with {dict(kwargs)}: {error}") from error
    # The initial weights are replaced, so they may not move anybody's random state.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            with no_exit(f"factory {factory}"):
                module = made(**kwargs)
        except HmmlensError:
            raise
        except Exception as error:
            raise _failed("factory", factory, error) from error
    if isinstance(module, type):
        raise DataError(
            f"factory {factory}: returned the class {module.__name__} itself; return an instance, "
            f"{module.__name__}(...)"
        )
    if not isinstance(module, nn.Module):
        raise DataError(f"factory {factory}: made a {type(module).__name__}, no torch.nn.Module")
    return module.eval()


def imported(what: str, name: str, folder: Path) -> Any:
    """Return a function of the user's.

    Parameters
    ----------
    what : it is, for messages.
    name : ``package.module:function``.
    folder : where the module is looked for before the installed ones.

    Raises
    ------
    DataError
        When it cannot be imported.
    """
    module, _, function = name.partition(":")
    sys.path.insert(0, str(folder))
    try:
        with no_exit(f"{what} {name}"):
            return getattr(importlib.import_module(module), function)
    except HmmlensError:
        raise
    except ImportError as error:
        raise DataError(
            f"{what} {name}: {error}; put the module into {folder}, or install its package"
        ) from error
    except AttributeError as error:
        raise DataError(f"{what} {name}: the module {module} has no {function}") from error
    except Exception as error:
        raise _failed(what, name, error) from error
    finally:
        sys.path.remove(str(folder))


def code_of(name: str, folder: Path) -> str:
    """Return a hash of the files of a function's module, with all of the user's that it imports.

    Parameters
    ----------
    name, folder : see :func:`imported`.
    """
    module = name.partition(":")[0]
    return code_files.digest(code_files.of_module(module, code_files.search_path(folder)))


def _failed(what: str, name: str, error: Exception) -> DataError:
    """Return what to say of an error in a user's own code."""
    told = f"{type(error).__name__}{place_of(error)}: {error}"
    return DataError(f"{what} {name}: {' '.join(told.split())}")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return name -> array of a weights file; no code in the file is run.

    Parameters
    ----------
    path : ``.safetensors``, or a file of ``torch.save`` with a state dict, alone or in a checkpoint
        under one of ``NESTED``.

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
    """Put ``weights``, which were read from ``path``, into a module.

    Raises
    ------
    DataError
        When a name or a shape differs.
    """
    try:
        with no_exit(f"load_state_dict of {type(module).__name__}"):
            module.load_state_dict(weights)
    except RuntimeError as error:
        reasons = [line.strip() for line in str(error).splitlines()[1:]]
        raise DataError(
            f"{path}: the weights do not fit {type(module).__name__}: {' '.join(reasons)}"
        ) from error
    return module


def duplicate(module: nn.Module) -> nn.Module:
    """Return a copy of a module with weights of its own.

    Tensors that a module keeps with their graph, such as a state from the call before, are copied
    without it. What else cannot be copied, such as a lock or an open file, is shared.
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


def redraw(module: nn.Module, seed: int) -> nn.Module:
    """Draw all weights anew: the untrained twin of a network that was loaded.

    Every part draws as it does when it is made (``reset_parameters``). Parameters of parts that
    cannot are shuffled, which keeps their values and loses what was learnt. The global random
    state of torch is left as it was.
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


def check_output(tree: xr.DataTree, data: xr.Dataset, layers: list[str]) -> NDArray[Any]:
    """Return the output (sequence, time, output) of a loaded network, if it fits its dataset.

    Parameters
    ----------
    tree : what was recorded of all sequences of ``data``.
    layers : the names in the config.

    Raises
    ------
    DataError
        When the output or a layer is not what the dataset and the config say.
    """
    missing = [name for name in layers if name not in tree.children]
    if missing:
        raise DataError(
            f"there is no layer {missing[0]!r}; the layers of this network are: "
            f"{', '.join(tree.children)}"
        )
    for name in layers:
        if "time" not in tree[name].dims:
            raise DataError(f"layer {name} has other steps than the input; name another one")
    symbols = data.attrs["target_kind"] == "symbols"
    size = int(data.attrs["n_symbols"] if symbols else data.sizes["output"])
    shape = (data.sizes["sequence"], data.sizes["time"], size)
    found = tree["output"].shape if "output" in tree else None
    if found != shape:
        what = "a logit for each symbol" if symbols else "a value for each target"
        raise DataError(
            f"the network's output must be (sequence, time, output) = {shape}, {what} at every "
            f"step, found {found or 'no tensor'}"
        )
    output: NDArray[np.floating] = tree["output"].to_numpy()
    names = list(data.attrs.get("target_names", ()))
    names = names if len(names) == size else [f"output {i + 1}" for i in range(size)]
    length = tree["length"].to_numpy()
    length = tree["length"].to_numpy()
    check_output_values(output, length, data.attrs["target_kind"], names, np.arange(shape[0]))
    return output
