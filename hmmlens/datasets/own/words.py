"""Read cells as words: ids, groups, labels and split names, whatever format they come from.

The same word has one spelling, so that no sequence, group or label falls into two by a blank that
nobody sees or by the notation of a number:

- Unicode is normalised (NFC); every kind of blank counts as an ordinary one, several count as one,
  and blanks at the ends are dropped, as are characters without width.
- A cell that holds one of :data:`MISSING` is missing.
- Where every word of a column is a whole number, ``2.0`` is ``2``, as pandas writes whole numbers
  in columns with empty cells. Leading zeros make words of numbers: ``01`` and ``1`` are two words,
  and in a column that holds ``01`` every word stays as it is written.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.typing import Int64s

log = logging.getLogger(__name__)

#: What stands in a cell for a missing value: the words that pandas takes for one by default.
MISSING = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan",
     "None", "null", "NULL", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN")
)  # fmt: skip

#: From here on, double precision does not distinguish neighbouring whole numbers.
ROUNDED_FROM = 2**53

_NO_WIDTH = dict.fromkeys(map(ord, "\ufeff\u200b\u2060"))
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)(\.0*)?")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")


class BadCellError(ValueError):
    """A cell that is no word.

    Parameters
    ----------
    place : int
        Number of the cell, from 0.
    found : str
        What the cell holds.
    wants : str
        What is allowed.
    """

    def __init__(self, place: int, found: str, wants: str) -> None:
        super().__init__(f"found {found}, wants {wants}")
        self.place, self.found, self.wants = place, found, wants


class Words(NamedTuple):
    """A column of words.

    Attributes
    ----------
    codes : ndarray of int, shape (row,)
        The word of each row, -1 where it is missing.
    names : list of str
        The words, in order of their first appearance.
    """

    codes: Int64s
    names: list[str]


def clean(text: str) -> str:
    """Return text in normal form (NFC) with single ordinary blanks, and none at its ends.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The same for texts that look the same.
    """
    return " ".join(unicodedata.normalize("NFC", text).translate(_NO_WIDTH).split())


def read_words(cells: pd.Series | Sequence[Any] | NDArray[Any]) -> Words:
    """Read a column of cells as words.

    Parameters
    ----------
    cells : array_like of shape (row,)
        Text, bytes in UTF-8, whole or other numbers, booleans, dates; or missing.

    Returns
    -------
    Words
        The words of the column.

    Raises
    ------
    BadCellError
        When a cell holds bytes that are no text in UTF-8, or a floating-point number of
        ``ROUNDED_FROM`` or more, which may stand for several whole numbers.
    """
    codes, kinds = pd.factorize(pd.Series(cells))
    # As NumPy's own numbers, which are written as short as their precision allows.
    kinds = kinds.to_numpy() if kinds.dtype.kind == "f" else kinds.astype(object)
    texts: list[str | None] = []
    for code, value in enumerate(kinds):
        try:
            text = _text(value)
        except ValueError as error:
            place = int(np.flatnonzero(codes == code)[0])
            raise BadCellError(place, f"{value!s:.40}", str(error)) from None
        texts.append(None if text in MISSING else text)
    known = [text for text in texts if text is not None]
    if all(_WHOLE.fullmatch(text) for text in known):
        texts = [None if text is None else _whole(text) for text in texts]
    names = list(dict.fromkeys(text for text in texts if text is not None))
    place_of = {name: code for code, name in enumerate(names)}
    # The last entry stands for cells that are missing, whose code is -1.
    merged = np.array([-1 if t is None else place_of[t] for t in texts] + [-1], dtype=np.int64)
    return Words(merged[codes], names)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise ValueError("text in UTF-8") from None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        if abs(float(value)) >= ROUNDED_FROM:
            raise ValueError(
                "text or a whole number: floating-point numbers of this size are rounded, so that "
                "different ones may look the same"
            )
        return f"{int(value)}.0"
    return clean(str(value))


def _whole(text: str) -> str:
    return str(int(text.partition(".")[0]))


def by_number(word: str) -> tuple[float, str]:
    """Return a key that sorts numbers by their size and puts other words behind them.

    Parameters
    ----------
    word : str
        A word.

    Returns
    -------
    tuple of float and str
        The key.
    """
    return (float(word) if _NUMBER.fullmatch(word) else np.inf, word)


def look_alikes(names: Sequence[str]) -> tuple[str, str] | None:
    """Return two words that differ by upper and lower case or as one number is written, or None.

    Parameters
    ----------
    names : sequence of str
        Words.

    Returns
    -------
    tuple of two str, or None
        None where all look different.
    """
    seen: dict[Any, str] = {}
    for name in names:
        key = Decimal(name).normalize() if _NUMBER.fullmatch(name) else name.casefold()
        if key in seen:
            return seen[key], name
        seen[key] = name
    return None


def warn_of_look_alikes(names: Sequence[str], where: str) -> None:
    """Log a warning where two words of a column look alike; they stay two.

    Parameters
    ----------
    names : sequence of str
        Words of a column.
    where : str
        The column, for the message.
    """
    if pair := look_alikes(names):
        log.warning("%s: %r and %r look alike and are read as two", where, *pair)
