"""Old names of parameters and of module attributes, which still work and warn."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def renamed_parameters(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that accepts old names of keyword arguments with a warning.

    The signature of the decorated function, as :func:`inspect.signature` reports it, holds the new
    names alone.

    Parameters
    ----------
    **new_names : str
        The new name of each old one.

    Returns
    -------
    callable
        The decorator. What it returns raises ``TypeError`` when an old and its new name are given
        together, and emits a ``DeprecationWarning`` at the caller's line for each old name.

    Examples
    --------
    >>> import warnings
    >>> @renamed_parameters(seed="random_state")
    ... def sample(n_samples, random_state=0):
    ...     return n_samples, random_state
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     sample(3, seed=7)
    (3, 7)
    >>> str(caught[0].message)
    "sample: the parameter 'seed' is deprecated; use 'random_state'"
    """

    def _decorate(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def _accept(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in new_names.items():
                if old not in kwargs:
                    continue
                if new in kwargs:
                    raise TypeError(f"{name}: {old!r} is the old name of {new!r}; give one of them")
                warnings.warn(
                    f"{name}: the parameter {old!r} is deprecated; use {new!r}",
                    DeprecationWarning,
                    stacklevel=2,
                )
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return _accept

    return _decorate


def renamed_names(module: str, new_names: dict[str, str]) -> Callable[[str], object]:
    """Return a module's ``__getattr__`` that resolves old names of its attributes with a warning.

    Parameters
    ----------
    module : str
        ``__name__`` of the module.
    new_names : dict of str to str
        The new name of each old one; both belong to ``module``.

    Returns
    -------
    callable
        Takes the name of an attribute and returns its value. It raises ``AttributeError`` for a
        name that is in no table.
    """

    def _resolve(name: str) -> object:
        if name not in new_names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"{module}.{name} is deprecated; use {new_names[name]}",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(sys.modules[module], new_names[name])

    return _resolve
