"""Types of arguments: what is written on the command line, checked and read."""

from __future__ import annotations

import argparse
import json
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


def _natural(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


def seed(text: str) -> int:
    """Return a seed.

    Parameters
    ----------
    text : str
        What is written on the command line.

    Returns
    -------
    int
        From 0 to 2**32 - 1.

    Raises
    ------
    argparse.ArgumentTypeError
        When the text is anything else.
    """
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {2**32 - 1}")
    return int(text)


def count(text: str) -> int:
    """Return a number of 1 or more.

    Parameters
    ----------
    text : str
        What is written on the command line.

    Returns
    -------
    int
        The number.

    Raises
    ------
    argparse.ArgumentTypeError
        When the text is anything else.
    """
    return _natural(text, 1)


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
