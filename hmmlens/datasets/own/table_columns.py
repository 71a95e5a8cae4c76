"""Names of the columns of a table: where wanted ones stand, and messages about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hmmlens.datasets.own.words import clean
from hmmlens.errors import DataError, did_you_mean

#: What may separate columns.
SEPARATORS = (",", ";", "\t", "|")

#: Names of columns that nobody named: indices of pandas, as to_csv and Parquet keep them.
_UNNAMED = re.compile(r"|Unnamed: [0-9]+|__index_level_[0-9]+__")


def is_unnamed(name: str) -> bool:
    """Return whether a column has no name of its own, such as an index that pandas wrote.

    Parameters
    ----------
    name : str
        Name of the column.

    Returns
    -------
    bool
        True for an index.
    """
    return _UNNAMED.fullmatch(name) is not None


def listed(names: Sequence[str]) -> str:
    """Return the names of a file's columns as messages show them.

    Parameters
    ----------
    names : sequence of str
        Names of columns.

    Returns
    -------
    str
        Separated by commas.
    """
    return ", ".join(name or "(a column without a name)" for name in names)


def other_separator(names: Sequence[str]) -> str | None:
    """Return what seems to separate the columns, where a header was read as one column.

    Parameters
    ----------
    names : sequence of str
        Names of columns, as they were read.

    Returns
    -------
    str or None
        None where there are several columns, or nothing separates them.
    """
    alone = names[0] if len(names) == 1 else ""
    return next((mark for mark in SEPARATORS if mark in alone), None)


def refuse_repeated(path: Path, column: str, found: Sequence[str]) -> None:
    """Raise DataError where the header holds a column twice.

    Parameters
    ----------
    path : pathlib.Path
        The file, for the message.
    column : str
        Name of the column.
    found : sequence of str
        Names of all columns.

    Raises
    ------
    DataError
        When the header holds the column twice.
    """
    if found.count(column) > 1:
        raise DataError(
            f"{path}: the header has {found.count(column)} columns {column!r}; rename all but one"
        )


def positions(path: Path, found: list[str], wanted: list[str]) -> dict[str, int]:
    """Return the place of each wanted column among those of a file.

    Parameters
    ----------
    path : pathlib.Path
        The file, for the message.
    found : list of str
        Names of all columns, cleaned like words.
    wanted : list of str
        Names of the wanted columns.

    Returns
    -------
    dict of str to int
        Name -> place, counted from 0.

    Raises
    ------
    DataError
        When a wanted column is missing, or there twice.
    """
    for column in wanted:
        name = clean(column)
        if name not in found:
            other = other_separator(found)
            hint = f" (is it separated by {other!r}? then set separator)" if other else ""
            raise DataError(
                f"{path}: column {column!r} is missing{did_you_mean(column, found)}; "
                f"the file has: {listed(found)}{hint}"
            )
        refuse_repeated(path, name, found)
    return {column: found.index(clean(column)) for column in wanted}
