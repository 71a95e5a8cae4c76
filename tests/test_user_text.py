"""Whatever a name holds, each medium shows it as text and nothing more."""

from __future__ import annotations

import csv
import html as stdlib_html
import io
import json
import logging
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hmmlens import user_text
from hmmlens.study import failures

#: Names that are awkward in one medium or another.
NASTY = [
    "$x_1$", "$\\frac{", "100%_of #all & more", "C:\\new\\table", "</script><script>x()</script>",
    "<img src=x onerror=x()>", "\N{GRINNING FACE} 中文", "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
    "שלום עולם", "مرحبا", "a\u202eb", "line\nbreak\ttab\r", "\x1b[31mred\x1b[0m", "\x1b]0;t\x07",
    "nul\x00bel\x07", "=1+2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "_private", "x" * 80,
    "caf\udce9.csv", "", " ", "{}", "#let x = 1", "*bold* _it_ [x] `raw`", 'a,b;"c"', "'quoted'",
]  # fmt: skip

names = st.text(st.characters(), max_size=40)


@settings(max_examples=200, deadline=None)
@given(names)
@example("\x1b[31m\x1b]0;t\x07\u202e\udce9\x9b2J")
def test_plain_text_steers_no_terminal(text: str) -> None:
    shown = user_text.block(text)
    kinds = {unicodedata.category(c) for c in shown if c != "\n"}
    assert not kinds & {"Cc", "Cs"}
    assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE") for c in shown)
    shown.encode("utf-8")
    one = user_text.line(text)
    assert one == " ".join(one.split())
    assert user_text.line(one) == one


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=40))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert user_text.block(text) == text
    assert user_text.line(text) == " ".join(text.split())


def test_escape_sequences_are_left_out_whole() -> None:
    assert user_text.line("\x1b[1;31mred\x1b[0m \x1b]0;title\x07end \x9b2Jx") == "red end x"
    assert user_text.block("a\r\nb\tc\x1b[K\x08") == "a\nb    c"
    assert user_text.line("caf\udce9.csv") == "caf\N{REPLACEMENT CHARACTER}.csv"


class _Elements(HTMLParser):
    """Collect the elements and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.text += dict(attrs).get("title") or ""

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(max_examples=200, deadline=None)
@given(names)
@example("</p><script>x")
@example('" onclick="x')
def test_html_makes_no_elements(text: str) -> None:
    page = _Elements()
    page.feed(f'<p title="{user_text.html(text)}">{user_text.html(text)}</p>')
    page.close()
    assert page.elements == ["p"]
    assert page.text == user_text.line(text) * 2
    assert stdlib_html.unescape(user_text.html(text)) == user_text.line(text)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, names))
@example({"title": "</script><!--<script>"})
def test_json_ends_no_script(value: dict[str, str]) -> None:
    text = user_text.json_text(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&")
    assert text.isascii()


@settings(max_examples=200, deadline=None)
@given(names)
@example("=1+1")
@example("-1")
def test_cells_of_tables_are_no_formulas(text: str) -> None:
    found = user_text.cell(text)
    try:
        is_number = float(text) is not None
    except ValueError:
        is_number = False
    assert found[:1] not in ("=", "+", "-", "@", "\t", "\r") or is_number
    assert found.removeprefix("'") == text.removeprefix("'") or "\N{REPLACEMENT CHARACTER}" in found
    file = io.StringIO()
    csv.writer(file).writerow([found])
    file.getvalue().encode("utf-8")


@pytest.mark.parametrize("value", [-1.5, "-1.5", "+3", "-inf", "-1e-3", None, "a=b", "x-y", 7])
def test_numbers_and_ordinary_cells_stay(value: object) -> None:
    assert user_text.cell(value) == value


def test_long_names_are_shortened_in_the_middle() -> None:
    assert user_text.short("abcdefghij", 10) == "abcdefghij"
    assert user_text.short("abcdefghij", 5) == "ab…ij"
    assert user_text.short("abcdefghij", 6) == "abc…ij"
    assert len(user_text.figure("x" * 80, 24)) == 24


def test_names_in_figures_stay_distinct() -> None:
    long = ["a" * 40 + "1" + "b" * 40, "a" * 40 + "2" + "b" * 40]
    missing = "\N{WHITE SQUARE}"
    shown = user_text.figure_names([*long, "中文", "日本", "y", "$y$"], 12)
    assert len(set(shown)) == 6
    assert shown[2:] == [f"{missing * 2} [3]", f"{missing * 2} [4]", "y", r"\$y\$"]


def test_nested_values_become_plain() -> None:
    value = {"a\n": ["x\x1b[1m", 1.5, None, {"b": ("c\td",)}]}
    assert user_text.lines_of(value) == {"a": ["x", 1.5, None, {"b": ["c d"]}]}


def test_log_records_steer_no_terminal() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "layer %s\n", ("\x1b[31mred",), None)
    assert failures.Formatter("%(message)s").format(record) == "layer red\n"
