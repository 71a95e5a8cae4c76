"""The contract of every number of the verdict, and of their collection for one network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.futures.summary import NAMES, Summary
from hmmlens.validation.grading.numbers import NUMBERS, Evidence, number
from hmmlens.validation.grading.recorded import Losses
from hmmlens.validation.grading.rules import Thresholds

#: The columns of the tables of verdicts that exist, in their order.
COLUMNS = [
    *("loss", "marginal", "fidelity", "fidelity_states", "n_states", "resolution"),
    *("elbow_output", "elbow_components", "flicker", "floor", "n_endpoints", "ratio", "drift"),
    *("n_classes", "within", "between", "points", "ambiguity", "n_compared", "counts_output"),
    *(
        "memory",
        "chain",
        "dimension",
        "density",
        "forgets_after",
        "accuracy",
        "input_accuracy",
        "moves",
        "machine_20",
        "machine_worst",
    ),
]


def measured(endpoints: Endpoints | None) -> SimpleNamespace:
    known = endpoints is not None
    return SimpleNamespace(
        futures=Summary(dict.fromkeys(NAMES, 1.0), np.zeros((1, 1), dtype=int)) if known else None,
        losses=Losses(0.1, 1.0),
        endpoints=endpoints,
        few_states_fidelity=0.95,
        states_fidelity=0.9,
        n_states=3,
        resolution=4,
        elbow={"output law": 2.0, "components": 3.0}.__getitem__,
        best_fit=SimpleNamespace(flicker=0.01),
    )


@pytest.fixture
def another() -> Iterator[str]:
    number("half", "ratio", label="half of the states", required=False)(lambda m: m.n_states / 2)
    yield "half"
    del NUMBERS._members["half"]


def test_numbers_are_the_columns_in_their_order() -> None:
    assert list(NUMBERS) == COLUMNS


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_keeps_the_contract(name: str) -> None:
    entry = NUMBERS[name]
    assert NUMBERS.label(name) and entry.measure.__doc__
    assert set(entry.thresholds) <= {field.name for field in fields(Thresholds)}
    value = entry.measure(measured(Endpoints(np.zeros((0, 1)), 3, 4, 4 / 3, 0.01)))  # type: ignore[arg-type]
    assert np.isfinite(value) or name == "floor"
    blind = entry.measure(measured(None))  # type: ignore[arg-type]
    assert np.isfinite(blind) or not entry.required


def test_a_number_that_is_registered_becomes_a_column(another: str) -> None:
    values = {name: 1.0 for name, entry in NUMBERS.items() if entry.required}
    assert list(Evidence(**values)) == [*COLUMNS, another]
    assert Evidence(**values, half=1.5).replace(loss=0.0)["half"] == 1.5


def test_evidence_names_missing_and_unknown_numbers() -> None:
    with pytest.raises(TypeError, match=r"loss is missing; .*there is no number 'speed'"):
        Evidence(marginal=1.0, speed=3.0)
