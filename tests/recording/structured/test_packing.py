"""Arrays as one array of columns, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hmmlens.datasets.packing import (
    LARGEST_WHOLE,
    arranged,
    column_names,
    kind_of,
    pack,
    split,
    steps_of,
    unpack,
)
from hmmlens.errors import DataError

KINDS: dict[str, Any] = {
    "float": npst.from_dtype(np.dtype(np.float32), allow_nan=True),
    "whole": st.integers(-LARGEST_WHOLE, LARGEST_WHOLE),
    "bool": st.booleans(),
}
TYPES = {"float": np.float32, "whole": np.int64, "bool": np.bool_}


@st.composite
def arrays(draw: Any) -> tuple[dict[str, Any], int]:
    n, n_steps = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    found: dict[str, Any] = {}
    for index in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        tail = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
        # Without steps, another number of features than there are steps.
        timed = index == 0 or draw(st.booleans()) or tail[:1] == (n_steps,) or len(tail) > 1
        tail = tail if tail or index else (1,)
        shape = (n, n_steps, *tail) if timed else (n, *tail)
        found[f"input{index}"] = draw(npst.arrays(TYPES[kind], shape, elements=KINDS[kind]))
    return found, n_steps


@given(arrays())
def test_arrays_come_back_as_they_were(drawn: tuple[dict[str, Any], int]) -> None:
    found, n_steps = drawn
    shapes = {name: array.shape for name, array in found.items()}
    kinds = {name: kind_of(array.dtype) for name, array in found.items()}
    assert steps_of(shapes) == n_steps
    parts = arranged(shapes, kinds, n_steps)
    packed = pack(found, parts, n_steps)
    assert packed.shape == (
        *next(iter(found.values())).shape[:1],
        n_steps,
        len(column_names(parts)),
    )
    again = unpack(packed, parts)
    assert list(again) == list(found)
    for name, array in found.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype
    # Of fewer steps, what is constant is still there.
    for part in parts:
        fewer = split(packed[:, n_steps // 2 :], parts)[part.name]
        whole = found[part.name][:, n_steps // 2 :] if part.timed else found[part.name]
        np.testing.assert_array_equal(fewer, whole)


def test_columns_have_the_names_of_the_arrays() -> None:
    shapes = {"rain": (2, 5, 1), "wind": (2, 5, 2), "basin": (2,), "slope": (2, 2)}
    parts = arranged(shapes, dict.fromkeys(shapes, "float"), 5)
    assert column_names(parts) == ["rain", "wind.0", "wind.1", "basin", "slope.0", "slope.1"]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({}, "empty mapping"),
        ({"a": (2, 5, 1), "b": (2, 6, 1)}, r"numbers of steps: a \(2, 5, 1\), b \(2, 6, 1\)"),
        ({"a": (2, 5, 1), "b": (3,)}, r"inputs\['b'\] holds 3 sequences, and inputs\['a'\] 2"),
        ({"a": (2, 5), "b": (2, 6)}, "do not show which of them have steps"),
        ({"a": (2, 0, 1)}, r"inputs\['a'\] has the shape \(2, 0, 1\)"),
        ({"a": (2,)}, "do not show which"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        steps_of(shapes)


def test_a_whole_number_that_single_precision_rounds_is_refused() -> None:
    array = np.full((2, 3), LARGEST_WHOLE + 1)
    parts = arranged({"id": array.shape}, {"id": "whole"}, 3)
    with pytest.raises(DataError, match=r"inputs\['id'\] holds the whole number 16777217"):
        pack({"id": array}, parts, 3)
