"""Which recurrent layers a module holds, and the names of their nodes.

A node is one layer in one direction. Its name is the module's own name with dots as underscores
(``rnn`` where the module is itself a recurrent layer), then ``_l0``, ``_l1``, ... where the layer
has several, then ``_reverse`` for the second direction, then ``_call0``, ``_call1``, ... where the
layer runs several times from a fresh state: ``rnn``, ``encoder_rnn_l1_reverse``, ``rnn_call0``. A
module whose node would have the name of another one, or of an array of the root, gets ``_2``.
A model may name its modules itself, by an attribute ``layer_names``: module name -> node name.
A variable of a loop is recorded by a name such as ``forward:h``, see
:mod:`hmmlens.rnn.loop_variables`; its node is ``h``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from hmmlens.errors import DataError
from hmmlens.rnn import loop_variables
from hmmlens.rnn.loop_variables import LoopVariable
from hmmlens.rnn.wrappers import INNER, own_name, unwrapped

#: Layers that take whole sequences, and cells that a model's own loop calls at every step.
LAYERS = (nn.RNN, nn.GRU, nn.LSTM)
CELLS = (nn.RNNCell, nn.GRUCell, nn.LSTMCell)
#: The arrays of the root, next to the nodes.
TAKEN = ("input", "output", "length", "time")


class RecordedModule(NamedTuple):
    """A module that is recorded.

    Attributes
    ----------
    name : str
        The module's own name within the model.
    node : str
        The beginning of its nodes' names.
    module : torch.nn.Module
        The module.
    known : bool
        Whether its equations are torch's own, so that it can be replayed.
    variable : LoopVariable or None
        The variable that is recorded in place of what the module returns.
    """

    name: str
    node: str
    module: nn.Module
    known: bool
    variable: LoopVariable | None = None


def recurrent(module: nn.Module) -> bool:
    """Return whether a module is a recurrent layer or cell of torch.

    Parameters
    ----------
    module : torch.nn.Module
        Any module.

    Returns
    -------
    bool
        True for subclasses too.
    """
    return isinstance(module, LAYERS + CELLS)


def find(model: nn.Module, wanted: Sequence[str] | None) -> list[RecordedModule]:
    """Return the recurrent layers of a model, and other modules that are named.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    wanted : sequence of str or None
        Names of nodes or modules, or None for all recurrent layers. A module that is not torch's
        own layer, such as a cell written by hand, is recorded when it is named here, and so is a
        variable of a loop.

    Returns
    -------
    list of RecordedModule
        In the order in which the model lists its modules.

    Raises
    ------
    DataError
        When there is nothing to record.
    """
    own: Any = getattr(model, "layer_names", {})
    modules: list[RecordedModule] = []
    taken: set[str] = set(TAKEN)
    for path, module in model.named_modules():
        name = own_name(path)
        if not recurrent(module) and (name not in (wanted or ()) or hasattr(module, INNER)):
            continue
        given = own.get(name) if isinstance(own, Mapping) else None
        base = re.sub(r"\W", "_", given if isinstance(given, str) else name) or "rnn"
        node = _free(base, taken, endings(module))
        taken |= {node + end for end in endings(module)}
        known = any(type(module).forward is kind.forward for kind in LAYERS + CELLS)
        modules.append(RecordedModule(name, node, module, known))
    for name in filter(loop_variables.is_variable, dict.fromkeys(wanted or ())):
        variable = loop_variables.find_variable(model, name)
        node = _free(loop_variables.base_name(name), taken)
        taken.add(node)
        modules.append(RecordedModule(name, node, variable.owner, False, variable))
    if not modules:
        if isinstance(model, torch.jit.ScriptModule):
            raise DataError(
                "a scripted or traced module hides its layers; give the module that it was made of"
            )
        raise DataError(
            f"{type(unwrapped(model)).__name__} holds no recurrent layer of torch; name the "
            "modules to record, as in layers=['cell'], or the variable of a loop, as in "
            "layers=['forward:h'], or give an object with start, step and readout"
        )
    return modules


def _free(base: str, taken: set[str], ends: Sequence[str] = ("",)) -> str:
    """Return the beginning of names of nodes, with a number where they are taken."""
    node, copies = base, 1
    while taken & {node + end for end in ends}:
        copies += 1
        node = f"{base}_{copies}"
    return node


def ending(module: nn.Module, layer: int, reverse: bool) -> str:
    """Return what follows a module's name in the node of one of its layers and directions.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    layer : int
        Which layer of a stack.
    reverse : bool
        Whether the direction that reads from the end.

    Returns
    -------
    str
        Such as ``_l1_reverse``; empty for a single layer.
    """
    several = isinstance(module, nn.RNNBase) and module.num_layers > 1
    return (f"_l{layer}" if several else "") + ("_reverse" if reverse else "")


def endings(module: nn.Module) -> list[str]:
    """Return :func:`ending` of all layers and directions of a module.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    list of str
        One for each node.
    """
    if not isinstance(module, nn.RNNBase):
        return [""]
    directions = (False, True) if module.bidirectional else (False,)
    return [ending(module, k, reverse) for k in range(module.num_layers) for reverse in directions]


def chosen(
    nodes: Iterable[str], wanted: Sequence[str] | None, recorded: Sequence[RecordedModule]
) -> list[str]:
    """Return the nodes that are named, by node or by module.

    Parameters
    ----------
    nodes : iterable of str
        All nodes.
    wanted : sequence of str or None
        Names of nodes or modules, or None for all.
    recorded : sequence of RecordedModule
        The modules of the nodes.

    Returns
    -------
    list of str
        In the order of ``nodes``.

    Raises
    ------
    DataError
        When a name fits no node.
    """
    nodes = list(nodes)
    if wanted is None:
        return nodes
    modules = {f.name: f for f in recorded}
    kept: set[str] = set()
    for name in wanted:
        item = modules.get(name)
        hits = [n for n in nodes if n == name or (item is not None and belongs(n, item.node))]
        if item is not None and item.variable is not None:
            # A nested state has a node for each of its layers.
            hits += [n for n in nodes if n.startswith(f"{item.node}_")]
        if not hits:
            close = difflib.get_close_matches(name, nodes, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise DataError(f"there is no layer {name!r}{hint}; there are: {', '.join(nodes)}")
        kept.update(hits)
    return [n for n in nodes if n in kept]


def belongs(node: str, start: str) -> bool:
    """Return whether a node's name is the beginning with nothing but the suffixes of a node.

    Parameters
    ----------
    node : str
        Name of a node.
    start : str
        Beginning of the names of a module's nodes.

    Returns
    -------
    bool
        Whether the node is one of the module.
    """
    return bool(re.fullmatch(re.escape(start) + r"(_l\d+)?(_reverse)?(_call\d+)?", node))
