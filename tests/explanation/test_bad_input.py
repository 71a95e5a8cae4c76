"""What :func:`hmmlens.explain` refuses, with a message that names the mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hmmlens import explain
from hmmlens.errors import DataError, StoreError
from tests.explanation.planted import QUICK, Last, Transformed, latch, pulses, spoilt, whole

Data = tuple[NDArray[Any], NDArray[Any]]


@pytest.fixture(scope="module")
def data() -> Data:
    return pulses()


def test_a_taken_folder_is_refused_before_anything_runs(data: Data, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    network = latch(3.0)
    calls: list[Any] = []
    network.register_forward_pre_hook(lambda *given: calls.append(given))
    with pytest.raises(StoreError, match="is there already"):
        explain(network, data[0], out=tmp_path, **QUICK)
    assert not calls
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_mistake_leaves_nothing_behind(data: Data, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no layer 'layer7'"):
        explain(latch(3.0), data[0], layer="layer7", out=tmp_path / "mine", **QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"outputs": "probabilities"}, "logits or values"),
        ({"truth": np.zeros((30, 5), dtype=int)}, "truth has shape"),
        ({"truth": np.full((30, 60), 0.5)}, "truth holds 0.5 at sequence 0, step 0; whole numbers"),
        ({"split": np.zeros(30, dtype=int)}, "each at least once"),
        ({"layer": "layer7"}, "there are: layer0"),
        ({"names": {"input": ["one"]}}, "2 for input"),
        ({"names": {"output": ["one"]}}, "2 for output"),
        ({"names": {"inputs": ["one", "two"]}}, "allowed: input, output, truth"),
    ],
)
def test_bad_input_is_reported(wrong: dict[str, Any], message: str, data: Data) -> None:
    with pytest.raises(DataError, match=message):
        explain(latch(3.0), data[0], **QUICK | wrong)


def test_a_network_that_does_not_fit_is_reported(data: Data) -> None:
    with pytest.raises(DataError, match=r"or one for each sequence; found no tensor"):
        explain(Transformed(lambda outputs: None), data[0], **QUICK)
    with pytest.raises(DataError, match="two or more symbols; found 1: values"):
        explain(Last(1, every_step=True), data[0], outputs="logits", **QUICK)
    wide = np.zeros((30, 60, 5), np.float32)
    with pytest.raises(DataError, match=r"RuntimeError \(planted\.py, line \d+\): input"):
        explain(Last(2, every_step=True), wide, **QUICK)
    with pytest.raises(DataError, match="give values as"):
        explain(Last(2, every_step=True), data[0][..., 0], **QUICK)
    with pytest.raises(DataError, match="hold the symbol -1"):
        explain(Last(2, every_step=True), np.full((30, 60), -1), **QUICK)


@pytest.mark.parametrize(
    ("way", "outputs", "message"),
    [
        (spoilt(np.nan), "values", "'right' is NaN at sequence 0, step 7, as are outputs at 29 "),
        (spoilt(np.inf), "values", "'right' is inf at sequence 0, step 7"),
        (spoilt(-np.inf), "values", "'right' is -inf at sequence 0, step 7"),
        (spoilt(np.nan), "logits", "'right' is NaN at sequence 0, step 7"),
        (spoilt(np.inf), "logits", "'right' is inf at sequence 0, step 7"),
        (
            lambda outputs: whole(outputs, 2),
            "values",
            r"output never changes \(it is \(2, 2\) at every",
        ),
        (lambda outputs: outputs[..., :1].repeat(1, 1, 2), "logits", "output never changes"),
    ],
)
def test_an_output_that_cannot_be_explained_is_reported(
    way: Any, outputs: str, message: str, data: Data
) -> None:
    options = {"outputs": outputs, "names": {"output": ["left", "right"]}, **QUICK}
    with pytest.raises(DataError, match=message):
        explain(Transformed(way), data[0], untrained=None, **options)
    with pytest.raises(DataError, match=f"the untrained control: .*{message}.*untrained=None"):
        explain(Last(2, every_step=True), data[0], untrained=Transformed(way), **options)
