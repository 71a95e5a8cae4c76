"""The tasks of the suite as round trips."""

from __future__ import annotations

from typing import Any

import pytest

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.errors import ConfigError
from hmmlens.roundtrip.settings import Suite
from hmmlens.study import entries, roundtrip_study

AR1 = {"ar1": {"expected": "C", "dataset": {"kind": "continuum", "law": "ar1"}}}


def study(**sections: Any) -> roundtrip_study.RoundTripStudy:
    return roundtrip_study.load({"study": "mine", "trips": AR1} | sections, "mine.yaml")


def test_every_task_is_a_trip_with_its_answer_and_recipe() -> None:
    trips = Suite().trips()
    assert len(trips) == len(TASKS)
    for task, trip in zip(TASKS.values(), trips.values(), strict=True):
        finite = {"discrete": "D", "many": "N", "continuum": "C"}
        assert trip.expected == finite.get(task.answer, trip.expected)
        assert (trip.half, trip.n_units) == (task.half, task.recipe.n_units)
        assert trip.surrogates == (task.answer == "continuum")
        assert trip.training is not None and trip.training.max_epochs == task.recipe.n_epochs
        assert trip.dataset.model_dump()["n_steps"] == task.recipe.n_steps
    assert trips["suite-shift-register6"].expected == "N"
    assert trips["suite-ring-and-bit"].expected == "M"


def test_a_study_runs_its_trips_and_those_of_the_suite() -> None:
    alone = study()
    assert list(alone.all_trips) == ["ar1"]
    both = study(suite={"cells": ["gru", "lstm"], "halves": ["reporting"]})
    n = sum(task.half == "reporting" for task in TASKS.values())
    assert len(both.all_trips) == n + 1
    assert len(entries.trips(both)) == 2 * n + len(entries.trips(alone))
    assert both.training_of("suite-lexer").max_epochs == TASKS["lexer"].recipe.n_epochs
    # Settings of a study come back as they were written.
    assert roundtrip_study.load(both.model_dump(), "again").all_trips == both.all_trips


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"suite": {}, "trips": {"suite-mine": AR1["ar1"]}}, "trips.suite-mine: names that begin"),
        ({"suite": {"cells": ["gru", "gru"]}}, "suite.cells: must name nothing twice"),
        ({"suite": {"halves": ["other"]}}, "suite.halves"),
    ],
)
def test_a_suite_that_does_not_fit_is_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(**sections)
