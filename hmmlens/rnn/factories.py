"""Functions of the user that a study names: the factory of a network, a method of an analysis."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hmmlens.errors import DataError, HmmlensError, no_exit, place_of
from hmmlens.io import code_files


def build(factory: str, kwargs: Mapping[str, Any], folder: Path) -> nn.Module:
    """Return the module that a factory makes, in evaluation mode.

    Parameters
    ----------
    factory : str
        ``package.module:function``.
    kwargs : mapping of str to object
        The arguments that it is called with.
    folder : Path
        Where the factory's module is looked for before the installed ones.

    Returns
    -------
    torch.nn.Module
        The module, with any weights.

    Raises
    ------
    DataError
        When it cannot be imported, fails, or makes no torch module.
    """
    function = imported("factory", factory, folder)
    try:
        inspect.signature(function).bind(**kwargs)
    except TypeError as error:
        raise DataError(f"factory {factory} with {dict(kwargs)}: {error}") from error
    # The initial weights are replaced, so they may not move anybody's random state.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            with no_exit(f"factory {factory}"):
                module = function(**kwargs)
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


def imported(kind: str, name: str, folder: Path) -> Any:
    """Return a function of the user.

    Parameters
    ----------
    kind : str
        What the function is, for messages: ``factory``.
    name : str
        ``package.module:function``.
    folder : Path
        Where the module is looked for before the installed ones.

    Returns
    -------
    callable
        The function, which has not been called.

    Raises
    ------
    DataError
        When it cannot be imported.
    """
    module, _, function = name.partition(":")
    sys.path.insert(0, str(folder))
    try:
        with no_exit(f"{kind} {name}"):
            return getattr(importlib.import_module(module), function)
    except HmmlensError:
        raise
    except ImportError as error:
        raise DataError(
            f"{kind} {name}: {error}; put the module into {folder}, or install its package"
        ) from error
    except AttributeError as error:
        raise DataError(f"{kind} {name}: the module {module} has no {function}") from error
    except Exception as error:
        raise _failed(kind, name, error) from error
    finally:
        sys.path.remove(str(folder))


def code_of(name: str, folder: Path) -> str:
    """Return a hash of the files of a function's module, with all of the user's that it imports.

    Parameters
    ----------
    name : str
        ``package.module:function``.
    folder : Path
        Where the module is looked for before the installed ones.

    Returns
    -------
    str
        A hexadecimal hash.
    """
    module = name.partition(":")[0]
    return code_files.digest(code_files.of_module(module, code_files.search_path(folder)))


def _failed(kind: str, name: str, error: Exception) -> DataError:
    """Return the error to raise for one in a user's own code."""
    reason = f"{type(error).__name__}{place_of(error)}: {error}"
    return DataError(f"{kind} {name}: {' '.join(reason.split())}")
