"""Read the columns of a CSV file, and report what is wrong with the file."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd

from hmmlens.datasets.own.table_columns import positions
from hmmlens.datasets.own.table_parquet import parquet_names
from hmmlens.datasets.own.words import MISSING, clean
from hmmlens.errors import DataError

AS_WRITTEN: dict[str, Any] = {
    "encoding": "utf-8-sig",
    "skipinitialspace": True,
    # Blank lines count, so that records can be found again in the file.
    "skip_blank_lines": False,
    "keep_default_na": False,
}


def column_names(path: Path, separator: str = ",") -> list[str]:
    """Return the names of a table's columns, cleaned like words; empty where there is none.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    separator : str
        One character between the columns of a CSV file.

    Returns
    -------
    list of str
        In the order of the file.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    raw = _raw_names(path, separator)
    # What was read as one column may be several, separated by tabs.
    return raw if len(raw) == 1 else [clean(name) for name in raw]


def _raw_names(path: Path, separator: str) -> list[str]:
    if path.name.endswith(".parquet"):
        return parquet_names(path)
    with _csv_errors(path, separator):
        head = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, **AS_WRITTEN)
    return ["" if pd.isna(name) else str(name) for name in head.iloc[0]]


def check_columns(path: Path, separator: str, wanted: list[str]) -> None:
    """Look for columns in the header of a CSV or Parquet file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    separator : str
        One character between the columns of a CSV file.
    wanted : list of str
        Names of columns.

    Raises
    ------
    DataError
        When the file cannot be read, lacks a column, or holds one of them twice.
    """
    positions(path, column_names(path, separator), wanted)


def read_csv(path: Path, words: list[str], numbers: list[str], separator: str) -> pd.DataFrame:
    """Return the named columns of a CSV file; its index counts records, the header being 0.

    Columns of ``words`` come as text.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    words : list of str
        Columns of text.
    numbers : list of str
        Columns of numbers.
    separator : str
        One character between the columns of a CSV file.

    Returns
    -------
    pandas.DataFrame
        A row for each record.

    Raises
    ------
    DataError
        When it cannot be read, with the line where one is at fault, or lacks a column.
    """
    found = column_names(path, separator)
    places = positions(path, found, [*words, *numbers])
    columns = [str(place) for place in range(len(found))]
    empty = {column: [""] for column in columns}
    empty |= {str(places[name]): list(MISSING) for name in numbers if name not in words}
    with _csv_errors(path, separator), warnings.catch_warnings():
        # Where columns are picked here, or all lines are longer than the header, pandas cuts
        # lines short; values would then stand in wrong columns.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            path, sep=separator, header=0, names=columns,
            dtype={str(places[name]): str for name in words}, na_values=empty,
            index_col=False, low_memory=False, **AS_WRITTEN,
        )  # fmt: skip
    frame.index = frame.index + 1
    # Blank lines go; a row that was cut off stays, and its empty cells are found.
    frame = frame.dropna(how="all")
    return frame[[str(place) for place in places.values()]].set_axis(list(places), axis=1)


def line_in(path: Path, separator: str) -> Callable[[int], int]:
    """Return a function from a record's number, the header being 0, to the line it begins on.

    Quoted cells may hold ends of lines; lines are counted from 1, as an editor does.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    separator : str
        One character between the columns of a CSV file.

    Returns
    -------
    callable
        Takes the number of a record and returns that of its line.
    """

    def line(record: int) -> int:
        """Return the line on which a record begins.

        Parameters
        ----------
        record : int
            Number of the record.

        Returns
        -------
        int
            Counted from 1.
        """
        with _opened(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
            try:
                reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
                for _ in range(record):
                    next(reader)
            except (csv.Error, StopIteration, TypeError, ValueError):
                return record + 1
            return reader.line_num + 1

    return line


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _csv_errors(path: Path, separator: str) -> Iterator[None]:
    try:
        yield
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty") from None
    except pd.errors.ParserWarning:
        raise DataError(f"{path}: rows have more cells than the header has names") from None
    except UnicodeDecodeError:
        line = _first_line_not_utf8(path)
        raise DataError(f"{path}, line {line}: this is no text in UTF-8; save it as such") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path}{_reason(str(error).strip(), line_in(path, separator))}") from None


def _reason(message: str, line: Callable[[int], int]) -> str:
    """Return where and why pandas could not read a CSV file, as far as its message states it.

    What pandas calls lines and rows are records, counted from 1 and from 0.
    """
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        columns, record, cells = map(int, found.groups())
        where = line(record - 1)
        return f", line {where}: has {cells} cells, but the header has {columns} names"
    if found := re.search(r"EOF inside string starting at row (\d+)", message):
        return f", line {line(int(found[1]))}: a quote is opened and never closed"
    return f": cannot be read as CSV in UTF-8: {message}"


def _first_line_not_utf8(path: Path) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
