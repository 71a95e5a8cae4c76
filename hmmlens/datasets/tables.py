"""Read sequences from a CSV or Parquet table with one row for each step.

What does not fit is told by file, line (CSV, as an editor counts them) or row (Parquet, from 0),
and column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.config_errors import did_you_mean
from hmmlens.config_files import TableData
from hmmlens.datasets.content import MOST_KINDS, SPLITS, Content, kind_names
from hmmlens.datasets.table_files import read_csv, read_parquet
from hmmlens.errors import DataError

#: Steps may differ from the claimed one by this share of it, for times are often rounded.
STEP_TOLERANCE = 0.01


def read_table(path: Path, settings: TableData) -> Content:
    """Read a table.

    Raises
    ------
    DataError
        With the file, line or row, and column where something does not fit.
    """
    columns = settings.columns
    words = [c for c in (columns.sequence, columns.truth, columns.group, columns.split) if c]
    numbers = [columns.time, *columns.inputs, *(columns.targets or [])]
    if path.name.endswith(".parquet"):
        table = _Table(path, read_parquet(path, [*words, *numbers]), "row")
    else:
        table = _Table(path, read_csv(path, words, numbers, settings.separator), "line")
    if table.frame.empty:
        raise DataError(f"{path}: there is no row below the header")
    rows = _in_sequences(table, columns.sequence, columns.time, settings.time_step)
    names = {"sequence": rows.names}
    target = state = split = group = None

    def steps(which: str, of: list[str], kind: str, may_lack: bool) -> NDArray[Any]:
        if kind == "symbols":
            codes = table.symbols(of[0], may_lack)
            names[which] = kind_names(codes, of[0], path)
            return rows.padded(codes, -1 if may_lack else 0)
        names[which] = of
        flat = np.stack([table.values(column, may_lack) for column in of], axis=1)
        return rows.padded(flat, np.nan if may_lack else 0.0)

    inputs = steps("input", columns.inputs, settings.input_kind, False)
    if columns.targets:
        kind = settings.target_kind or settings.input_kind
        target = steps("target", columns.targets, kind, True)
    if columns.truth:
        names["state"], labels = table.labels(columns.truth)
        state = rows.padded(labels, -1)
    if columns.group:
        found, group = np.unique(rows.constant(table, columns.group), return_inverse=True)
        names["group"] = [str(name) for name in found]
    if columns.split:
        each = rows.constant(table, columns.split)
        for row, word in zip(rows.order[rows.starts], each, strict=True):
            if word not in SPLITS:
                hint = did_you_mean(word, SPLITS)
                wants = f"found {word!r}{hint}, wants one of: {', '.join(SPLITS)}"
                table.refuse(row, columns.split, wants)
        split = np.array([SPLITS.index(word) for word in each])
    truth = columns.truth or ""
    return Content(inputs, target, rows.length, state, split, group, names, truth)


# --- Rows and columns -----------------------------------------------------------------------


class _Table(NamedTuple):
    """The columns of a file that matter; its index counts rows as the messages do."""

    path: Path
    frame: pd.DataFrame
    unit: str

    def refuse(self, row: int, column: str, what: str) -> NoReturn:
        """Raise DataError about one cell; ``row`` counts from 0."""
        where = f"{self.unit} {self.frame.index[row]}"
        raise DataError(f"{self.path}, {where}, column {column!r}: {what}")

    def _refuse_first(self, flags: NDArray[np.bool_], column: str, wants: str) -> None:
        if flags.any():
            row = int(np.flatnonzero(flags)[0])
            cell = self.frame[column].iloc[row]
            found = "an empty cell" if pd.isna(cell) else f"{cell!s:.40}"
            self.refuse(row, column, f"found {found}, wants {wants}")

    def _numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of numbers (row), NaN where a cell is empty."""
        cells = self.frame[column]
        if cells.dtype.kind in "mM":
            self.refuse(0, column, "found dates or durations, wants numbers, such as seconds")
        if not pd.api.types.is_numeric_dtype(cells):
            texts = cells.astype(object).where(cells.notna(), None)
            numbers = pd.to_numeric(texts.map(str, na_action="ignore"), errors="coerce")
            bad = (numbers.isna() & cells.notna()).to_numpy()
            self._refuse_first(bad, column, "a number")
            cells = numbers
        return np.asarray(cells.to_numpy(dtype=np.float64, na_value=np.nan))

    def values(self, column: str, may_lack: bool) -> NDArray[np.float64]:
        """Return finite numbers (row), or NaN where a cell is empty and may be."""
        numbers = self._numbers(column)
        bad = np.isinf(numbers) if may_lack else ~np.isfinite(numbers)
        self._refuse_first(bad, column, "a finite number")
        return numbers

    def symbols(self, column: str, may_lack: bool) -> NDArray[np.int64]:
        """Return whole numbers from 0 (row), or -1 where a cell is empty and may be."""
        numbers = self._numbers(column)
        whole = (numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 2**31)
        bad = ~whole & ~np.isnan(numbers) if may_lack else ~whole
        self._refuse_first(bad, column, "a symbol, a whole number of 0 or more")
        return np.where(np.isnan(numbers), -1, numbers).astype(np.int64)

    def words(self, column: str, may_lack: bool = False) -> NDArray[np.object_]:
        """Return text (row), empty where a cell is."""
        cells = self.frame[column]
        empty = cells.isna().to_numpy()
        if not may_lack:
            self._refuse_first(empty, column, "a word or number on every row")
        # Whole numbers beside empty cells come as 1.0.
        cells = cells.convert_dtypes() if cells.dtype.kind == "f" else cells
        found = cells.astype(object).to_numpy()
        return np.array(["" if e else str(c) for c, e in zip(found, empty, strict=True)], object)

    def labels(self, column: str) -> tuple[list[str], NDArray[np.int64]]:
        """Return the different labels of a column and the code of each row's, -1 if unknown."""
        words = self.words(column, may_lack=True)
        unknown = ("", "-1")
        names = sorted({str(word) for word in words} - set(unknown), key=_by_number)
        if len(names) > MOST_KINDS:
            raise DataError(
                f"{self.path}, column {column!r}: holds {len(names)} different labels, but at "
                f"most {MOST_KINDS} kinds of truth are told apart; name states, not values"
            )
        codes = {name: code for code, name in enumerate(names)} | dict.fromkeys(unknown, -1)
        return names, np.array([codes[word] for word in words], dtype=np.int64)


def _by_number(word: str) -> tuple[float, str]:
    return (int(word), word) if word.isdecimal() else (np.inf, word)


class _Rows(NamedTuple):
    """Which row of a table is which step.

    order : (row), rows sequence by sequence in order of time
    code : (row), the sequence of each row, in the order of the file
    length, starts : (sequence), the latter into ``order``
    names : (sequence)
    """

    order: NDArray[np.int64]
    code: NDArray[np.int64]
    length: NDArray[np.int64]
    starts: NDArray[np.int64]
    names: list[str]

    def padded(self, flat: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return (row, ...) as (sequence, time, ...)."""
        inside = np.arange(self.length.max()) < self.length[:, None]
        out = np.full((*inside.shape, *flat.shape[1:]), fill, dtype=flat.dtype)
        out[inside] = flat[self.order]
        return out

    def constant(self, table: _Table, column: str) -> NDArray[np.object_]:
        """Return what a column says of each sequence, which must be the same on all its rows."""
        words = table.words(column)
        first: NDArray[np.object_] = words[self.order[self.starts]]
        odd = np.flatnonzero(words != first[self.code])
        if len(odd):
            row, sequence = int(odd[0]), self.code[odd[0]]
            table.refuse(
                row, column,
                f"found {words[row]!r}, but sequence {self.names[sequence]!r} begins with "
                f"{first[sequence]!r}; all rows of a sequence must say the same",
            )  # fmt: skip
        return first


def _in_sequences(table: _Table, sequence: str, time: str, time_step: float | None) -> _Rows:
    """Find the sequences, and check that time rises in each, by ``time_step`` if that is given."""
    code, names = pd.factorize(table.words(sequence))
    clock = table.values(time, may_lack=False)
    order = np.argsort(code, kind="stable")
    length = np.bincount(code)
    starts = np.cumsum(length) - length
    short = np.flatnonzero(length < 2)
    if len(short):
        row = int(order[starts[short[0]]])
        told = f"sequence {names[short[0]]!r} has 1 step, wants 2 or more; leave it out"
        table.refuse(row, sequence, told)
    pairs = pd.DataFrame({"code": code, "clock": clock})
    again = np.flatnonzero(pairs.duplicated().to_numpy())
    if len(again):
        row = int(again[0])
        same = (code == code[row]) & (clock == clock[row])
        before = table.frame.index[int(np.flatnonzero(same)[0])]
        told = f"sequence {names[code[row]]!r} has time {clock[row]:g} twice, first in "
        table.refuse(row, time, f"{told}{table.unit} {before}; keep one of them")
    within = np.diff(code[order]) == 0
    gap = np.diff(clock[order])
    falls = np.flatnonzero(within & (gap < 0))
    if len(falls):
        row = int(order[falls[0] + 1])
        told = f"{clock[row]:g} comes after a later time in sequence {names[code[row]]!r}"
        table.refuse(row, time, f"{told}; sort its rows by time")
    if time_step is not None:
        uneven = np.flatnonzero(within & (np.abs(gap - time_step) > STEP_TOLERANCE * time_step))
        if len(uneven):
            row = int(order[uneven[0] + 1])
            told = f"{clock[row]:g} comes {gap[uneven[0]]:g} after the step before in sequence "
            told += f"{names[code[row]]!r}, but time_step is {time_step:g}"
            remedy = "fill the gap, make it two sequences, or leave time_step out"
            table.refuse(row, time, f"{told}; {remedy}")
    return _Rows(order, code, length, starts, [str(name) for name in names])
