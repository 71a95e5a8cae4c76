"""Types of arguments: what is written on the command line, checked and read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any


def json_object(text: str) -> dict[str, Any]:
    """Return an object of JSON.

    Parameters
    ----------
    text : str
        What is written on the command line.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    argparse.ArgumentTypeError
        When the text is anything else.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is no JSON object, such as {{"n_units": 8}}')
    return found


def factory(text: str) -> str:
    """Return the name of a function, as ``my_module:build``.

    Parameters
    ----------
    text : str
        What is written on the command line.

    Returns
    -------
    str
        The same.

    Raises
    ------
    argparse.ArgumentTypeError
        When the text is anything else.
    """
    module, colon, function = text.partition(":")
    if not colon or not all(name.isidentifier() for name in [*module.split("."), function]):
        raise argparse.ArgumentTypeError(f"{text!r} is not as my_module:build is")
    return text


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a type of whole numbers.

    Parameters
    ----------
    least : int
        The smallest number, 0 or more.
    most : int, optional
        The largest number; by default there is none.

    Returns
    -------
    callable
        Takes what is written on the command line and returns the number. It raises an
        :class:`argparse.ArgumentTypeError` when the text is anything else.
    """
    wanted = f"of {least} or more" if most is None else f"from {least} to {most}"

    def _number(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number {wanted}")
        return int(text)

    return _number


#: A number of states, fits or steps.
count = whole_number(1)
#: A seed of random draws.
seed = whole_number(0, 2**32 - 1)


def counts(text: str) -> list[int]:
    """Return the numbers of ``1-12`` or ``1,2,4,8``.

    Parameters
    ----------
    text : str
        What is written on the command line.

    Returns
    -------
    list of int
        They rise.

    Raises
    ------
    argparse.ArgumentTypeError
        When the text is anything else.
    """
    first, dash, last = text.partition("-")
    if dash:
        numbers = list(range(count(first), count(last) + 1))
    else:
        numbers = [count(part.strip()) for part in text.split(",")]
    if not numbers or sorted(set(numbers)) != numbers:
        raise argparse.ArgumentTypeError(f"{text!r} must rise, as 1-12 or 1,2,4,8 do")
    return numbers
