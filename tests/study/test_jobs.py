"""The jobs of a study, known without Snakemake, are those that Snakemake would run."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from hmmlens.datasets.published_packages import GAIT
from hmmlens.study import emulation_jobs, emulation_study, entries, jobs, layout, table_parts
from hmmlens.study.rules import RULES, Job
from tests.workflow.runs import ROOT, SMOKE, snakemake

STUDIES = ROOT / "workflow" / "studies"
TRIPS = STUDIES / "roundtrip-smoke.yaml"
TORRE, PAPER = STUDIES / "torre.yaml", STUDIES / "torre-paper.yaml"


def study_of(path: Path) -> jobs.AnyStudy:
    return jobs.load(yaml.safe_load(path.read_text()), str(path))


def emulation() -> emulation_study.EmulationStudy:
    """Return a study of two networks, of which one is only trained."""
    few = {"target": "chain2", "n_seeds": 3, "only_first": {"kicks": 2}}
    settings = {
        "study": "e",
        "emulation": {},
        "networks": {"a": few, "b": {"target": "chain2", "analyses": []}},
        "bias": {},
    }
    return emulation_study.load(settings, "e")


def without_controls(folder: Path) -> Path:
    """Write the smoke study without controls, with two seeds and another reducer."""
    settings: dict[str, Any] = yaml.safe_load(SMOKE.read_text())
    settings["controls"] = {"untrained": False, "raw_input": False, "reservoir": False}
    settings["networks"]["flipflop-gru"]["n_seeds"] = 3
    settings["reducers"]["ica"] = {"kind": "ica", "n_components": 2}
    path = folder / "bare.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


LARGER = ("bare", "default", "round trips", "emulation", "paper")


@pytest.mark.parametrize(
    "which", ["smoke", *(pytest.param(name, marks=pytest.mark.study) for name in LARGER)]
)
def test_jobs_are_those_of_a_dry_run(which: str, tmp_path: Path) -> None:
    paths = {"smoke": SMOKE, "default": ROOT / "config.yaml", "round trips": TRIPS}
    paths |= {"emulation": TORRE, "paper": PAPER}
    path = paths[which] if which in paths else without_controls(tmp_path)
    done = snakemake(tmp_path, path, "--cores", "1", "-n", "--workflow-profile", "none")
    assert done.returncode == 0, done.stdout[-2000:]
    stats = done.stdout.rpartition("Job stats:")[2]
    planned = {m[1]: int(m[2]) for m in re.finditer(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}
    assert planned.pop("total") == sum(planned.values())
    assert planned.pop("all") == 1
    assert planned.pop("fetch_source", 0) == (GAIT.file in done.stdout)
    found = jobs.of_study(study_of(path))
    assert Counter(job.rule for job in found) == planned
    # And each with the files that Snakemake lists.
    text = done.stdout.replace("\n", " ").replace(",", " ") + " "
    results = f"results/{study_of(path).study}"
    for job in found:
        for file in job.outputs:
            assert f" {results}/{file} " in text, job
        if job.rule not in ("gather_round_trips", "draw_round_trips", "write_round_trips"):
            assert f" {results}/{job.benchmark} " in text, job


def test_every_rule_of_a_job_is_known() -> None:
    for path in (SMOKE, TRIPS, TORRE, PAPER):
        found = jobs.of_study(study_of(path))
        assert len(set(found)) == len(found)
        for job in found:
            assert len(job.place) == len(RULES[job.rule].wildcards)


def ended(results: Path, job: Job) -> None:
    """Leave what a job leaves that has ended well."""
    for path in (*job.outputs, job.benchmark):
        file = results / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (1000, 1000))


def test_a_job_is_done_when_its_benchmark_file_is_its_last(tmp_path: Path) -> None:
    job = Job("validate_layer", ("n", "0", "layer0"))
    scores, choices = (tmp_path / path for path in job.outputs)
    assert not jobs.is_done(job, tmp_path)
    ended(tmp_path, job)
    assert jobs.is_done(job, tmp_path)
    # It runs again and has begun to write.
    os.utime(scores, (2000, 2000))
    assert not jobs.is_done(job, tmp_path)
    os.utime(tmp_path / job.benchmark, (2000, 2000))
    assert jobs.is_done(job, tmp_path)
    # It was killed before its second file.
    choices.unlink()
    assert not jobs.is_done(job, tmp_path)
    ended(tmp_path, job)
    (tmp_path / job.benchmark).unlink()
    assert not jobs.is_done(job, tmp_path)


def test_parts_are_all_of_a_study_or_what_is_done() -> None:
    study = study_of(SMOKE)
    assert isinstance(study, jobs.Study)
    every = table_parts.parts(study)
    assert every.runs == entries.runs(study) and every.layers == entries.layers(study)
    assert every.places == entries.places(study)
    assert every.datasets == ["fully3", "flipflop"]
    controls = ["raw-input", "raw-input-pca-2", "lagged-input-pca-2"]
    assert every.raw == [
        {"dataset": name, "reducer": control} for name in every.datasets for control in controls
    ]
    # A control is gathered when all of its reductions are there.
    lost = Job("sweep_states", ("raw-fully3", "0", "input", "lagged-input-pca-2"))
    left = table_parts.parts(study, lambda job: job != lost).raw
    assert {place["dataset"] for place in left} == {"flipflop"}
    assert every.judged == every.checked == every.reservoirs == ["fully3-lstm", "flipflop-gru"]

    def without(*lost: Job) -> table_parts.Parts:
        return table_parts.parts(study, lambda job: job not in lost)

    # A layer needs all its sweeps, and its network what was recorded and its end points.
    place = ("fully3-lstm", "0", "layer1")
    for lost in (
        Job("sweep_states", (*place, "tsne")),
        Job("validate_layer", place),
        Job("interpret_layer", place),
    ):
        gone = [layer for layer in every.layers if layer not in without(lost).layers]
        assert [(one["network"], one["layer"]) for one in gone] == [("fully3-lstm", "layer1")]
    found = without(Job("find_endpoints", ("flipflop-gru", "0")))
    assert {run["network"] for run in found.runs} == {run["network"] for run in every.runs} - {
        "flipflop-gru"
    }
    # Nobody reads a verdict on a network without a layer.
    assert found.judged == ["fully3-lstm"]
    assert without(Job("judge_network", ("fully3-lstm",))).judged == ["flipflop-gru"]
    assert without(Job("find_ceilings", ("fully3",))).datasets == ["flipflop"]


def test_names_of_layers_and_controls_are_those_of_paths() -> None:
    assert Job("raw_input", ("d", "lagged-input-p")).outputs == [
        "raw-d/0/input/lagged-input-p/reduced"
    ]
    assert layout.SWEEP.format(network="n", seed=1, layer="l", reducer="r") == "n/1/l/r/sweep"


def test_trainings_take_part_in_the_steps_that_they_are_asked() -> None:
    study = emulation()
    counts = Counter(job.rule for job in jobs.of_study(study))
    assert counts == {
        **{"train_emulation": 4, "find_plateau": 4, "find_kicks": 2, "measure_bias": 1},
        **dict.fromkeys(("score_emulation", "reverse_engineer", "tie_states"), 3),
        **dict.fromkeys(("gather_torre", "draw_torre", "write_torre"), 1),
    }
    assert [job.place for job in emulation_jobs.of_step(study, "kicks")] == [("a", "0"), ("a", "1")]
    assert Job("find_kicks", ("a", "1")).outputs == ["a/1/kicks"]


def test_analyses_of_a_network_are_reported_when_its_training_is() -> None:
    study = emulation()
    every = set(jobs.of_study(study))
    assert emulation_jobs.reported(study) == every == emulation_jobs.reported(study, every)
    for rule in ("train_emulation", "find_plateau"):
        lost = every - emulation_jobs.reported(study, every - {Job(rule, ("a", "1"))})
        assert lost == {job for job in every if job.place == ("a", "1")}
    one = Job("tie_states", ("a", "2"))
    assert emulation_jobs.reported(study, every - {one}) == every - {one}
    bias = Job("measure_bias", ("chain2",))
    assert emulation_jobs.reported(study, {bias, one}) == {bias}
    # What an earlier version of the study left behind is no job of this one.
    assert Job("find_kicks", ("b", "0")) not in emulation_jobs.reported(
        study, every | {Job("find_kicks", ("b", "0"))}
    )
