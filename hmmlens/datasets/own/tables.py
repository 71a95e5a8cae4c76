"""Read sequences from a CSV or Parquet table with one row for each step.

Errors name the file, the line (CSV, as an editor counts them) or row (Parquet, from 0), and the
column of what does not fit.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.datasets.content import LARGEST, MOST_KINDS, SMALLER, Content, kind_names
from hmmlens.datasets.own.table_files import line_in, read_csv
from hmmlens.datasets.own.table_parquet import read_parquet
from hmmlens.datasets.own.words import (
    BadCellError,
    Words,
    by_number,
    clean,
    read_words,
    warn_of_look_alikes,
)
from hmmlens.datasets.splits import SPLITS
from hmmlens.errors import DataError, did_you_mean
from hmmlens.typing import Bools, Floats, Int64s

if TYPE_CHECKING:
    from hmmlens.datasets.own.table import TableData

log = logging.getLogger(__name__)

#: Steps may differ from the claimed one by this share of it, for times are often rounded.
STEP_TOLERANCE = 0.01


def read_table(path: Path, settings: TableData, missing: bool = False) -> Content:
    """Read a table.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    settings : TableData
        The dataset's section of the study.
    missing : bool, default=False
        Whether cells of input values may be empty.

    Returns
    -------
    Content
        Sequences, padded to the longest.

    Raises
    ------
    DataError
        With the file, line or row, and column where something does not fit.
    """
    columns = settings.columns
    words = [c for c in (columns.sequence, columns.truth, columns.group, columns.split) if c]
    numbers = [columns.time, *columns.inputs, *(columns.targets or [])]
    if path.name.endswith(".parquet"):
        table = _Table(path, read_parquet(path, [*words, *numbers]), "row", int)
    else:
        frame = read_csv(path, words, numbers, settings.separator)
        table = _Table(path, frame, "line", line_in(path, settings.separator))
    if table.frame.empty:
        raise DataError(f"{path}: there is no row below the header")
    rows = _in_sequences(table, columns.sequence, columns.time, settings.time_step)
    names = {"sequence": rows.names}
    target = state = split = group = None

    def steps(which: str, of: list[str], kind: str, may_lack: bool) -> NDArray[Any]:
        """Return columns as the array of inputs or targets.

        Parameters
        ----------
        which : str
            ``input`` or ``target``.
        of : list of str
            Names of the columns.
        kind : str
            ``symbols`` or ``values``.
        may_lack : bool
            Whether cells may be empty.

        Returns
        -------
        ndarray of shape (sequence, time) or (sequence, time, column)
            Padded.
        """
        if kind == "symbols":
            codes = table.symbols(of[0], may_lack)
            names[which] = kind_names(codes, of[0], path)
            return rows.padded(codes, -1 if may_lack else 0)
        names[which] = of
        lacking = may_lack or (missing and which == "input")
        flat = np.stack([table.values(column, lacking) for column in of], axis=1)
        return rows.padded(flat, np.nan if may_lack else 0.0)

    inputs = steps("input", columns.inputs, settings.input_kind, False)
    if columns.targets:
        kind = settings.target_kind or settings.input_kind
        target = steps("target", columns.targets, kind, True)
    if columns.truth:
        names["state"], labels = table.labels(columns.truth)
        state = rows.padded(labels, -1)
    if columns.group:
        each = rows.constant(table, columns.group)
        warn_of_look_alikes(sorted(set(each)), f"{path}, column {columns.group!r}")
        found, group = np.unique(each, return_inverse=True)
        names["group"] = [str(name) for name in found]
    if columns.split:
        split = _splits(table, rows, columns.split)
    truth = columns.truth or ""
    return Content(inputs, target, rows.length, state, split, group, names, truth)


def _splits(table: _Table, rows: _Rows, column: str) -> Int64s:
    """Return the split of each sequence; its name may be in upper case."""
    each = rows.constant(table, column)
    for row, word in zip(rows.order[rows.starts], each, strict=True):
        if word.casefold() not in SPLITS:
            hint = did_you_mean(word, SPLITS)
            wants = f"found {word!r}{hint}, wants one of: {', '.join(SPLITS)}"
            table.refuse(row, column, wants)
    return np.array([SPLITS.index(word.casefold()) for word in each])


# --- Rows and columns -----------------------------------------------------------------------


class _Table(NamedTuple):
    """The columns of a file that matter.

    frame : its index numbers the rows of the file
    unit, number : what the messages count, and the number of the one that a row begins on
    """

    path: Path
    frame: pd.DataFrame
    unit: str
    number: Callable[[int], int]

    def place(self, row: int) -> str:
        """Return where a row stands; ``row`` counts from 0."""
        return f"{self.unit} {self.number(int(self.frame.index[row]))}"

    def refuse(self, row: int, column: str, what: str) -> NoReturn:
        """Raise DataError about one cell; ``row`` counts from 0."""
        raise DataError(f"{self.path}, {self.place(row)}, column {column!r}: {what}")

    def _refuse_first(self, flags: Bools, column: str, wants: str) -> None:
        if flags.any():
            row = int(np.flatnonzero(flags)[0])
            cell = self.frame[column].iloc[row]
            missing = pd.isna(cell) or clean(str(cell)) == ""
            found = "an empty cell" if missing else f"{cell!s:.40}"
            self.refuse(row, column, f"found {found}, wants {wants}")

    def _numbers(self, column: str) -> Floats:
        """Return a column of numbers (row), NaN where a cell is empty."""
        cells = self.frame[column]
        if cells.dtype.kind in "mM":
            self.refuse(0, column, "found dates or durations, wants numbers, such as seconds")
        if not pd.api.types.is_numeric_dtype(cells):
            words = self._words(column)
            truths = {"True": "1", "TRUE": "1", "False": "0", "FALSE": "0"}
            texts = pd.Series([truths.get(name, name) for name in words.names], dtype=object)
            parsed = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
            unreadable = np.append(np.isnan(parsed), False)[words.codes]
            self._refuse_first(unreadable, column, "a number")
            return np.append(parsed, np.nan)[words.codes]
        return np.asarray(cells.to_numpy(dtype=np.float64, na_value=np.nan))

    def clock(self, column: str) -> Floats | NDArray[np.uint64]:
        """Return finite times (row) in their order; whole ones, from the first, are exact."""
        cells = self.frame[column]
        if cells.dtype.kind in "iu":
            # In the arithmetic of unsigned numbers, which is right whatever the sign.
            whole: NDArray[np.uint64] = cells.to_numpy().astype(np.uint64)
            return whole - np.uint64(int(cells.min()) % 2**64)
        numbers = self._numbers(column)
        self._refuse_first(~np.isfinite(numbers), column, "a finite number")
        if cells.dtype == object or isinstance(cells.dtype, pd.StringDtype):
            words = self._words(column)
            if all(re.fullmatch(r"-?[0-9]+", name) for name in words.names):
                exact = [int(name) for name in words.names]
                offsets = [number - min(exact) for number in exact]
                if max(offsets) < 2**64:
                    return np.array(offsets, dtype=np.uint64)[words.codes]
        return numbers

    def values(self, column: str, may_lack: bool) -> Floats:
        """Return finite numbers (row), or NaN where a cell is empty and may be."""
        numbers = self._numbers(column)
        bad = np.isinf(numbers) if may_lack else ~np.isfinite(numbers)
        self._refuse_first(bad, column, "a finite number")
        self._refuse_first(np.abs(numbers) > LARGEST, column, SMALLER)
        return numbers

    def symbols(self, column: str, may_lack: bool) -> Int64s:
        """Return whole numbers from 0 (row), or -1 where a cell is empty and may be."""
        numbers = self._numbers(column)
        whole = (numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 2**31)
        bad = ~whole & ~np.isnan(numbers) if may_lack else ~whole
        self._refuse_first(bad, column, "a symbol, a whole number of 0 or more")
        return np.where(np.isnan(numbers), -1, numbers).astype(np.int64)

    def _words(self, column: str) -> Words:
        try:
            return read_words(self.frame[column])
        except BadCellError as error:
            self.refuse(error.place, column, str(error))

    def words(self, column: str) -> NDArray[np.object_]:
        """Return a word for each row, none of which may be missing."""
        words = self._words(column)
        wants = "a word or number on every row (NA and the like mean that it is missing)"
        self._refuse_first(words.codes < 0, column, wants)
        return np.array(words.names, dtype=object)[words.codes]

    def labels(self, column: str) -> tuple[list[str], Int64s]:
        """Return the different labels of a column and the code of each row's, -1 if unknown."""
        words = self._words(column)
        unknown = [re.fullmatch(r"-1(\.0*)?", name) is not None for name in words.names]
        known = [name for name, none in zip(words.names, unknown, strict=True) if not none]
        names = sorted(known, key=by_number)
        if len(names) > MOST_KINDS:
            raise DataError(
                f"{self.path}, column {column!r}: holds {len(names)} different labels, but at "
                f"most {MOST_KINDS} kinds of truth are distinguished; name states, not values"
            )
        warn_of_look_alikes(names, f"{self.path}, column {column!r}")
        if any(unknown) and names == ["1"]:
            log.warning(
                "%s, column %r: holds -1 and 1 only, and -1 means unknown; where it is a label, "
                "write another word for it", self.path, column,
            )  # fmt: skip
        places = {name: code for code, name in enumerate(names)}
        codes = np.array([*(places.get(name, -1) for name in words.names), -1], dtype=np.int64)
        return names, codes[words.codes]


class _Rows(NamedTuple):
    """Which row of a table is which step.

    order : (row), rows sequence by sequence in order of time
    code : (row), the sequence of each row, in the order of the file
    length, starts : (sequence), the latter into ``order``
    names : (sequence)
    """

    order: Int64s
    code: Int64s
    length: Int64s
    starts: Int64s
    names: list[str]

    def padded(self, flat: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return (row, ...) as (sequence, time, ...)."""
        inside = np.arange(self.length.max()) < self.length[:, None]
        out = np.full((*inside.shape, *flat.shape[1:]), fill, dtype=flat.dtype)
        out[inside] = flat[self.order]
        return out

    def constant(self, table: _Table, column: str) -> NDArray[np.object_]:
        """Return the entry of a column for each sequence, the same on all of its rows."""
        words = table.words(column)
        first: NDArray[np.object_] = words[self.order[self.starts]]
        odd = np.flatnonzero(words != first[self.code])
        if len(odd):
            row, sequence = int(odd[0]), self.code[odd[0]]
            table.refuse(
                row, column,
                f"found {words[row]!r}, but sequence {self.names[sequence]!r} begins with "
                f"{first[sequence]!r}; all rows of a sequence must have the same",
            )  # fmt: skip
        return first


def _in_sequences(table: _Table, sequence: str, time: str, time_step: float | None) -> _Rows:
    """Find the sequences, and check that time rises in each, by ``time_step`` if that is given."""
    code, names = pd.factorize(table.words(sequence))
    warn_of_look_alikes(list(names), f"{table.path}, column {sequence!r}")
    clock = table.clock(time)
    written = table.frame[time]
    order = np.argsort(code, kind="stable")
    length = np.bincount(code)
    starts = np.cumsum(length) - length
    short = np.flatnonzero(length < 2)
    if len(short):
        row = int(order[starts[short[0]]])
        problem = f"sequence {names[short[0]]!r} has 1 step, wants 2 or more; leave it out"
        table.refuse(row, sequence, problem)
    pairs = pd.DataFrame({"code": code, "clock": clock})
    again = np.flatnonzero(pairs.duplicated().to_numpy())
    if len(again):
        row = int(again[0])
        same = (code == code[row]) & (clock == clock[row])
        before = table.place(int(np.flatnonzero(same)[0]))
        problem = f"sequence {names[code[row]]!r} has time {written.iloc[row]} twice, first in "
        table.refuse(row, time, f"{problem}{before}; keep one of them")
    within = np.diff(code[order]) == 0
    sorted_clock = clock[order]
    later = sorted_clock[1:] >= sorted_clock[:-1]
    gap = np.where(later, np.diff(sorted_clock), 0).astype(np.float64)
    falls = np.flatnonzero(within & ~later)
    if len(falls):
        row = int(order[falls[0] + 1])
        problem = f"{written.iloc[row]} comes after a later time in sequence {names[code[row]]!r}"
        table.refuse(row, time, f"{problem}; sort its rows by time")
    if time_step is not None:
        uneven = np.flatnonzero(within & (np.abs(gap - time_step) > STEP_TOLERANCE * time_step))
        if len(uneven):
            row = int(order[uneven[0] + 1])
            problem = (
                f"{written.iloc[row]} comes {gap[uneven[0]]:g} after the step before in sequence "
            )
            problem += f"{names[code[row]]!r}, but time_step is {time_step:g}"
            remedy = "fill the gap, make it two sequences, or leave time_step out"
            table.refuse(row, time, f"{problem}; {remedy}")
    return _Rows(order, code, length, starts, [str(name) for name in names])
