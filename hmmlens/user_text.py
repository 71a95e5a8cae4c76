r"""Text of the user's (titles, names of columns, labels, layers) as each medium can show it.

A name may hold anything: ``$``, ``<script>``, line breaks, escape sequences of a terminal, letters
that a font lacks, bytes that are no text. Every place at which such a text enters a medium passes
it through the function of that medium:

============================  ==========================================================
:func:`line`                  one line of plain text: sentences, Typst, HTML before escaping
:func:`block`                 several lines of plain text: terminals, logs, text files
:func:`html`                  a piece of an HTML page
:func:`figure`                a text of a matplotlib figure; :func:`figure_names` for many
:func:`cell`                  a cell of a CSV file that a spreadsheet may open
:func:`json_text`             JSON that may stand within a ``<script>`` of a page
============================  ==========================================================

LaTeX is escaped by :meth:`pandas.DataFrame.to_latex`, after :func:`line`. Typst templates read text
from JSON and CSV as strings, which are never read as markup.
"""

from __future__ import annotations

import html as _html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: What stands for a byte that is no text, and for a character that a figure's font lacks.
UNREADABLE, MISSING = "\N{REPLACEMENT CHARACTER}", "\N{WHITE SQUARE}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
#: Font of the figures, which matplotlib brings along.
FONT = "DejaVu Sans"

# Escape sequences of terminals: CSI, OSC and other strings up to their end, and two characters.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
#: Characters that reorder the text after them, so that it reads as something else.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(r"[\s\u2028\u2029]+")
#: Beginnings that spreadsheets take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def readable(text: str) -> str:
    """Return text that can be written to a file: what stands for no text is replaced.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Text that UTF-8 can encode.
    """
    return _SURROGATES.sub(UNREADABLE, text)


def block(text: object) -> str:
    """Return text without anything that steers a terminal; lines stay apart.

    Escape sequences, control characters and characters that reorder text are left out; tabs become
    blanks, and what stands for bytes that are no text (as in names of files that are not UTF-8)
    becomes the replacement character.

    Parameters
    ----------
    text : object
        Any text, or what is shown as one.

    Returns
    -------
    str
        Any number of lines.
    """
    clean = readable(_ESCAPES.sub("", str(text)))
    clean = _BIDI.sub("", clean.replace("\r\n", "\n").replace("\t", "    "))
    return "".join(c for c in clean if c == "\n" or unicodedata.category(c) != "Cc")


def line(text: object) -> str:
    """Return :func:`block` in one line: blanks and line breaks in a row become one blank.

    Parameters
    ----------
    text : object
        Any text, or what is shown as one.

    Returns
    -------
    str
        Without line breaks.
    """
    spaced = _BLANKS.sub(" ", _ESCAPES.sub("", str(text)))
    return " ".join(block(spaced).split())


def lines_of(value: Any) -> Any:
    """Return a value of dicts, lists and scalars with :func:`line` of every text, keys as well.

    Parameters
    ----------
    value : object
        A value of dicts, lists and scalars.

    Returns
    -------
    object
        A new value of the same form.
    """
    if isinstance(value, str):
        return line(value)
    if isinstance(value, Mapping):
        return {lines_of(key): lines_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [lines_of(item) for item in value]
    return value


def html(text: object) -> str:
    """Return text that a browser shows as it is, within elements and quoted attributes.

    Parameters
    ----------
    text : object
        Any text, or what is shown as one.

    Returns
    -------
    str
        Escaped.
    """
    return _html.escape(line(text))


def json_text(value: Any) -> str:
    """Return JSON in ASCII that ends no ``<script>`` in which it stands.

    Parameters
    ----------
    value : object
        A value of dicts, lists and scalars.

    Returns
    -------
    str
        ASCII.
    """
    text = json.dumps(value)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def cell(value: Any) -> Any:
    """Return a value for a CSV file: a text that a spreadsheet would run as a formula is quoted.

    Such a text begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return; it gets a
    leading apostrophe, by which spreadsheets know text. Numbers stay as they are, also those that
    are written as text.

    Parameters
    ----------
    value : object
        Any value of a cell.

    Returns
    -------
    object
        Of the same type.
    """
    if not isinstance(value, str):
        return value
    text = readable(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for a CSV file: :func:`cell` of every text, and of the columns' names.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.

    Returns
    -------
    pandas.DataFrame
        A new table.
    """
    return _mapped(frame, cell)


def lines(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for a page or LaTeX: :func:`line` of every text, and of columns' names.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.

    Returns
    -------
    pandas.DataFrame
        A new table.
    """
    return _mapped(frame, lines_of)


def _mapped(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    changed = {}
    for name in frame.columns:
        if frame[name].dtype.kind == "O":
            texts = [change(value) for value in frame[name]]
            # Columns without such a text keep their type, and so their bytes in a file.
            if any(isinstance(t, str) and t != v for t, v in zip(texts, frame[name], strict=True)):
                changed[name] = texts
    return frame.assign(**changed).rename(columns=change)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def short(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters; of a longer one the middle is left out.

    Parameters
    ----------
    text : str
        Any text.
    width : int
        Number of characters, at most.

    Returns
    -------
    str
        With an ellipsis where characters are left out.
    """
    if len(text) <= width:
        return text
    head = width // 2
    return text[:head] + ELLIPSIS + text[len(text) - (width - 1 - head) :]


def figure(text: object, width: int | None = None) -> str:
    """Return text for a matplotlib figure, shown as it is.

    Characters that the font lacks become :data:`MISSING`, and a dollar sign begins no formula.

    Parameters
    ----------
    text : object
        Any text, or what is shown as one.
    width : int, optional
        Longer texts are shortened in the middle to as many characters.

    Returns
    -------
    str
        Text that begins no formula.
    """
    return _dollars(_drawable(text, width))


def figure_names(names: Sequence[object], width: int | None = None) -> list[str]:
    """Return :func:`figure` of names; those that look the same get their number in brackets.

    Parameters
    ----------
    names : sequence
        Any texts.
    width : int, optional
        Longer texts are shortened in the middle to as many characters.

    Returns
    -------
    list of str
        All different.
    """
    shown = [_drawable(name, width) for name in names]
    counts = Counter(shown)
    return [
        _dollars(text if counts[text] == 1 and text else f"{text} [{i + 1}]".strip())
        for i, text in enumerate(shown)
    ]


def _dollars(text: str) -> str:
    return text.replace("$", r"\$")


def _drawable(text: object, width: int | None) -> str:
    known = _glyphs()
    # Joiners and selectors of variants are not drawn.
    kept = (c for c in line(text) if unicodedata.category(c) != "Cf" and not _is_selector(c))
    drawn = "".join(c if ord(c) in known else MISSING for c in kept)
    return drawn if width is None else short(drawn, width)


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


@cache
def _glyphs() -> frozenset[int]:
    """Return the characters that the font of the figures has, upright and bold."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    found = [
        set(get_font(findfont(FontProperties(family=FONT, weight=weight))).get_charmap())
        for weight in ("normal", "bold")
    ]
    return frozenset(found[0] & found[1])
