"""Plans of studies of networks that emulate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hmmlens.cli import command as cli
from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.analysis import reference_generators
from hmmlens.emulation.analysis.plateau.detection import PlateauSettings
from hmmlens.emulation.analysis.plateau.step_correlation import EscapeSettings
from hmmlens.emulation.analysis.settings import ReverseSettings
from hmmlens.io.yaml_files import read_yaml
from hmmlens.study import emulation_study, emulation_work, jobs
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.plan import costs, measured, text, training_cost
from hmmlens.study.plan.measured import Past, Took
from hmmlens.study.plan.work import Sizer, least
from hmmlens.study.rules import Job

PAPER = Path(cli.__file__).parents[2] / "workflow" / "studies" / "torre-paper.yaml"


def study(name: str = "e", **changed: Any) -> EmulationStudy:
    """Return a study of two seeds of one network, of which one is taken apart."""
    training = {"n_updates": changed.pop("n_updates", 100)}
    training |= {"batch_size": changed.pop("batch_size", 256), "checkpoint_every": 20}
    network = {"target": "chain2", "n_seeds": 2, "only_first": {"reverse": 1}}
    network |= {"n_units": changed.pop("n_units", 50)}
    settings = {"study": name, "emulation": training, "networks": {"a": network}, "bias": {}}
    return emulation_study.load(settings | changed, name)


def past(name: str, factor: float = 1.0, **changed: Any) -> Past:
    """Return a study whose jobs took a multiple of what the model of their work predicts."""
    planned = study(name, **changed)
    sizer, took = Sizer(planned), {}
    for job in jobs.of_study(planned):
        work, start = sizer.work(job), least(job.rule)
        took[job] = Took(factor * (start.seconds + work.seconds), start.mb + work.mb,
                         start.disk_mb + work.disk_mb)  # fmt: skip
    return Past(planned, took)


def rows(planned: EmulationStudy, *past: Past) -> pd.DataFrame:
    return costs.plan(planned, past).table.set_index("rule")


PAST = [past(f"p{n}", n_updates=n, batch_size=b, n_units=u)
        for n, b, u in ((50, 128, 20), (200, 256, 50), (400, 512, 150))]  # fmt: skip


def test_jobs_add_up_to_what_trainings_cost() -> None:
    planned = study(n_updates=300, batch_size=512)
    table = rows(planned, *PAST)
    one = emulation_work.of_training(planned.emulation, planned.networks["a"])
    assert table.loc["train_emulation", "jobs"] == 2
    assert table.loc["train_emulation", "core_hours"] == pytest.approx(
        2 * one.seconds / 3600, rel=0.05
    )
    assert table.loc["train_emulation", "peak_mb"] == pytest.approx(one.memory_mb, rel=0.05)
    # 16 checkpoints, and what the first weights are, of 4 bytes a weight.
    assert table.loc["train_emulation", "disk_mb"] == pytest.approx(
        2 * 17 * 4e-6 * 50 * 150, rel=0.3
    )
    assert table.loc["reverse_engineer", "jobs"] == 1
    assert table.loc["all", "jobs"] == len(jobs.of_study(planned))


def test_measured_jobs_correct_the_model() -> None:
    planned = study(n_updates=300, batch_size=512)
    slow = rows(planned, *(past(f"s{i}", 2.0, n_updates=n) for i, n in enumerate((50, 200, 400))))
    usual = rows(planned, *PAST)
    for rule in ("train_emulation", "score_emulation", "reverse_engineer", "measure_bias"):
        ratio = slow.loc[rule, "core_hours"] / usual.loc[rule, "core_hours"]
        assert ratio == pytest.approx(2.0, rel=0.1), rule


def test_more_of_anything_costs_more() -> None:
    def hours(rule: str, **changed: Any) -> float:
        return float(rows(study(**changed), *PAST).loc[rule, "core_hours"])

    for changed in ({"n_updates": 1000}, {"batch_size": 1024}, {"n_units": 200}):
        assert hours("train_emulation", **changed) > 1.2 * hours("train_emulation")
    assert hours("reverse_engineer", n_updates=800) > 1.2 * hours("reverse_engineer")
    # At the paper's scale as many sequences are aligned as the paper does.
    assert hours("score_emulation", scale="paper") > 5 * hours("score_emulation")
    asked = {"batch_sizes": [4096], "n_draws": [32]}
    assert hours("measure_bias", bias=asked) > 2 * hours("measure_bias")


@pytest.mark.parametrize(("device", "on"), [("cpu", False), ("auto", True), ("cuda", True)])
def test_only_trainings_hold_a_gpu(device: str, on: bool) -> None:
    table = rows(study(device=device), *PAST)
    hours = table["gpu_hours"].drop("all")
    assert hours["train_emulation"] == (table.loc["train_emulation", "core_hours"] if on else 0)
    assert (hours.drop("train_emulation") == 0).all()


def test_the_model_of_the_work_uses_the_numbers_of_the_analysis() -> None:
    # These numbers stand in modules that load torch, which a plan does not need.
    assert 2 * PlateauSettings.n_repeats == emulation_work.LEVELS
    assert EscapeSettings.n_sequences == emulation_work.SEQUENCES
    assert ReverseSettings.max_checkpoints == emulation_work.MOST_CHECKPOINTS
    assert len(reference_generators.hand_made(preset_hmm("chain2"))) == emulation_work.GENERATORS


def test_emulation_is_among_what_is_shipped() -> None:
    shipped = [one for one in measured.shipped() if isinstance(one.study, EmulationStudy)]
    assert len(shipped) >= 2
    rules = {job.rule for one in shipped for job in one.took}
    assert rules == {job.rule for job in jobs.of_study(study())}
    found = costs.errors(shipped)
    assert text.factor(found["seconds"], 0.5) < 2.0
    assert text.factor(found["mb"], 0.5) < 1.5


@pytest.mark.study
def test_the_papers_study_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plan", "--configfile", str(PAPER)]) == 0
    printed = capsys.readouterr().out
    planned = emulation_study.load(read_yaml(PAPER), PAPER.name)
    lines = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert lines["all"][1] == f"{len(jobs.of_study(planned)):,}"
    # The networks of the paper, and those of an unbiased objective.
    assert lines["train_emulation"][1] == str(151 + 18)
    # Its device is a GPU.
    assert lines["train_emulation"][2] == lines["train_emulation"][3] == lines["all"][3]
    assert lines["score_emulation"][3] == "-"
    unknown = [name for name, line in lines.items() if "?" in line]
    assert unknown == ["follow_protocols"]
    assert "Never measured, and not in the sums: follow_protocols." in printed
    # Within a factor of what the model of updates predicts, which was measured at this scale.
    one = training_cost.of_study(planned)
    hours = sum(one[name].seconds * net.n_seeds for name, net in planned.networks.items()) / 3600
    assert np.abs(np.log(float(lines["train_emulation"][2]) / hours)) < np.log(2)
    # Only errors of predictions of similar jobs are printed.
    assert "torre-smoke " in printed and "roundtrip " not in printed


def test_own_jobs_are_read_back(tmp_path: Path) -> None:
    planned = study("own")
    results = tmp_path / "own"
    job = Job("train_emulation", ("a", "1"))
    for path in (results / job.benchmark, results / job.outputs[0] / "network.safetensors"):
        path.parent.mkdir(parents=True, exist_ok=True)
    (results / "study.json").write_text(planned.model_dump_json())
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    (results / job.benchmark).write_text(f"{head}\n10.2\t0:00:10\t500\t1\t1\t1\t0\t0\t50\t10.0\n")
    (results / job.outputs[0] / "network.safetensors").write_bytes(bytes(500_000))
    found = measured.read(results)
    assert found is not None and found.study == planned and list(found.took) == [job]
    assert found.took[job].seconds == pytest.approx(10.2)
    assert found.took[job].disk_mb == pytest.approx(0.5, abs=0.02)
