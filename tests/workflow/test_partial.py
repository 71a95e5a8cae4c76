"""A report of what a study has so far."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from hmmlens.cli import command as cli
from hmmlens.report import partial
from hmmlens.study import jobs
from tests.workflow.runs import SMOKE, csv_files, snakemake

pytestmark = pytest.mark.study


@pytest.fixture
def place(smoke: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a copy of the finished smoke study, to work in."""
    shutil.copytree(smoke, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def lose(results: Path, rule: str, *begin: str) -> int:
    """Take away what jobs of a rule left whose place begins so, and return how many."""
    study = jobs.load(json.loads((results / "study.json").read_text()), "")
    lost = 0
    for job in jobs.of_study(study):
        if job.rule == rule and job.place[: len(begin)] == begin:
            for path in (*job.outputs, job.benchmark):
                where = results / path
                shutil.rmtree(where) if where.is_dir() else where.unlink()
            lost += 1
    return lost


def report(capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["partial", "--configfile", str(SMOKE)]) == 0
    return capsys.readouterr().out


def test_all_of_a_study_gives_the_same_tables(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = place / "results" / "smoke"
    text = report(capsys)
    assert "all but those that write the study's own report" in text
    folder = results / partial.FOLDER
    for whole in sorted((results / "tables").glob("*.csv")):
        assert (folder / "tables" / whole.name).read_bytes() == whole.read_bytes(), whole.name
    assert (folder / "findings.json").read_text() == (results / "findings.json").read_text()
    figures = {str(f.relative_to(results)) for f in (results / "figures").rglob("*.pdf")}
    assert {str(f.relative_to(folder)) for f in folder.rglob("figures/**/*.pdf")} == figures
    assert pd.read_csv(folder / "missing.csv").empty
    # It is a study of its own for nobody: Snakemake still has nothing to do, and sees no report.
    done = snakemake(place, SMOKE, "--cores", "1", "--dry-run")
    assert "Nothing to be done" in done.stdout


def test_what_is_missing_is_left_out_and_listed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = place / "results" / "smoke"
    assert lose(results, "sweep_states", "fully3-lstm", "0", "layer1", "pca-2") == 1
    assert lose(results, "judge_network", "fully3-lstm") == 1
    assert lose(results, "check_network") == 2
    for path in ("report.pdf", "findings.json", "tables", "figures"):
        where = results / path
        shutil.rmtree(where) if where.is_dir() else where.unlink()
    text = report(capsys)
    study = jobs.load(json.loads((results / "study.json").read_text()), "")
    n = sum(job.rule not in partial.LAST for job in jobs.of_study(study))
    assert f"{n - 4} of {n} jobs are done; of 2 networks, 0 are whole, 2 are begun" in text
    folder = results / partial.FOLDER
    missing = pd.read_csv(folder / "missing.csv").set_index("what")["missing"].to_dict()
    assert missing == {
        "network fully3-lstm": "sweep_states 1, judge_network 1, check_network 1",
        "network flipflop-gru": "check_network 1",
    }
    choices = pd.read_csv(folder / "tables" / "choices.csv")
    layers = set(zip(choices["network"], choices["layer"], strict=True))
    assert ("fully3-lstm", "layer0") in layers and ("fully3-lstm", "layer1") not in layers
    assert ("fully3-lstm-untrained", "layer1") in layers
    verdicts = pd.read_csv(folder / "tables" / "verdicts.csv")
    # Reservoirs are reported together with the verdict on their network only.
    roles = verdicts.groupby("network")["role"].agg(set).to_dict()
    assert roles == {
        "flipflop-gru": {"trained", "reservoir", "permuted"},
        "flipflop-gru-untrained": {"untrained"},
    }
    findings = json.loads((folder / "findings.json").read_text())["networks"]
    told_of = {(one["network"], one["layer"]): one["verdict"] for one in findings}
    assert told_of[("fully3-lstm", "layer0")] == "Not judged yet."
    assert told_of[("flipflop-gru", "layer0")] != "Not judged yet."
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert drawn == {"overview", "flipflop-gru"}
    assert not (folder / "figures" / "overview" / "methods.pdf").exists()
    # Snakemake does not take it for the report, and computes just what was lost.
    before = csv_files(place)
    done = snakemake(place, SMOKE, "--cores", "1", "-n", "--rerun-triggers", "mtime")
    stats = done.stdout.rpartition("Job stats:")[2]
    for rule, count in (("sweep_states", 1), ("judge_network", 1), ("check_network", 2),
                        ("validate_layer", 1), ("write_report", 1)):  # fmt: skip
        assert f"{rule} " in stats and stats.split(f"{rule} ")[1].split()[0] == str(count), rule
    assert csv_files(place) == before


def test_a_half_written_result_is_not_reported(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = place / "results" / "smoke"
    scores = results / "flipflop-gru" / "0" / "layer0" / "validation" / "scores.csv"
    # As a job leaves it that is running again, or was killed.
    scores.write_text(scores.read_text()[:200])
    report(capsys)
    missing = pd.read_csv(results / partial.FOLDER / "missing.csv").set_index("what")["missing"]
    assert missing["network flipflop-gru"] == "validate_layer 1"
    choices = pd.read_csv(results / partial.FOLDER / "tables" / "choices.csv")
    assert "flipflop-gru" not in set(choices["network"])


def test_nothing_to_report_raises_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["partial", "--configfile", str(SMOKE)]) == cli.WRONG
    errors = capsys.readouterr().err
    assert "there is nothing to report of smoke yet, because no job has ended: 0 of" in errors
    assert not (tmp_path / "results").exists()


def test_networks_without_a_layer_are_nothing_to_report(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = place / "results" / "smoke"
    lose(results, "interpret_layer")
    assert cli.main(["partial", "--configfile", str(SMOKE)]) == cli.WRONG
    assert "because no network's layer has been read" in capsys.readouterr().err
    assert not (results / partial.FOLDER).exists()
