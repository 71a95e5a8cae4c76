"""Plans of studies from what other studies took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hmmlens.cli import command as cli
from hmmlens.study import jobs, layout
from hmmlens.study.plan import costs, measured, text
from hmmlens.study.plan.measured import Past, Took
from hmmlens.study.plan.work import Sizer
from hmmlens.study.rules import Job

ROOT = Path(cli.__file__).parents[2]


def config(name: str, n_sequences: int = 100, n_units: int = 8, **others: Any) -> dict[str, Any]:
    """Return the settings of a study of one network with two seeds."""
    dataset = {"kind": "hmm", "preset": "fully3", "n_sequences": n_sequences, "n_steps": 50}
    network = {"dataset": "d", "cell": "gru", "n_units": n_units, "n_seeds": 2}
    return {
        "study": name,
        "datasets": {"d": dataset},
        "networks": {"n": network},
        "reducers": {"pca-2": {"kind": "pca", "n_components": 2}},
        "sweep": {"n_states": [1, 2], "n_restarts": 2},
        **others,
    }


def past(name: str, speed: float = 1.0, noise: float = 0.0, **settings: Any) -> Past:
    """Return a study whose jobs took a planted multiple of their work, and a second."""
    study = jobs.load(config(name, **settings), name)
    sizer, rng = Sizer(study), np.random.default_rng(len(name))
    took = {}
    for job in jobs.of_study(study):
        work = sizer.work(job)
        factor = speed * np.exp(noise * rng.normal())
        seconds = factor * (1 + 0.1 * work.seconds)
        took[job] = Took(seconds, 100 + work.mb, 0.01 + 1e-6 * work.disk_mb)
    return Past(study, took)


PAST = [past(f"p{n}", n_sequences=n, n_units=u) for n, u in ((50, 8), (200, 16), (1000, 64))]


def test_a_plan_adds_up_planted_costs() -> None:
    study = jobs.load(config("new", n_sequences=400, n_units=32, device="auto"), "new")
    plan = costs.plan(study, PAST)
    table = plan.table.set_index("rule")
    sizer = Sizer(study)
    every = jobs.of_study(study)
    for rule in ("train_network", "record_activations", "sweep_states", "make_dataset"):
        of_rule = [job for job in every if job.rule == rule]
        seconds = sum(1 + 0.1 * sizer.work(job).seconds for job in of_rule)
        assert table.loc[rule, "jobs"] == len(of_rule)
        assert table.loc[rule, "core_hours"] == pytest.approx(seconds / 3600, rel=0.1)
        peak = max(100 + sizer.work(job).mb for job in of_rule)
        assert table.loc[rule, "peak_mb"] == pytest.approx(peak, rel=0.1)
        disk = sum(0.01 + 1e-6 * sizer.work(job).disk_mb for job in of_rule)
        assert table.loc[rule, "disk_mb"] == pytest.approx(disk, rel=0.1)
    # Trained networks ask for a GPU, their untrained controls do not.
    share = table.loc["train_network", "gpu_hours"] / table.loc["train_network", "core_hours"]
    assert 0.5 < share < 1.0
    assert table.loc["record_activations", "gpu_hours"] == 0
    for column in ("jobs", "core_hours", "gpu_hours", "disk_mb"):
        assert table.loc["all", column] == pytest.approx(table[column].iloc[:-1].sum())
    assert table.loc["all", "peak_mb"] == table["peak_mb"].iloc[:-1].max()
    assert plan.speed == 1.0


def test_more_of_anything_costs_more() -> None:
    def hours(**settings: Any) -> float:
        study = jobs.load(config("new", **settings), "new")
        return float(costs.plan(study, PAST).table["core_hours"].iloc[-1])

    base = hours(n_sequences=200)
    assert hours(n_sequences=400) > base and hours(n_sequences=200, n_units=64) > base
    assert hours(n_sequences=200, sweep={"n_states": [1, 2, 4, 8], "n_restarts": 4}) > base


def test_a_slower_machine_is_learnt_from_its_own_studies() -> None:
    own = [past("mine", speed=3.0, noise=0.1, n_sequences=100)]
    study = jobs.load(config("new", n_sequences=400, n_units=32), "new")
    there, here = costs.plan(study, PAST), costs.plan(study, PAST, own)
    assert here.speed == pytest.approx(3.0, rel=0.1)
    ratio = here.table["core_hours"].iloc[-1] / there.table["core_hours"].iloc[-1]
    assert ratio == pytest.approx(3.0, rel=0.15)
    # Memory is the same on any machine.
    np.testing.assert_allclose(here.table["peak_mb"], there.table["peak_mb"], rtol=0.05)


def test_errors_are_small_where_the_model_holds_and_large_where_it_does_not() -> None:
    right = costs.errors(PAST)
    assert set(right["study"]) == {one.study.study for one in PAST}
    assert len(right) == sum(len(one.took) for one in PAST)
    assert text.factor(right["seconds"], 0.5) < 1.2
    # Jobs of one study took ten times as long for no reason that any other study shows.
    wrong = costs.errors([*PAST, past("slow", speed=10.0, n_sequences=200)])
    slow = wrong[wrong["study"] == "slow"]
    assert text.factor(slow["seconds"], 0.5) == pytest.approx(10.0, rel=0.3)
    sentences = text.worth(wrong)
    assert "slow 0.1" in sentences[1]


def test_what_was_never_measured_is_not_made_up() -> None:
    partial = [
        one._replace(took={j: t for j, t in one.took.items() if j.rule != "sweep_states"})
        for one in PAST
    ]
    study = jobs.load(config("new", n_sequences=100_000), "new")
    plan = costs.plan(study, partial)
    table = plan.table.set_index("rule")
    assert np.isnan(table.loc["sweep_states", "core_hours"]) and table.loc["sweep_states", "jobs"]
    assert np.isfinite(table.loc["all", "core_hours"])
    notes = " ".join(text.notes(plan))
    assert "Never measured, and not in the sums: sweep_states." in notes
    assert "make_dataset 100 times" in notes
    assert "?" in text.table(plan)


def test_cpu_time_after_the_last_poll_is_estimated() -> None:
    # Two polls a second for 15 s, then two a minute, such as at 15 s and at 45 s.
    assert measured.cpu_seconds(10.2, 10.0) == pytest.approx(10.2)
    assert measured.cpu_seconds(44.0, 15.0) == pytest.approx(44.0)
    assert measured.cpu_seconds(50.0, 22.5) == pytest.approx(25.0)
    assert measured.cpu_seconds(100.0, 75.0) == pytest.approx(100.0)
    # Over before the second poll.
    assert measured.cpu_seconds(0.3, 0.0) == 0.3


def study_folder(folder: Path, settings: dict[str, Any]) -> Path:
    """Write a study's settings and the benchmark file of one job, with what the job left."""
    results = folder / settings["study"]
    job = Job("make_dataset", ("d",))
    for path in (results / job.benchmark, results / job.outputs[0] / "d.zarr" / "c"):
        path.parent.mkdir(parents=True, exist_ok=True)
    (results / layout.SETTINGS).write_text(json.dumps(settings))
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    row = "4.25\t0:00:04\t123.5\t1\t1\t1\t0\t0\t50\t2.0"
    (results / job.benchmark).write_text(f"{head}\n{row}\n")
    (results / job.outputs[0] / "d.zarr" / "c").write_bytes(bytes(500_000))
    return results


def test_benchmark_files_are_read_with_what_jobs_left(tmp_path: Path) -> None:
    results = study_folder(tmp_path, config("own"))
    found = measured.read(results)
    assert found is not None
    (took,) = found.took.values()
    assert took.seconds == pytest.approx(2.0 * 4.25 / 4.0)
    assert took.mb == 123.5
    assert took.disk_mb == pytest.approx(0.5, abs=0.02)
    # What ended without a benchmark of use, or has settings of another version, is left out.
    benchmark = results / Job("make_dataset", ("d",)).benchmark
    benchmark.write_text(benchmark.read_text().replace("123.5", "NA"))
    again = measured.read(results)
    assert again is not None and not again.took
    assert measured.read_all(tmp_path) == []
    (results / layout.SETTINGS).write_text('{"study": "own", "strange": 1}')
    assert measured.read(results) is None


def test_studies_are_shipped_as_they_were_read(tmp_path: Path) -> None:
    measured.write(PAST, tmp_path)
    rows = (tmp_path / "jobs.csv").read_text().splitlines()
    assert len(rows) == 1 + sum(len(one.took) for one in PAST)
    settings = json.loads((tmp_path / "studies.json").read_text())
    assert [jobs.load(s, "") for s in settings] == [one.study for one in PAST]


@pytest.mark.study
def test_what_is_shipped_predicts_what_is_shipped() -> None:
    shipped = measured.shipped()
    assert len(shipped) >= 4
    found = costs.errors(shipped)
    rules = {job.rule for one in shipped for job in one.took}
    assert {"train_network", "sweep_states", "validate_layer", "round_trip"} <= rules
    # The numbers of the documentation; a change of the model of the work must not spoil it.
    assert text.factor(found["seconds"], 0.5) < 2.0
    assert text.factor(found["mb"], 0.5) < 1.3


@pytest.mark.parametrize(
    "name",
    ["config.yaml", pytest.param("workflow/studies/roundtrip.yaml", marks=pytest.mark.study)],
)
def test_the_command_prints_a_plan(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plan", "--configfile", str(ROOT / name)]) == 0
    printed = capsys.readouterr().out
    study = jobs.load(measured_settings(ROOT / name), name)
    (total,) = (line.split() for line in printed.splitlines() if line.startswith("all "))
    assert total[1] == f"{len(jobs.of_study(study)):,}"
    assert "Past predictions: of" in printed and "Core-hours of whole studies" in printed


def measured_settings(path: Path) -> Any:
    from hmmlens.io.yaml_files import read_yaml

    return read_yaml(path)


@pytest.mark.study
def test_own_studies_are_found_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study_folder(tmp_path / "results", config("own"))
    assert cli.main(["plan", "--configfile", str(ROOT / "config.yaml")]) == 0
    assert "Of this machine: own; it takes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "config.yaml"),
        ("study: [", "config.yaml"),
        ("study: x\nnetwork: {}\n", "did you mean 'networks'"),
        ("study: x\ntrips: {a: {expected: Q, dataset: {kind: toggle}}}\n", "trips.a.expected"),
        ("- 1\n", "config.yaml"),
    ],
)
def test_a_config_that_does_not_fit_is_reported_in_a_sentence(
    content: str | None,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("config.yaml").write_text(content)
    for command in ("plan", "partial"):
        assert cli.main([command]) == cli.WRONG
        printed = capsys.readouterr()
        assert sentence in printed.err and "Traceback" not in printed.err
        assert printed.out == "" and len(printed.err.strip().splitlines()) == 1
