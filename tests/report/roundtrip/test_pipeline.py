"""The report of a round-trip study from the tables of its networks, whole and in part."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hmmlens.errors import DataError
from hmmlens.report import partial
from hmmlens.report.roundtrip import criteria, pipeline
from hmmlens.report.roundtrip.criteria import Tables
from hmmlens.study import jobs, roundtrip_study
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.rules import Job
from tests.report.roundtrip.test_summary import tables

pytestmark = pytest.mark.usefixtures("no_png")


@pytest.fixture
def study() -> RoundTripStudy:
    """Return the study that :func:`tables` holds the networks of."""
    kinds: dict[str, Any] = {
        "fully3": {"kind": "hmm", "preset": "fully3"},
        "toggle": {"kind": "toggle"},
        "weak2": {"kind": "hmm", "preset": "mess3"},
        "ar1": {"kind": "continuum", "law": "ar1"},
    }
    expected = tables(suite=False).verdicts.drop_duplicates("trip").set_index("trip")["expected"]
    trips = {
        name: {"expected": expected[name], "cells": ["gru"], "n_seeds": 2, "dataset": dataset}
        for name, dataset in kinds.items()
    }
    return roundtrip_study.load({"study": "trips", "trips": trips}, "trips")


def write_networks(results: Path, found: Tables) -> list[Job]:
    """Write a folder for each network, as its job leaves it, and return the jobs."""
    made = []
    for key, verdicts in found.verdicts.groupby(["trip", "cell", "seed"]):
        job = Job("round_trip", tuple(map(str, key)))
        folder, first = results / job.outputs[0], not made
        folder.mkdir(parents=True)
        for name, table in found._asdict().items():
            # Tables that do not name their network stand in the folder of the first.
            rows = verdicts if name == "verdicts" else table if first else table.iloc[:0]
            # A table without rows has a head alone.
            rows.assign(empty=1).to_csv(folder / f"{name}.csv", index=False)
        end = results / job.benchmark
        end.parent.mkdir(parents=True, exist_ok=True)
        end.touch()
        os.utime(end, (2e9, 2e9))
        made.append(job)
    return made


def test_tables_of_networks_come_back_one_below_the_other(tmp_path: Path) -> None:
    found = tables(suite=False)
    made = write_networks(tmp_path, found)
    read = pipeline.read(tmp_path / job.outputs[0] for job in made)
    key = ["trip", "cell", "seed", "role"]
    pd.testing.assert_frame_equal(
        read.verdicts.drop(columns="empty").sort_values(key, ignore_index=True),
        found.verdicts.sort_values(key, ignore_index=True),
        check_dtype=False,
    )
    assert len(read.recovery) == len(found.recovery) and read.beliefs.empty
    sentences = pipeline.make_tables(read, tmp_path / "tables")
    expected = criteria.gates(found)["outcome"]
    assert pd.read_csv(tmp_path / "tables" / "gates.csv")["outcome"].tolist() == list(expected)
    assert "acceptance criteria are reached" in sentences[0]


def test_what_is_missing_is_left_out_and_listed(study: RoundTripStudy, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="because no job has ended: 0 of 8 jobs are done"):
        partial.write(study, tmp_path)
    made = write_networks(tmp_path, tables(suite=False))
    assert set(made) <= set(jobs.of_study(study))
    (tmp_path / Job("round_trip", ("ar1", "gru", "1")).benchmark).unlink()
    folder, found = partial.write(study, tmp_path)
    assert found.sentence == (
        "7 of 8 jobs are done; of 4 tasks, 3 are whole, 1 are begun, and 0 are not."
    )
    (row,) = pd.read_csv(folder / "missing.csv").to_dict("records")
    assert row == {"what": "task ar1", "jobs": 2, "done": 1, "missing": "round_trip 1"}
    verdicts = pd.read_csv(folder / "tables" / "verdicts.csv")
    counts = verdicts.groupby("trip")["seed"].nunique().to_dict()
    assert counts == {"ar1": 1, "fully3": 2, "toggle": 2, "weak2": 2}
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    assert list((folder / "figures").glob("*.pdf"))
