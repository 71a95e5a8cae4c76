"""Read the columns of a CSV or Parquet file, and say what is wrong with the file."""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from hmmlens.config_errors import did_you_mean
from hmmlens.errors import DataError

#: What may separate columns.
SEPARATORS = (",", ";", "\t", "|")

#: What stands in a cell for a number that is missing.
NO_NUMBER = ["", "NA", "N/A", "NaN", "nan"]

AS_WRITTEN: dict[str, Any] = {
    "encoding": "utf-8-sig",
    "skipinitialspace": True,
    # Blank lines count, so that lines have the numbers that an editor shows.
    "skip_blank_lines": False,
    "keep_default_na": False,
}


def column_names(path: Path, separator: str = ",") -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    if path.name.endswith(".parquet"):
        with _parquet_errors(path):
            from pyarrow import parquet

            return [str(name) for name in parquet.read_schema(path).names]
    with _csv_errors(path):
        head = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, **AS_WRITTEN)
    return [str(name) for name in head.iloc[0]]


def _check_columns(path: Path, found: list[str], wanted: list[str]) -> None:
    for column in wanted:
        if column not in found:
            alone = found[0] if len(found) == 1 else ""
            other = next((mark for mark in SEPARATORS if mark in alone), None)
            hint = f" (is it separated by {other!r}? then set separator)" if other else ""
            raise DataError(
                f"{path}: column {column!r} is missing{did_you_mean(column, found)}; "
                f"the file has: {', '.join(found)}{hint}"
            )
        if found.count(column) > 1:
            raise DataError(f"{path}: there are {found.count(column)} columns {column!r}")


def read_csv(path: Path, words: list[str], numbers: list[str], separator: str) -> pd.DataFrame:
    """Return the named columns of a CSV file; its index counts lines as an editor does.

    Raises
    ------
    DataError
        When it cannot be read, with the line where one is at fault, or lacks a column.
    """
    _check_columns(path, column_names(path, separator), [*words, *numbers])
    empty = {name: [""] for name in words} | {name: NO_NUMBER for name in numbers}
    with _csv_errors(path), warnings.catch_warnings():
        # Where columns are picked here, or all lines are longer than the header, pandas cuts
        # lines short; values would then stand in wrong columns.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            path, sep=separator, dtype=dict.fromkeys(words, str), na_values=empty,
            index_col=False, low_memory=False, **AS_WRITTEN,
        )  # fmt: skip
    frame.index = frame.index + 2
    return frame[list(empty)].dropna(how="all")


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
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
        raise DataError(f"{path}{_reason(str(error).strip())}") from None


def _reason(said: str) -> str:
    """Return where and why pandas could not read a CSV file, as far as it says so."""
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        columns, line, cells = found.groups()
        return f", line {line}: has {cells} cells, but the header has {columns} names"
    if found := re.search(r"EOF inside string starting at row (\d+)", said):
        return f", line {int(found[1]) + 1}: a quote is opened and never closed"
    return f": cannot be read as CSV in UTF-8: {said}"


def _first_line_not_utf8(path: Path) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def read_parquet(path: Path, wanted: list[str]) -> pd.DataFrame:
    """Return the named columns of a Parquet file; its index counts rows from 0.

    Raises
    ------
    DataError
        When it cannot be read, or lacks a column.
    """
    _check_columns(path, column_names(path), wanted)
    with _parquet_errors(path):
        import pyarrow
        from pyarrow import parquet

        table = parquet.read_table(path, columns=list(dict.fromkeys(wanted)))
        for column in table.schema:
            if pyarrow.types.is_nested(column.type):
                told = f"holds {column.type} in each cell, wants one number or word"
                raise DataError(f"{path}, column {column.name!r}: {told}")
        # Without pandas' metadata, so that what was an index is a column too.
        return table.to_pandas(ignore_metadata=True)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise DataError(
            f"{path}: reading Parquet needs the package pyarrow; install it with "
            "pip install pyarrow, or give a CSV file"
        ) from None
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {error}") from None
