"""Cells become words in one spelling, whatever the format they come from."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.own.words import MISSING, BadCellError, by_number, clean, read_words


def words(cells: Any) -> list[str | None]:
    codes, names = read_words(cells)
    assert len(set(names)) == len(names)
    return [None if code < 0 else names[code] for code in codes]


def test_missing_is_what_pandas_takes_for_it(tmp_path: Any) -> None:
    path = tmp_path / "cells.csv"
    tried = [*sorted(MISSING), "none", "Na", "no", "0", "NIL", "-"]
    pd.DataFrame({"word": tried}).to_csv(path, index=False)
    read = pd.read_csv(path, dtype=str, skip_blank_lines=False)["word"]
    assert [word is None for word in words(tried)] == read.isna().tolist()


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["1.0", "2", "-0.0", "10."], ["1", "2", "0", "10"]),
        (["1.0", "2.5"], ["1.0", "2.5"]),
        (["01", "1", "1.0"], ["01", "1", "1.0"]),
        (["1.0", "go"], ["1.0", "go"]),
        (np.array([1.0, np.nan, 2.0]), ["1", None, "2"]),
        (np.array([0.1, 2.0], np.float32), ["0.1", "2.0"]),
        (np.array([1e8, 2.0], np.float32), ["100000000", "2"]),
        (np.array([2**63 + 1, 1], np.uint64), [str(2**63 + 1), "1"]),
        (pd.array([1, None, 2**62 + 1], "Int64"), ["1", None, str(2**62 + 1)]),
        (pd.Categorical(["b", "a", None]), ["b", "a", None]),
        ([True, False, None], ["True", "False", None]),
        ([b"caf\xc3\xa9", "café", "cafe\u0301 "], ["café"] * 3),
        (["a  b", " a\u00a0b", "a\nb"], ["a b"] * 3),
        ([None, "NA", ""], [None] * 3),
        ([], []),
    ],
)
def test_spellings(cells: Any, found: list[str | None]) -> None:
    assert words(cells) == found


@pytest.mark.parametrize("cells", [[b"a", b"\xff"], np.array([0.0, 2.0**53])])
def test_what_is_no_word_is_reported(cells: Any) -> None:
    with pytest.raises(BadCellError) as caught:
        read_words(cells)
    assert caught.value.place == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=6) | st.integers() | st.floats(-1e6, 1e6) | st.none(), max_size=8))
def test_words_are_in_normal_form_and_stay_what_they_are(cells: list[Any]) -> None:
    found = words(np.array([*cells, None], dtype=object)[:-1])
    for word in found:
        if word is not None:
            assert word == unicodedata.normalize("NFC", word).strip() == clean(word)
            assert word not in MISSING
    assert words(found) == found


def test_numbers_are_sorted_by_size() -> None:
    assert sorted(["go", "10", "2", "-3", "2.5", "away"], key=by_number) == [
        *("-3", "2", "2.5", "10", "away", "go")
    ]  # fmt: skip
