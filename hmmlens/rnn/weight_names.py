"""Names of weights that a wrapper around the module has changed when they were saved.

``torch.compile`` puts ``_orig_mod.`` before names, ``DataParallel`` and its successors ``module.``,
and a trainer's module the attribute under which it keeps the network, such as ``model.``.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from hmmlens.errors import DataError

log = logging.getLogger(__name__)

#: Components of a name that wrappers add, at any place in it.
WRAPPERS = ("_orig_mod", "module")

Value = TypeVar("Value")


def unwrapped(name: str) -> str:
    """Return a name without the components that wrappers add.

    Parameters
    ----------
    name : str
        Name of a weight.

    Returns
    -------
    str
        The name within the module itself.

    Examples
    --------
    >>> unwrapped("module.rnn._orig_mod.weight_ih_l0")
    'rnn.weight_ih_l0'
    """
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def fitted(
    weights: Mapping[str, Value], wanted: Collection[str], source: object
) -> dict[str, Value]:
    """Return weights under the names that a module has for them.

    Parameters
    ----------
    weights : mapping of str to object
        Weights by the names under which they were saved.
    wanted : collection of str
        Names of the module's own state dict.
    source : object
        Where the weights were read from, for messages.

    Returns
    -------
    dict of str to object
        The weights as they are, where their names fit or no prefix makes them fit; else those under
        the prefix, without it, which is logged.

    Raises
    ------
    DataError
        When the names fit under more than one prefix.

    Examples
    --------
    >>> fitted({"model.rnn.bias": 1, "metric.total": 2}, ["rnn.bias"], "last.ckpt")
    {'rnn.bias': 1}
    """
    own = {unwrapped(name): name for name in wanted}
    if set(weights) == set(wanted) or len(own) < len(wanted):
        return dict(weights)
    names = {unwrapped(name): name for name in weights}
    fitting = [
        prefix
        for prefix in _prefixes(names)
        if {n.removeprefix(prefix) for n in names if n.startswith(prefix)} == set(own)
    ]
    if not fitting:
        return dict(weights)
    if len(fitting) > 1:
        raise DataError(
            f"{source}: the weights fit under each of the prefixes {', '.join(fitting)}; save "
            "those of one of them, as model.state_dict()"
        )
    found = {own[n]: weights[names[fitting[0] + n]] for n in own}
    for example in (n for n in own if own[n] != names[fitting[0] + n]):
        log.info(
            "%s: %s is read as %s, and %s",
            source, names[fitting[0] + example], own[example], _rest(len(weights) - len(found)),
        )  # fmt: skip
        break
    return found


def _prefixes(names: Iterable[str]) -> list[str]:
    """Return the prefixes of names that end with a dot, and the empty one, shortest first."""
    found = {""}
    for name in names:
        parts = name.split(".")
        found |= {".".join(parts[:n]) + "." for n in range(1, len(parts))}
    return sorted(found, key=lambda prefix: (len(prefix), prefix))


def _rest(n_left: int) -> str:
    """Return what happens to the other weights of a file."""
    if n_left == 0:
        return "all others alike"
    return f"all under this prefix alike; weights that are not used: {n_left}"
