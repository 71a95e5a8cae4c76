"""The output that is explained among all that a module returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from hmmlens.errors import DataError, did_you_mean


def chosen_output(result: Any, output: str | int) -> Any:
    """Return one part of what a module returned.

    Parameters
    ----------
    result : object
        What it returned.
    output : str or int
        Key of a mapping; name of a field or attribute; or index of a tuple or list, which may be
        written in digits.

    Returns
    -------
    object
        The part.

    Raises
    ------
    DataError
        When there is no such part; with the names that there are.

    Examples
    --------
    >>> chosen_output({"y_hat": 1, "h_n": 2}, "y_hat"), chosen_output((1, 2), "1")
    (1, 2)
    """
    if isinstance(result, Mapping) and output in result:
        return result[output]
    index = _index(output)
    if index is not None and isinstance(result, list | tuple) and -len(result) <= index < (
        len(result)
    ):  # fmt: skip
        return result[index]
    names = _names(result)
    if isinstance(output, str) and (output in names or (not names and hasattr(result, output))):
        return getattr(result, output)
    if names:
        has = f"it returns {', '.join(names)}"
    elif isinstance(result, list | tuple):
        has = f"it returns a {type(result).__name__} of {len(result)}, counted from 0"
    else:
        has = f"it returns a {type(result).__name__}"
    hint = did_you_mean(output, names) if isinstance(output, str) else ""
    raise DataError(f"the network returns no output {output!r}{hint}; {has}")


def _index(output: str | int) -> int | None:
    if isinstance(output, int):
        return output
    return int(output) if output.isdecimal() else None


def _names(result: Any) -> list[str]:
    """Return the names of the parts of a mapping, NamedTuple or dataclass."""
    if isinstance(result, Mapping):
        return [str(name) for name in result]
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return list(result._fields)
    return [field.name for field in fields(result)] if is_dataclass(result) else []
