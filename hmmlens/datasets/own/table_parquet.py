"""Read the columns of a Parquet file, and report what is wrong with the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from hmmlens.datasets.own.table_columns import positions
from hmmlens.datasets.own.words import clean
from hmmlens.errors import DataError


def parquet_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file as they are written.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    list of str
        In the order of the file.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    with _parquet_errors(path):
        from pyarrow import parquet

        return [str(name) for name in parquet.read_schema(path).names]


def read_parquet(path: Path, wanted: list[str]) -> pd.DataFrame:
    """Return the named columns of a Parquet file; its index counts rows from 0.

    In columns with empty cells whole numbers are Python's, which are never rounded.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    wanted : list of str
        Names of columns.

    Returns
    -------
    pandas.DataFrame
        A row for each row of the file.

    Raises
    ------
    DataError
        When it cannot be read, or lacks a column.
    """
    raw = parquet_names(path)
    places = positions(path, [clean(name) for name in raw], wanted)
    with _parquet_errors(path):
        import pyarrow
        from pyarrow import parquet

        table = parquet.read_table(path, columns=[raw[place] for place in places.values()])
        table = table.select([raw[place] for place in places.values()])
        for column in table.schema:
            if pyarrow.types.is_nested(column.type):
                problem = f"holds {column.type} in each cell, wants one number or word"
                raise DataError(f"{path}, column {column.name!r}: {problem}")
        # Without pandas' metadata, so that what was an index is a column too.
        frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
        return frame.set_axis(list(places), axis=1)


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
    except (OSError, ValueError, NotImplementedError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {error}") from None
