"""How a module wants to be called with named inputs, from the signature of its ``forward``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NamedTuple, get_type_hints

from torch import Tensor, nn

from hmmlens.errors import DataError
from hmmlens.rnn.wrappers import unwrapped

#: The argument that holds the steps of each sequence.
LENGTHS = "lengths"

#: What a user can do where the names do not fit.
FEED = "or give feed, a function that takes the dict of tensors and returns (args, kwargs)"


class Convention(NamedTuple):
    """How a module is called with named inputs.

    Attributes
    ----------
    kind : {"keywords", "mapping", "record", "tensor"}
        As keyword arguments; as one dict; as one object of ``record``; as the only tensor.
    record : type or None
        A NamedTuple or dataclass.
    """

    kind: str
    record: Any = None

    def arguments(self, tensors: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of one call.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            The inputs.

        Returns
        -------
        args : tuple
            By position.
        kwargs : dict
            By name.
        """
        if self.kind == "keywords":
            return (), dict(tensors)
        if self.kind == "record":
            return (self.record(**tensors),), {}
        if self.kind == "tensor":
            return tuple(tensors.values()), {}
        return (dict(tensors),), {}


def takes_lengths(module: nn.Module) -> bool:
    """Return whether ``forward`` has an argument for the steps of each sequence.

    Parameters
    ----------
    module : torch.nn.Module
        The user's module.

    Returns
    -------
    bool
        Whether one is named ``lengths``.
    """
    return LENGTHS in inspect.signature(module.forward).parameters


def convention(module: nn.Module, names: Sequence[str]) -> Convention:
    """Return how a module is called with named inputs.

    Parameters
    ----------
    module : torch.nn.Module
        The user's module.
    names : sequence of str
        Names of the inputs.

    Returns
    -------
    Convention
        Keyword arguments where ``forward`` has them all, or takes any; else the one argument that
        it needs, an object where it is annotated as a NamedTuple or dataclass.

    Raises
    ------
    DataError
        When ``forward`` takes them in no such way; with the names and the signature.
    """
    module = unwrapped(module)
    signature = inspect.signature(module.forward)
    of_any_kind = list(signature.parameters.values())
    known = [p for p in of_any_kind if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    required = [p for p in known if p.default is p.empty and p.name != LENGTHS]
    by_name = {p.name for p in known if p.kind != p.POSITIONAL_ONLY}
    any_name = any(p.kind == p.VAR_KEYWORD for p in of_any_kind)
    needed = {p.name for p in required}
    if needed <= set(names) & by_name and (any_name or set(names) <= by_name):
        return Convention("keywords")
    alone = required or [p for p in known if p.name != LENGTHS]
    if len(alone) == 1 and not set(names) & {p.name for p in known} and (
        alone[0].kind != inspect.Parameter.KEYWORD_ONLY
    ):  # fmt: skip
        wanted = _annotation(module, alone[0])
        if _is_record(wanted):
            return _record(wanted, names)
        if wanted is not Tensor and not isinstance(module, nn.RNNBase):
            return Convention("mapping")
        if len(names) == 1:
            return Convention("tensor")
    raise DataError(
        f"the inputs are {', '.join(names)}, and {type(module).__name__}.forward{signature} takes "
        "them neither as keyword arguments nor as one dict; name the inputs as its arguments are, "
        f"{FEED}"
    )


def built(record: Any, tensors: Mapping[str, Any]) -> Any:
    """Return what a user's class makes of the inputs.

    Parameters
    ----------
    record : type
        A NamedTuple or dataclass, whose fields are the inputs; of another class the only argument
        is the dict.
    tensors : mapping of str to Tensor
        The inputs.

    Returns
    -------
    object
        An instance.
    """
    if not _is_record(record):
        return record(dict(tensors))
    return _record(record, list(tensors)).record(**tensors)


def _annotation(module: nn.Module, parameter: inspect.Parameter) -> Any:
    try:
        return get_type_hints(type(module).forward).get(parameter.name)
    except Exception:
        # Names that exist for type checkers alone.
        return parameter.annotation


def _is_record(kind: Any) -> bool:
    """Return whether a class is a NamedTuple or a dataclass."""
    named = isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named or (isinstance(kind, type) and is_dataclass(kind))


def _record(kind: Any, names: Sequence[str]) -> Convention:
    if is_dataclass(kind):
        own = [field for field in fields(kind) if field.init]
        allowed = [field.name for field in own]
        needed = [f.name for f in own if f.default is MISSING and f.default_factory is MISSING]
    else:
        allowed = list(kind._fields)
        needed = [name for name in allowed if name not in kind._field_defaults]
    if not set(needed) <= set(names) <= set(allowed):
        raise DataError(
            f"the inputs are {', '.join(names)}, and {kind.__name__} has the fields "
            f"{', '.join(allowed)}; name the inputs as its fields are, {FEED}"
        )
    return Convention("record", kind)
