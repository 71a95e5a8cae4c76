"""A hash of what a network computes beyond its weights: its code, its plain attributes.

Attributes of the modules, functions with what they close over, and the files that define their
classes with all of the user's own that these import are covered. An object that does not show its
content makes the hash None.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import logging
import sys
import types
import weakref
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from hmmlens.io import code_files

#: Attributes of every torch module that are hashed as weights, or that a recording sets itself.
HANDLED = {"_parameters", "_buffers", "_modules", "_flat_weights", "_flat_weight_refs", "training"}

log = logging.getLogger(__name__)

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice)

#: Global variables of a module that are looked at, as they may have been set while it ran.
VALUES = (*PLAIN, list, tuple, dict, set, frozenset, np.ndarray)
#: Members of a class that are looked at, as they may have been set while it ran.
MEMBERS = (property, classmethod, staticmethod, *VALUES)


class UnknownContentError(Exception):
    """An object does not show its content."""


def of_module(model: Any) -> str | None:
    """Return a hash of the code and the plain attributes of a torch module.

    Parameters
    ----------
    model : torch.nn.Module
        The module.

    Returns
    -------
    str or None
        None where something in it cannot be compared, such as an open file; recordings of such a
        network cannot be distinguished from those of another one.
    """
    walk = _Walk()
    try:
        for name, module in model.named_modules():
            walk.note(name)
            walk.add_class(type(module))
            walk.add(_attributes(module, HANDLED))
        code = code_files.digest(_files(walk.modules))
    except Exception as error:
        # Objects of others may raise anything when they are looked into.
        log.info("what the network holds cannot be compared: %s", error)
        return None
    walk.sha.update(code.encode())
    return walk.sha.hexdigest()


def _attributes(module: Any, without: set[str]) -> dict[str, Any]:
    """Return the plain attributes of a module."""
    found = {name: value for name, value in vars(module).items() if name not in without}
    # Hooks are numbered through all modules of a process.
    return {
        name: list(value.values()) if "_hooks" in name and isinstance(value, dict) else value
        for name, value in found.items()
    }


def _files(names: set[str]) -> Iterator[Path]:
    """Return the files of modules by name, with all that they import."""
    for name in sorted(names):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file:
            path = Path(file)
            yield from code_files.of_file(path, code_files.search_path(path.parent))


class _Walk:
    """Goes through objects and hashes them, each once."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self.states_of_batch: dict[int, int] = {}
        #: Objects that are hashed, so that their numbers are not given to others.
        self.kept: list[Any] = []
        self.classes: set[type] = set()
        #: Names of the user's modules that define classes and functions.
        self.modules: set[str] = set()

    def note(self, *words: object) -> None:
        self.sha.update(" ".join(map(str, words)).encode(errors="surrogatepass") + b"\0")

    def add(self, value: Any) -> None:
        """Hash a value and all that it holds."""
        if isinstance(value, Enum):
            self.note("enum", type(value).__qualname__, value.name)
        elif isinstance(value, PLAIN):
            self.note(type(value).__name__, repr(value))
        elif id(value) in self.states_of_batch:
            self.note("again", self.states_of_batch[id(value)])
        else:
            self.states_of_batch[id(value)] = len(self.states_of_batch)
            self.kept.append(value)
            self._add_new(value)

    def _add_new(self, value: Any) -> None:
        import torch

        if isinstance(value, torch.nn.Module):
            # Of another network, or a part of this one that is named elsewhere.
            self.note("module", type(value).__qualname__)
            self.add_class(type(value))
            self.add(dict(value.state_dict()))
            self.add(_attributes(value, HANDLED - {"_modules"}))
        elif isinstance(value, torch.Tensor):
            self._array("tensor", value.detach().cpu().to_dense())
        elif isinstance(value, np.ndarray | np.generic):
            if value.dtype.hasobject:
                self.add(value.tolist())
            else:
                self.note("array", value.dtype, value.shape)
                self.sha.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, Mapping):
            self.note("mapping", type(value).__qualname__, len(value))
            for key, held in value.items():
                self.add(key)
                self.add(held)
        elif isinstance(value, list | tuple):
            self.note("sequence", type(value).__qualname__, len(value))
            for held in value:
                self.add(held)
        elif isinstance(value, set | frozenset):
            self.note("set", sorted(map(repr, value)))
        elif isinstance(value, type):
            self.add_class(value)
        elif isinstance(value, types.ModuleType):
            self.note("module", value.__name__)
            self.modules.add(value.__name__)
        elif isinstance(value, weakref.ref):
            self.add(value())
        elif isinstance(value, logging.Logger):
            self.note("logger", value.name)
        else:
            self._add_object(value)

    def _array(self, what: str, value: Any) -> None:
        import torch

        self.note(what, value.dtype, tuple(value.shape))
        flat = value.contiguous().flatten()
        if flat.numel():
            self.sha.update(flat.view(torch.uint8).numpy().data)

    def _add_object(self, value: Any) -> None:
        if isinstance(value, functools.partial):
            self.note("partial")
            self.add([value.func, value.args, value.keywords])
        elif isinstance(value, types.MethodType):
            self.note("method")
            self.add([value.__func__, value.__self__])
        elif isinstance(value, types.FunctionType):
            self.add_function(value)
        elif isinstance(value, types.BuiltinFunctionType | types.BuiltinMethodType):
            self.note("builtin", value.__module__, value.__qualname__)
        elif isinstance(value, types.CodeType):
            self.add_code(value)
        elif isinstance(value, types.CellType):
            self.note("cell")
            self.add(_content(value))
        elif isinstance(value, property | classmethod | staticmethod):
            self.note(type(value).__name__)
            functions = (getattr(value, n, None) for n in ("fget", "fset", "__func__"))
            self.add([f for f in functions if f is not None])
        else:
            self.add_class(type(value))
            self.note("object", type(value).__qualname__)
            self.add(_state(value))

    def add_function(self, function: types.FunctionType) -> None:
        """Hash a function: its code, its defaults, and what it closes over."""
        self.note("function", function.__qualname__)
        if not _own(function.__module__):
            return
        self.modules.add(function.__module__)
        self.add_code(function.__code__)
        self.add([function.__defaults__, function.__kwdefaults__])
        self.add([_content(cell) for cell in function.__closure__ or ()])
        module = sys.modules.get(function.__module__)
        in_file = getattr(module, "__file__", None) is not None
        for name in sorted(_names(function.__code__) & set(function.__globals__)):
            held = function.__globals__[name]
            # Functions and classes of a file are covered by the file.
            if not in_file or isinstance(held, VALUES):
                self.note(name)
                self.add(held)

    def add_code(self, code: types.CodeType) -> None:
        """Hash compiled code, for functions whose source is in no file."""
        self.note("code", code.co_code.hex(), code.co_names, code.co_varnames)
        for constant in code.co_consts:
            self.add(constant)

    def add_class(self, cls: type) -> None:
        """Hash a class: its name, and of the user's own its base classes and functions."""
        for base in cls.__mro__:
            self.note("class", base.__module__, base.__qualname__)
            if not _own(base.__module__) or base in self.classes:
                continue
            self.classes.add(base)
            self.modules.add(base.__module__)
            for name, held in sorted(vars(base).items()):
                if name.startswith("__") and not callable(held):
                    continue
                self.note(name)
                if inspect.isroutine(held) or isinstance(held, MEMBERS):
                    self.add(held)


def _names(code: types.CodeType) -> set[str]:
    """Return the names that code and the functions within it use."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _own(name: str | None) -> bool:
    """Return whether a module is the user's."""
    module = sys.modules.get(name or "")
    if module is None:
        return True
    if module.__name__ in sys.builtin_module_names:
        return False
    file = getattr(module, "__file__", None)
    # A notebook and a command line have no file.
    return name == "__main__" if file is None else code_files.is_own(Path(file))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _state(value: Any) -> Any:
    """Return the content of an object.

    Raises
    ------
    UnknownContentError
        When it does not show its content.
    """
    if hasattr(value, "__dict__"):
        held = dict(vars(value))
        slots = (getattr(base, "__slots__", ()) for base in type(value).__mro__)
        names = [n for s in slots for n in ([s] if isinstance(s, str) else s)]
        return {**{n: getattr(value, n) for n in names if hasattr(value, n)}, **held}
    try:
        reduced = value.__reduce_ex__(4)
    except Exception as error:
        raise UnknownContentError(type(value).__qualname__) from error
    return reduced if isinstance(reduced, str) else list(reduced[:3])
