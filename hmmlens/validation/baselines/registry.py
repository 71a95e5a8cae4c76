"""Baselines by name: other ways to get states, to predict outputs, and to make controls.

A baseline is registered by the decorator :func:`baseline` where it is defined. The comparison of a
chosen model, the round trip and the reports read names and labels here; a new baseline is one
decorated function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from hmmlens.registry import Registry
from hmmlens.validation.baselines.settings import BaselineSettings

F = TypeVar("F", bound=Callable[..., Any])

#: What a baseline provides. ``states``: labels of activations, a
#: :class:`hmmlens.validation.baselines.methods.Method`. ``outputs``: predictions of the network's
#: output, a :class:`hmmlens.validation.baselines.predictors.Predictor`. ``inputs``: a store of
#: inputs that takes the place of activations. ``symbols``: predictions from input symbols alone.
#: ``network``: changes a network in place. ``space``: cells of a space with a chain between them.
Kind = Literal["states", "outputs", "inputs", "symbols", "network", "space"]


class Baseline(NamedTuple):
    """A baseline.

    Attributes
    ----------
    kind : str
        What it provides, see :data:`Kind`.
    function : callable
        Computes it; the kind decides the signature.
    """

    kind: Kind
    function: Callable[..., Any]


#: The baselines by name, in the order in which they were registered.
BASELINES: Registry[Baseline] = Registry("baseline")


def baseline(name: str, kind: Kind, *, label: str | None = None) -> Callable[[F], F]:
    """Return a decorator that registers a baseline.

    Parameters
    ----------
    name : str
        The name in tables and configs.
    kind : str
        See :data:`Kind`.
    label : str, optional
        The name in reports, by default ``name``.

    Returns
    -------
    callable
        The decorator.
    """

    def _registered(function: F) -> F:
        BASELINES.register(name, label=label or name)(Baseline(kind, function))
        return function

    return _registered


def with_settings(function: F, settings: BaselineSettings) -> F | partial[Any]:
    """Return a baseline with its settings given, or as it is where it takes none.

    Parameters
    ----------
    function : callable
        A baseline, which may have a parameter ``settings``.
    settings : BaselineSettings
        The settings.

    Returns
    -------
    callable
        The baseline.
    """
    if "settings" in inspect.signature(function).parameters:
        return partial(function, settings=settings)
    return function


def of_kind(kind: Kind) -> dict[str, Callable[..., Any]]:
    """Return the functions of the baselines of one kind.

    Parameters
    ----------
    kind : str
        See :data:`Kind`.

    Returns
    -------
    dict of str to callable
        By name, in the order in which they were registered.
    """
    return {name: one.function for name, one in BASELINES.items() if one.kind == kind}
