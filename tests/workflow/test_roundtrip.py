"""Three small networks through every rule of a round trip."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.report.roundtrip.figures import FIGURES
from hmmlens.roundtrip.suite_groups import POINTS
from tests.study.test_names import TRIPS, names_in, refused, with_name
from tests.workflow.runs import ROOT, snakemake

STUDY = ROOT / "workflow" / "studies" / "roundtrip-smoke.yaml"
FULL = ROOT / "workflow" / "studies" / "roundtrip.yaml"


@pytest.mark.study
def test_small_networks_go_through_every_rule(tmp_path: Path) -> None:
    done = snakemake(tmp_path, STUDY, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    results = tmp_path / "results" / "roundtrip-smoke"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    assert {path.stem for path in (results / "figures").glob("*.png")} == set(FIGURES)
    tables = {path.stem: pd.read_csv(path) for path in (results / "tables").glob("*.csv")}
    verdicts = tables["verdicts"]
    trained = verdicts[verdicts["role"] == "trained"].set_index("trip")
    # A continuum has no states, two bits have four, and beliefs of a source are no states.
    assert trained.loc["ar1", "grade"] in ("C", "undecided")
    assert trained.loc["flipflop2", ["grade", "n_states", "n_true"]].tolist() == ["D", 4, 4]
    assert trained.loc["fully3", "grade"] in ("D", "M", "B")
    assert not verdicts[verdicts["role"] == "shuffled"]["grade"].isin(POINTS).any()
    recovery = tables["recovery"].set_index(["trip", "method"])
    assert recovery.loc[("fully3", "hmm"), "share"] > 0.5
    assert (verdicts["replay_error"].dropna() < 1e-4).all()
    assert len(tables["gates"]) > 15
    fixed = names_in(results) - {"ar1", "fully3", "flipflop2"}
    assert {"tables", "figures"} <= fixed
    for name in fixed:
        assert f"trips.{name}: the name" in refused(with_name(TRIPS, "trips", name))
    again = snakemake(tmp_path, STUDY, "--cores", "1", "--dry-run")
    assert "Nothing to be done" in again.stdout


def test_the_whole_study_has_enough_fresh_continua() -> None:
    from hmmlens.io.yaml_files import read_yaml
    from hmmlens.study import roundtrip_study

    study = roundtrip_study.load(read_yaml(FULL), "roundtrip.yaml")
    trips = study.all_trips.values()
    total = sum(trip.n_seeds * len(trip.cells) for trip in trips)
    assert f"\n{total} networks learn tasks" in (ROOT / "README.md").read_text()
    continua = [trip for trip in trips if trip.expected == "C"]
    assert sum(trip.n_seeds * len(trip.cells) for trip in continua) >= 60
    assert all(trip.surrogates for trip in continua)
    # The whole suite is among them, by half.
    halves = Counter(trip.half for trip in trips)
    assert halves["fixing"] == sum(task.half == "fixing" for task in TASKS.values())
    assert halves["reporting"] == sum(task.half == "reporting" for task in TASKS.values())
