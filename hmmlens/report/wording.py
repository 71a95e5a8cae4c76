"""Numbers as they stand in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 2) -> str:
    """Return a number as text, with a minus sign, never ``-0``; "not known" for NaN.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Number of decimals.

    Returns
    -------
    str
        Text of the number.
    """
    if np.isnan(value):
        return "not known"
    if np.isinf(value):
        return "infinite"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def estimate(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return a number with its 95 % interval in brackets, where it has one.

    Parameters
    ----------
    value : float
        The number.
    low : float
        Lower limit of the interval.
    high : float
        Upper limit of the interval.
    digits : int
        Number of decimals.

    Returns
    -------
    str
        Text of the number.
    """
    text = number(value, digits)
    if np.isnan(low) or np.isnan(high):
        return text
    return f"{text} ({number(low, digits)} to {number(high, digits)})"


def of_row(row: Mapping[str, Any], name: str, digits: int = 2) -> str:
    """Return :func:`estimate` of ``name``, ``name_low`` and ``name_high``.

    Parameters
    ----------
    row : mapping of str to object
        Row with ``name``, ``name_low`` and ``name_high``.
    name : str
        Name of the quantity.
    digits : int
        Number of decimals.

    Returns
    -------
    str
        Text of the number.
    """
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return estimate(value, low, high, digits)


def p_text(p: float) -> str:
    """Return a p value in words.

    Parameters
    ----------
    p : float
        The p value; NaN where it is not known.

    Returns
    -------
    str
        Text of the p value.
    """
    return "p not known" if np.isnan(p) else f"p = {p:.2g}"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Parameters
    ----------
    n : int
        The number.
    noun : str
        The noun in the singular.
    plural : str, optional
        The plural, where it is irregular.

    Returns
    -------
    str
        Number and noun.
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def listed(words: Iterable[str]) -> str:
    """Return words with commas between them, and "and" before the last.

    Parameters
    ----------
    words : iterable of str
        The words.

    Returns
    -------
    str
        The list as one text.
    """
    parts = list(words)
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def span(values: pd.Series, digits: int = 2) -> str:
    """Return one number, or the smallest and largest with "to" between where they differ.

    Parameters
    ----------
    values : Series
        The numbers; NaN are left out.
    digits : int
        Number of decimals.

    Returns
    -------
    str
        Text of the number or the range.
    """
    finite = values.dropna()
    if finite.empty:
        return "not known"
    low, high = (
        f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
        for value in (finite.min(), finite.max())
    )
    return low if low == high else f"{low} to {high}"


def whole_span(values: pd.Series) -> str:
    """Return :func:`span` of whole numbers.

    Parameters
    ----------
    values : Series
        The numbers; NaN are left out.

    Returns
    -------
    str
        Text of the number or the range.
    """
    return span(values.astype(float), 0)
