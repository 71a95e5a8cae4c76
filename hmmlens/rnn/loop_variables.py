"""Variables that carry the state of a recurrence written as a loop, found in the source.

The name of such a variable is ``OWNER:VARIABLE``, where the owner is a method or a module within
the model: ``forward:h`` is ``h`` in the model's own ``forward``, ``core:h`` that of the module
``core``, and ``core.run:h`` is ``h`` in its method ``run``.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

from torch import nn

from hmmlens.errors import DataError, did_you_mean
from hmmlens.rnn.wrappers import own_name, unwrapped

#: Between the owner and the variable.
OF = ":"


class Loop(NamedTuple):
    """A loop of a function, by the lines of its file.

    Attributes
    ----------
    header, body, end : int
        First line of the loop, first line of its body, and its last line.
    """

    header: int
    body: int
    end: int


class LoopVariable(NamedTuple):
    """A variable that a loop assigns.

    Attributes
    ----------
    owner : torch.nn.Module
        The module whose method holds the loop.
    function : str
        The method's name, for messages.
    code : CodeType
        Its code.
    name : str
        The variable.
    loops : tuple of Loop
        Loops that assign it, the outer ones first.
    """

    owner: nn.Module
    function: str
    code: CodeType
    name: str
    loops: tuple[Loop, ...]


def is_variable(name: str) -> bool:
    """Return whether a name is that of a variable.

    Parameters
    ----------
    name : str
        Name of a layer, as a user writes it.

    Returns
    -------
    bool
        Whether it has an owner and a variable.

    Examples
    --------
    >>> is_variable("forward:h"), is_variable("core")
    (True, False)
    """
    return OF in name


def base_name(name: str) -> str:
    """Return how the nodes of a variable begin.

    Parameters
    ----------
    name : str
        ``OWNER:VARIABLE``.

    Returns
    -------
    str
        Without ``forward``, which is the usual place.

    Examples
    --------
    >>> base_name("forward:h"), base_name("core.run:h")
    ('h', 'core_run_h')
    """
    owner, _, variable = name.partition(OF)
    parts = [part for part in owner.split(".") if part]
    if parts and parts[-1] == "forward":
        parts.pop()
    return re.sub(r"\W", "_", "_".join([*parts, variable]))


def find_variable(model: nn.Module, name: str) -> LoopVariable:
    """Return a variable of a loop by its name.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    name : str
        ``OWNER:VARIABLE``.

    Returns
    -------
    LoopVariable
        The variable.

    Raises
    ------
    DataError
        When there is no such method, its source cannot be read, or no loop assigns the variable.
    """
    path, _, variable = name.partition(OF)
    if not variable.isidentifier():
        raise DataError(f"{name!r}: {variable!r} is no name of a variable, as in 'forward:h'")
    owner, method = _owner(unwrapped(model), path, name)
    described = f"{type(owner).__name__}.{method}"
    function = inspect.unwrap(getattr(type(owner), method))
    found = loops_of(function, described)
    assigned = {word: loops for word, loops in found.items() if loops}
    if variable not in assigned:
        known = f"its loops assign {', '.join(assigned)}" if assigned else "it has no loop"
        raise DataError(
            f"{name!r}: no loop of {described} assigns {variable!r}"
            f"{did_you_mean(variable, assigned)}; {known}"
        )
    return LoopVariable(owner, described, function.__code__, variable, tuple(assigned[variable]))


def carried_variables(model: nn.Module) -> list[str]:
    """Return the names of variables that a loop reads and assigns, and that exist before it.

    Parameters
    ----------
    model : torch.nn.Module
        The network.

    Returns
    -------
    list of str
        ``OWNER:VARIABLE`` of every ``forward`` whose source can be read; what of them is a state
        is shown by a run.
    """
    names = []
    for path, module in model.named_modules():
        if type(module).__module__.partition(".")[0] == "torch":
            continue
        try:
            tree = _parsed(inspect.unwrap(type(module).forward), "")[0]
        except DataError:
            continue
        for variable in _carried(tree):
            names.append(f"{own_name(path) or 'forward'}{OF}{variable}")
    return names


def loops_of(function: Any, described: str) -> dict[str, list[Loop]]:
    """Return the loops that assign each variable of a function.

    Parameters
    ----------
    function : function
        A function written in Python.
    described : str
        Its name, for messages.

    Returns
    -------
    dict of str to list of Loop
        The outer loops first.

    Raises
    ------
    DataError
        When its source cannot be read.
    """
    tree, shift = _parsed(function, described)
    found: dict[str, list[Loop]] = {}
    for loop in _within(tree):
        if not isinstance(loop, ast.For | ast.While):
            continue
        last = max(statement.end_lineno or statement.lineno for statement in loop.body)
        lines = Loop(loop.lineno + shift, loop.body[0].lineno + shift, last + shift)
        for name in sorted(_names(loop.body, ast.Store)):
            found.setdefault(name, []).append(lines)
    return found


def _owner(model: nn.Module, path: str, name: str) -> tuple[nn.Module, str]:
    """Return the module and the method that a path leads to."""
    place: Any = model
    parts = [part for part in path.split(".") if part]
    for index, part in enumerate(parts):
        following = getattr(place, part, None)
        if isinstance(following, nn.Module):
            place = following
        elif index == len(parts) - 1 and inspect.ismethod(following):
            return place, part
        else:
            raise DataError(
                f"{name!r}: {type(place).__name__} has no module or method {part!r}"
                f"{did_you_mean(part, [*place._modules, 'forward'])}"
            )
    return place, "forward"


def _parsed(function: Any, described: str) -> tuple[ast.AST, int]:
    """Return the syntax tree of a function, and the number of lines of its file before it."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError) as error:
        raise DataError(
            f"the source of {described} cannot be read, so its variables are not known; name a "
            "module that is called at every step, or give an object with start, step and readout"
        ) from error
    return tree, first - 1


def _within(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function in the order of the source, without functions inside it."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _within(child)


def _names(statements: list[ast.stmt], context: type[ast.expr_context]) -> set[str]:
    """Return the variables that statements assign or read; ``h += x`` does both."""
    found = set()
    for statement in statements:
        for node in [statement, *_within(statement)]:
            if isinstance(node, ast.Name) and isinstance(node.ctx, context):
                found.add(node.id)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return found


def _carried(tree: ast.AST) -> list[str]:
    """Return variables that a loop reads and assigns and that are assigned before it."""
    found: dict[str, None] = {}
    before = {a.arg for a in tree.args.args} if isinstance(tree, ast.FunctionDef) else set()
    for node in _within(tree):
        if isinstance(node, ast.For | ast.While):
            both = _names(node.body, ast.Store) & _names(node.body, ast.Load) & before
            found |= dict.fromkeys(sorted(both))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            before.add(node.id)
    return list(found)
