"""Tables are read as they were written; errors name file, line and column of what does not fit."""

from __future__ import annotations

import gzip
import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.content import MOST_KINDS
from hmmlens.datasets.own.table import TableData
from hmmlens.datasets.own.tables import read_table
from hmmlens.errors import DataError

COLUMNS = {"sequence": "trial", "time": "t", "inputs": ["x", "y"]}

#: Two trials whose rows take turns, the second one longer.
GOOD = """trial,t,x,y,cue,phase,person,part
a,0,1.5,-1,0,go,p1,train
b,10,2.5,-2,1,,p2,test
a,1,3.5,-3,1,stop,p1,train
b,11,4.5,-4,2,go,p2,test
b,12,5.5,-5,0,go,p2,test
"""


def table(path: Path | str = "steps.csv", **change: Any) -> TableData:
    columns = COLUMNS | change.pop("columns", {})
    return TableData(**({"kind": "table", "path": str(path), "columns": columns} | change))


def read(folder: Path, text: str, **change: Any) -> Any:
    path = folder / "steps.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path, table(path, **change))


def test_rows_become_padded_sequences(tmp_path: Path) -> None:
    columns = {"truth": "phase", "group": "person", "split": "part", "targets": ["cue"]}
    found = read(tmp_path, GOOD, columns=columns, target_kind="symbols")
    np.testing.assert_array_equal(found.length, [2, 3])
    np.testing.assert_array_equal(
        found.input, [[[1.5, -1], [3.5, -3], [0, 0]], [[2.5, -2], [4.5, -4], [5.5, -5]]]
    )
    np.testing.assert_array_equal(found.target, [[0, 1, -1], [1, 2, 0]])
    # Labels in the order of their names; an empty cell is unknown.
    np.testing.assert_array_equal(found.state, [[0, 1, -1], [-1, 0, 0]])
    np.testing.assert_array_equal(found.group, [0, 1])
    np.testing.assert_array_equal(found.split, [0, 2])
    assert found.names == {
        "sequence": ["a", "b"],
        "input": ["x", "y"],
        "target": ["cue 0", "cue 1", "cue 2"],
        "state": ["go", "stop"],
        "group": ["p1", "p2"],
    }


def test_symbols_are_one_column(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, columns={"inputs": ["cue"]}, input_kind="symbols")
    np.testing.assert_array_equal(found.input, [[0, 1, 0], [1, 2, 0]])
    assert found.names["input"] == ["cue 0", "cue 1", "cue 2"]
    assert found.target is found.state is found.group is found.split is None


def test_what_csv_files_come_with(tmp_path: Path) -> None:
    plain = read(tmp_path, GOOD)
    for text, separator in (
        ("\ufeff" + GOOD, ","),
        (GOOD.replace(",", ", "), ","),
        (GOOD.replace(",", ";"), ";"),
        (GOOD.replace(",", "\t"), "\t"),
        (GOOD.replace("\n", "\r\n") + "\r\n\r\n", ","),
        (GOOD.replace("\nb,11", "\n\nb,11"), ","),
    ):
        found = read(tmp_path, text, separator=separator)
        np.testing.assert_array_equal(found.input, plain.input)
        assert found.names == plain.names
    packed = tmp_path / "steps.csv.gz"
    pd.read_csv(tmp_path / "steps.csv").to_csv(packed, index=False)
    np.testing.assert_array_equal(read_table(packed, table(packed)).input, plain.input)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(2, 6), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
)
def test_any_ragged_table_comes_back(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {"trial": f"s{i}", "t": np.cumsum(rng.random(n) + 0.1), "x": rng.normal(size=n)}
        ).assign(y=rng.integers(0, 3, size=n), phase=rng.integers(-1, 4, size=n))
        for i, n in enumerate(lengths)
    ]
    # Rows of all sequences shuffled into each other, each sequence still in order.
    turns = rng.permutation(np.repeat(np.arange(len(lengths)), lengths))
    nth = [int((turns[:k] == who).sum()) for k, who in enumerate(turns)]
    rows = pd.concat([parts[who].iloc[[n]] for who, n in zip(turns, nth, strict=True)])
    path = tmp_path_factory.mktemp("table") / "steps.csv"
    rows.to_csv(path, index=False)
    found = read_table(path, table(path, columns={"truth": "phase"}))
    assert found.input.shape == (len(lengths), max(lengths), 2)
    for sequence, name in enumerate(found.names["sequence"]):
        part = parts[int(name[1:])]
        n = found.length[sequence]
        assert n == len(part)
        np.testing.assert_allclose(found.input[sequence, :n], part[["x", "y"]], rtol=1e-14)
        labels = [found.names["state"][c] if c >= 0 else "-1" for c in found.state[sequence, :n]]
        assert labels == part["phase"].astype(str).tolist()
        assert not found.input[sequence, n:].any()
        assert (found.state[sequence, n:] == -1).all()


BAD: list[tuple[str, tuple[str, str], dict[str, Any], str]] = [
    ("missing column", ("trial,t,x", "trial,t,X"), {},
     ": column 'x' is missing (did you mean 'X'?); the file has: trial, t, X, y, cue"),
    ("wrong separator", ("", ""), {"separator": ";"}, ": column 'trial' is missing"),
    ("column twice", ("x,y,cue", "x,y,y"), {}, ": the header has 2 columns 'y'; rename all but"),
    ("text in a number", ("3.5,-3", "3.5,minus 3"), {},
     ", line 4, column 'y': found minus 3, wants a number"),
    ("decimal comma", ("3.5,-3", '"3,5",-3'), {}, ", line 4, column 'x': found 3,5, wants a numb"),
    ("empty number", ("4.5,-4", ",-4"), {},
     ", line 5, column 'x': found an empty cell, wants a finite number"),
    ("empty number after a blank line", ("b,11,4.5", "\nb,11,"), {}, ", line 6, column 'x': found"),
    ("NaN", ("4.5,-4", "NaN,-4"), {}, ", line 5, column 'x': found an empty cell"),
    ("infinity", ("4.5,-4", "4.5,-inf"), {}, ", line 5, column 'y': found -inf, wants a finite"),
    ("too few cells", ("b,12,5.5,-5,0,go,p2,test", "b,12"), {}, ", line 6, column 'x': found an e"),
    ("too many cells", ("b,12,5.5", "b,12,5.5,7"), {},
     ", line 6: has 9 cells, but the header has 8 names"),
    ("open quote", ("4.5,-4", '"4.5,-4'), {}, ", line 5: a quote is opened and never closed"),
    ("time twice", ("a,1,", "a,0,"), {},
     ", line 4, column 't': sequence 'a' has time 0 twice, first in line 2; keep one of them"),
    ("time falls", ("b,11,", "b,9,"), {},
     ", line 5, column 't': 9 comes after a later time in sequence 'b'; sort its rows by time"),
    ("time is a date", ("a,1,", "a,2025-01-01,"), {},
     ", line 4, column 't': found 2025-01-01, wants a number"),
    ("a gap", ("b,12,", "b,12.5,"), {"time_step": 1.0},
     ", line 6, column 't': 12.5 comes 1.5 after the step before in sequence 'b', but time_step is "
     "1; fill the gap, make it two sequences, or leave time_step out"),
    ("one step", ("a,1,3.5", "c,1,3.5"), {},
     ", line 2, column 'trial': sequence 'a' has 1 step, wants 2 or more; leave it out"),
    ("no sequence", ("\na,1,", "\n,1,"), {},
     ", line 4, column 'trial': found an empty cell, wants a word or number on every row"),
    ("negative symbol", ("-3,1,", "-3,-1,"), {"columns": {"inputs": ["cue"]}},
     ", line 4, column 'cue': found -1, wants a symbol, a whole number of 0 or more"),
    ("half a symbol", ("-3,1,", "-3,0.5,"), {"columns": {"inputs": ["cue"]}},
     ", line 4, column 'cue': found 0.5, wants a symbol, a whole number of 0 or more"),
    ("huge symbol", ("-3,1,", "-3,1000000,"), {"columns": {"inputs": ["cue"]}},
     ": cue goes up to 1000000, but at most 256 kinds are distinguished"),
    ("split word", ("p2,test\nb,12", "p2,tset\nb,12"), {"columns": {"split": "part"}},
     ", line 5, column 'part': found 'tset', but sequence 'b' begins with 'test'; all rows"),
    ("split word throughout", ("p2,test", "p2,tset"), {"columns": {"split": "part"}},
     ", line 3, column 'part': found 'tset' (did you mean 'test'?), wants one of: train, select, "),
    ("two groups", ("stop,p1", "stop,p2"), {"columns": {"group": "person"}},
     ", line 4, column 'person': found 'p2', but sequence 'a' begins with 'p1'"),
    ("not text", ("4.5,-4", "4\udcff5,-4"), {}, ", line 5: this is no text in UTF-8; save it"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "options", "sentence"), [b[1:] for b in BAD],
                         ids=[b[0] for b in BAD])  # fmt: skip
def test_what_does_not_fit_is_reported_by_its_place(
    tmp_path: Path, change: tuple[str, str], options: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "steps.csv"
    path.write_bytes(GOOD.replace(*change).encode("utf-8", "surrogateescape"))
    if options.get("columns", {}).get("inputs") == ["cue"]:
        options = options | {"input_kind": "symbols"}
    with pytest.raises(DataError) as caught:
        read_table(path, table(path, **options))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert sentence in message
    assert "\n" not in message


def test_truth_names_states_not_values(tmp_path: Path) -> None:
    n = MOST_KINDS + 1
    rows = pd.DataFrame({"trial": "a", "t": range(n), "x": 0, "y": 0, "phase": np.arange(n) / 3})
    with pytest.raises(DataError, match="column 'phase': holds 257 different labels"):
        read(tmp_path, rows.to_csv(index=False), columns={"truth": "phase"})


def test_missing_targets_stay_missing(tmp_path: Path) -> None:
    text = GOOD.replace("4.5,-4", "4.5,").replace("a,0,1.5,-1", "a,0,1.5,NA")
    found = read(tmp_path, text, columns={"inputs": ["x"], "targets": ["y"]})
    np.testing.assert_array_equal(
        found.target[..., 0], [[np.nan, -3, np.nan], [-2, np.nan, -5]]
    )  # fmt: skip


def test_labels_that_pandas_wrote_as_numbers(tmp_path: Path) -> None:
    """One empty cell makes floats of whole labels; they are the same labels in every format."""
    labels = [0, 1, -1, 2, 10, None, -1, 1]
    frame = pd.DataFrame({"trial": "a", "t": range(8), "x": 0.5, "y": 1.0, "phase": labels})
    assert "-1.0" in frame.to_csv()
    text = read(tmp_path, frame.to_csv(index=False), columns={"truth": "phase"})
    path = tmp_path / "steps.parquet"
    frame.to_parquet(path)
    packed = read_table(path, table(path, columns={"truth": "phase"}))
    frame.astype({"phase": "Int64"}).to_parquet(path)
    whole = read_table(path, table(path, columns={"truth": "phase"}))
    for found in (text, packed, whole):
        assert found.names["state"] == ["0", "1", "2", "10"]
        assert found.state[0].tolist() == [0, 1, -1, 2, 3, -1, -1, 1]


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u2003", "\ufeff", "\u200b"])
def test_blanks_at_the_ends_split_nothing(tmp_path: Path, blank: str) -> None:
    columns = {"truth": "phase", "group": "person", "split": "part"}
    plain = read(tmp_path, GOOD, columns=columns)
    text = GOOD
    for cell in ("\na,1", "go,p1", "p2,test\nb,12", "5.5,-5", "phase,person"):
        text = text.replace(cell, cell.replace(",", f"{blank},"), 1)
    assert text.count(blank) == 6
    found = read(tmp_path, text, columns=columns)
    assert found.names == plain.names
    for one, two in zip(found[:6], plain[:6], strict=True):
        np.testing.assert_equal(one, two)


def test_both_ways_of_writing_an_accent_are_one_person(tmp_path: Path) -> None:
    text = GOOD.replace("stop,p1", "stop,Zoe\u0308").replace("go,p1", "go,Zo\u00eb")
    found = read(tmp_path, text, columns={"group": "person"})
    assert found.names["group"] == ["Zo\u00eb", "p2"]


@pytest.mark.parametrize("missing", ["NA", "NaN", "nan", "None", "null", "NULL", "<NA>", " NA "])
def test_words_for_missing_are_no_labels_and_no_groups(tmp_path: Path, missing: str) -> None:
    text = GOOD.replace(",stop,", f",{missing},")
    assert read(tmp_path, text, columns={"truth": "phase"}).names["state"] == ["go"]
    text = GOOD.replace("stop,p1", f"stop,{missing}")
    sentence = "line 4, column 'person': found " + missing.strip()
    with pytest.raises(DataError, match=re.escape(sentence)):
        read(tmp_path, text.replace(missing, missing.strip()), columns={"group": "person"})
    with pytest.raises(DataError, match="line 4, column 'trial': found"):
        read(tmp_path, GOOD.replace("\na,1", f"\n{missing},1"))
    # Words that only begin alike are words.
    text = GOOD.replace(",stop,", ",nano,")
    assert read(tmp_path, text, columns={"truth": "phase"}).names["state"] == ["go", "nano"]


def test_leading_zeros_make_different_ids(tmp_path: Path) -> None:
    text = GOOD.replace("\na,", "\n01,").replace("\nb,", "\n1,")
    assert read(tmp_path, text).names["sequence"] == ["01", "1"]
    text = GOOD.replace("\na,", "\n1.10,").replace("\nb,", "\n1.1,")
    assert read(tmp_path, text).names["sequence"] == ["1.10", "1.1"]
    # One and the same whole number, of which one file of two had an empty cell.
    text = GOOD.replace("\na,0", "\n1,0").replace("\na,1", "\n1.0,1").replace("\nb,", "\n2,")
    assert read(tmp_path, text).names["sequence"] == ["1", "2"]


def test_words_that_look_alike_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = GOOD.replace("p1", "Ada").replace("p2", "ada")
    assert read(tmp_path, text, columns={"group": "person"}).names["group"] == ["Ada", "ada"]
    assert "column 'person': 'Ada' and 'ada' look alike and are read as two" in caplog.text


def test_minus_one_next_to_one_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = GOOD.replace(",go,", ",1,").replace(",stop,", ",-1,")
    assert read(tmp_path, text, columns={"truth": "phase"}).names["state"] == ["1"]
    assert "-1 means unknown; where it is a label, write another word" in caplog.text


def test_splits_may_be_in_upper_case(tmp_path: Path) -> None:
    text = GOOD.replace(",train", ",Train").replace(",test", ",TEST ")
    assert read(tmp_path, text, columns={"split": "part"}).split.tolist() == [0, 2]


@pytest.mark.parametrize("first", [0, 1_700_000_000_000_000_000, 2**64 - 9, -(2**63)])
@pytest.mark.parametrize("kind", ["csv", "parquet", "huge"])
def test_clocks_of_large_whole_numbers_are_exact(tmp_path: Path, first: int, kind: str) -> None:
    times = [first + (2**64 if kind == "huge" else 0) + step for step in (0, 1, 3, 4, 6)]
    frame = pd.DataFrame({"trial": "a", "t": times, "x": range(5), "y": 0})
    path = tmp_path / ("steps.parquet" if kind == "parquet" else "steps.csv")

    def write() -> None:
        frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)

    write()
    assert read_table(path, table(path)).input[0, :, 0].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match=f"{times[2]} comes 2 after the step before in sequence"):
        read_table(path, table(path, time_step=1.0))
    place = 2 if kind == "parquet" else 4
    frame.loc[2, "t"] = frame.loc[1, "t"]
    write()
    with pytest.raises(DataError, match=rf"{place}, column 't': .* has time {times[1]} twice"):
        read_table(path, table(path))
    frame.loc[2, "t"] = frame.loc[0, "t"]
    frame.loc[0, "t"] = times[2]
    write()
    with pytest.raises(DataError, match=rf"column 't': {times[1]} comes after a later time"):
        read_table(path, table(path))


def test_ids_that_were_rounded_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "steps.parquet"
    ids = np.array([2**53, 2**53, 2**53 + 2, 2**53 + 2])
    frame = pd.DataFrame({"trial": ids, "t": [0, 1, 0, 1], "x": 0.5, "y": 1})
    frame.to_parquet(path)
    assert read_table(path, table(path)).names["sequence"] == [str(ids[0]), str(ids[2])]
    frame.astype({"trial": float}).to_parquet(path)
    with pytest.raises(DataError, match=r"row 0, column 'trial': found 9007199254740992.0, wants"):
        read_table(path, table(path))
    frame["trial"] = [b"one", b"one", b"t\xff", b"t\xff"]
    frame.to_parquet(path)
    with pytest.raises(DataError, match=r"row 2, column 'trial': found .*, wants text in UTF-8"):
        read_table(path, table(path))
    frame["trial"] = [b"one", b"one", b" two", b"two"]
    frame.to_parquet(path)
    assert read_table(path, table(path)).names["sequence"] == ["one", "two"]


def test_an_index_that_pandas_wrote_does_no_harm(tmp_path: Path) -> None:
    frame = pd.read_csv(io.StringIO(GOOD))
    plain = read(tmp_path, GOOD, columns={"truth": "phase"})
    found = read(tmp_path, frame.to_csv(), columns={"truth": "phase"})
    np.testing.assert_array_equal(found.input, plain.input)
    assert found.names == plain.names


def test_a_row_that_was_cut_off_is_reported(tmp_path: Path) -> None:
    text = pd.read_csv(io.StringIO(GOOD)).to_csv()
    with pytest.raises(DataError, match="line 7, column 'trial': found an empty cell"):
        read(tmp_path, text + "5")
    assert read(tmp_path, text + "\n,,,,,,,,\n").length.tolist() == [2, 3]


def test_lines_are_counted_across_quoted_ends_of_lines(tmp_path: Path) -> None:
    text = GOOD.replace(",go,", ',"go\naway",', 2)
    columns = {"truth": "phase"}
    assert read(tmp_path, text, columns=columns).names["state"] == ["go", "go away", "stop"]
    lines = text.splitlines()
    for cell, bad, sentence in (
        ("5.5,-5", "5.5,z", "column 'y': found z, wants a number"),
        ("5.5,-5", "5.5,9,-5", "has 9 cells, but the header has 8 names"),
        ("5.5,-5", '5.5,"-5', "a quote is opened and never closed"),
    ):
        (line,) = (n for n, held in enumerate(lines, 1) if cell in held)
        with pytest.raises(DataError, match=f"line {line}[,:].*{sentence}"):
            read(tmp_path, text.replace(cell, bad), columns=columns)
    again = text.replace("\nb,12", "\nb,11")
    (line, later) = (n for n, held in enumerate(again.splitlines(), 1) if held.startswith("b,11"))
    with pytest.raises(DataError, match=f"line {later}, .* twice, first in line {line};"):
        read(tmp_path, again, columns=columns)


def test_values_beyond_single_precision_are_reported(tmp_path: Path) -> None:
    for cell in ("1e300", "-3.5e38", "1e400"):
        with pytest.raises(DataError, match=r"line 4, column 'x': found .*, wants a (finite )?n"):
            read(tmp_path, GOOD.replace("3.5,-3", f"{cell},-3"))
    assert read(tmp_path, GOOD.replace("3.5,-3", "3e38,-3")).input.max() == 3e38


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        (
            "trial;t;x;y\na;0;1;2\n",
            "the file has: trial;t;x;y (is it separated by ';'? then set sep",
        ),
        ("trial,t,x,y\n", "there is no row below the header"),
        ("trial,t,x,y\na,0,1,2,3\na,1,1,2,3\n", "rows have more cells than the header has names"),
    ],
)
def test_files_without_proper_rows_are_reported(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=re.escape(sentence)):
        read(tmp_path, text)


def test_packed_text_that_is_no_text_is_reported_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode() + b"c,0,\xe9,1\n"))
    n_lines = GOOD.count("\n") + 1
    with pytest.raises(DataError, match=f"line {n_lines}: this is no text in UTF-8"):
        read_table(path, table(path))


def test_rounded_times_are_even_enough(tmp_path: Path) -> None:
    rows = pd.DataFrame({"trial": "a", "t": (np.arange(90) / 30).round(4), "x": 0, "y": 0})
    assert read(tmp_path, rows.to_csv(index=False), time_step=1 / 30).length.tolist() == [90]
    gap = rows.drop(index=50).to_csv(index=False)
    with pytest.raises(DataError, match=re.escape("line 52, column 't': 1.7 comes 0.0667 after")):
        read(tmp_path, gap, time_step=1 / 30)


def test_parquet_without_its_package_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "steps.parquet"
    with pytest.raises(
        DataError, match=r"steps\.parquet: reading Parquet needs the package pyarrow"
    ):
        read_table(path, table(path))


def test_parquet_holds_what_the_csv_holds(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    columns = {"truth": "phase", "group": "person", "split": "part", "targets": ["cue"]}
    plain = read(tmp_path, GOOD, columns=columns)
    path = tmp_path / "steps.parquet"
    frame = pd.read_csv(tmp_path / "steps.csv")
    # What pandas keeps as an index is a column too.
    frame.set_index("trial").to_parquet(path)
    found = read_table(path, table(path, columns=columns))
    for one, two in zip(plain, found, strict=True):
        np.testing.assert_equal(one, two)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": [1.0, 2, None, 4, 5]}, "row 2, column 'x': found an empty cell, wants a finite"),
        ({"x": list("12z45")}, "row 2, column 'x': found z, wants a number"),
        ({"t": pd.date_range("2025-01-01", periods=5)}, "column 't': found dates or durations"),
        (
            {"x": [[1.0, 2.0]] * 5},
            "column 'x': holds list<element: double> in each cell, wants one",
        ),
    ],
)
def test_parquet_is_reported_by_row(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"trial": 7, "t": range(5), "x": 0.5, "y": 1}).assign(**change)
    path = tmp_path / "steps.parquet"
    frame.to_parquet(path)
    with pytest.raises(DataError, match=re.escape(sentence)):
        read_table(path, table(path))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_table(path, table(path))
