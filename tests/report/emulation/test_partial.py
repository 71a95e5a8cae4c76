"""A report of what a study of emulating networks has so far."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.cli import command as cli
from hmmlens.errors import DataError
from hmmlens.report import partial
from hmmlens.report.emulation import pipeline
from hmmlens.report.emulation.figures import registry as figures
from hmmlens.report.figures import FigureRegistry
from hmmlens.study import emulation_jobs, emulation_study, jobs
from hmmlens.study.emulation_folders import write_tables
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.layout import STEPS
from hmmlens.study.rules import Job
from tests.report.emulation import finished_study
from tests.report.emulation.test_pipeline import good

N_SEEDS = {"chain2": 8, "fully3": 2}
SMOKE = Path(cli.__file__).parents[2] / "workflow" / "studies" / "torre-smoke.yaml"
#: Of the steps that :func:`good` has tables of.
RULES = [STEPS[step] for step in STEPS if step not in ("states", "protocols")]


def study() -> EmulationStudy:
    steps = ["scores", "reverse", "kicks"]
    networks = {
        name: {"target": name, "n_seeds": n, "analyses": steps} for name, n in N_SEEDS.items()
    }
    return emulation_study.load({"study": "s", "emulation": {}, "networks": networks}, "s")


def end(results: Path, job: Job) -> None:
    """Leave the benchmark file of a job whose results are there."""
    file = results / job.benchmark
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (2e9, 2e9))


def written(results: Path) -> Path:
    """Write a study whose networks keep every promise, all its jobs done, and return its folder."""
    for name, n in N_SEEDS.items():
        for seed in range(n):
            for step, tables in good(name).items():
                write_tables(tables, results / name / str(seed) / step)
    for job in jobs.of_study(study()):
        if job.rule in RULES:
            end(results, job)
    return results


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def differing(whole: Path) -> set[tuple[str, str]]:
    """Return what of the paper differs from the whole study."""
    paper = pipeline.tables(whole, study())["paper"]
    return set(paper.loc[paper["answer"] == "differs", ["what", "target"]].itertuples(index=False))


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the figure of targets alone; the tables of :func:`good` are too few for others."""
    targets = figures.FIGURES["targets"]
    only = FigureRegistry(figures.FIGURES.sections)
    only.register("targets", label=targets.caption)(targets)
    monkeypatch.setattr(figures, "FIGURES", only)


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the whole study, to be changed."""
    return shutil.copytree(whole, tmp_path, dirs_exist_ok=True)


def lose(results: Path, *lost: Job) -> None:
    for job in lost:
        shutil.rmtree(results / job.outputs[0])
        (results / job.benchmark).unlink()


def pages(pdf: Path, *options: str) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    extracted = subprocess.run(["pdftotext", *options, pdf, "-"], capture_output=True, check=True)
    return " ".join(extracted.stdout.decode().split())


@pytest.mark.study
@pytest.mark.usefixtures("one_figure")
def test_all_of_a_study_gives_the_same_tables(copied: Path, tmp_path: Path) -> None:
    results = copied
    folder, found = partial.write(study(), results)
    assert "all but those that write the study's own report" in found.sentence
    write_tables(pipeline.tables(results, study()), tmp_path / "full")
    full = {path.name: path.read_bytes() for path in (tmp_path / "full").glob("*.csv")}
    assert {path.name: path.read_bytes() for path in (folder / "tables").glob("*.csv")} == full
    assert pd.read_csv(folder / "missing.csv").empty


@pytest.mark.usefixtures("one_figure")
def test_what_is_missing_is_left_out_and_listed(copied: Path) -> None:
    results = copied
    # The full report of an earlier run, which stays as it is.
    for name in ("tables/networks.csv", "figures/losses.pdf", "report.pdf"):
        (results / name).parent.mkdir(exist_ok=True)
        (results / name).write_text("the full one")
    gone = [("chain2", "2"), ("chain2", "5")]
    lose(results, *(Job(rule, place) for rule in RULES for place in gone))
    lose(results, Job("find_kicks", ("chain2", "0")), Job("score_emulation", ("fully3", "1")))
    folder, found = partial.write(study(), results)
    assert found.sentence == (
        "38 of 50 jobs are done, 8 of 10 trainings among them; of 2 networks, 0 are whole, 2 are "
        "begun, and 0 are not."
    )
    missing = pd.read_csv(folder / "missing.csv").set_index("what")
    assert missing.loc["network chain2", ["jobs", "done"]].tolist() == [40, 29]
    assert missing.loc["network chain2", "missing"] == (
        "train_emulation 2 (seeds 2, 5), find_plateau 2 (seeds 2, 5), score_emulation 2 (seeds 2, "
        "5), reverse_engineer 2 (seeds 2, 5), find_kicks 3 (seeds 0, 2, 5)"
    )
    assert missing.loc["network fully3", "missing"] == "score_emulation 1 (seed 1)"
    networks = pd.read_csv(folder / "tables" / "networks.csv")
    assert networks.loc[networks["network"] == "chain2", "seed"].tolist() == [0, 1, 3, 4, 6, 7]
    # It was to be scored, and will be: it breaks no promise.
    assert networks["scored"].tolist() == [True] * 7 + [False]
    gates = pd.read_csv(folder / "tables" / "gates.csv").set_index("gate")
    assert "missed" not in set(gates["outcome"])
    other = gates.index.str.startswith("Other targets")
    assert gates.loc[other, ["value", "n"]].to_numpy().tolist() == [[1.0, 1]]
    for name in ("tables/networks.csv", "figures/losses.pdf", "report.pdf"):
        assert (results / name).read_text() == "the full one"
    first = pages(folder / "report.pdf", "-l", "1")
    assert "This report is partial. 38 of 50 jobs are done, 8 of 10 trainings among them" in first
    assert (
        "find_kicks 3 (seeds 0, 2, 5)" in pages(folder / "report.pdf").split("Missing results")[-1]
    )


@pytest.mark.usefixtures("one_figure")
def test_a_folder_that_is_being_written_is_not_read(copied: Path) -> None:
    results = copied
    killed, again = (
        Job("score_emulation", ("chain2", "3")),
        Job("reverse_engineer", ("chain2", "0")),
    )
    # One was killed while it wrote, the other runs anew, and has its pictures ready.
    (results / killed.benchmark).unlink()
    (results / killed.outputs[0] / "metrics.csv").write_text("metric,val")
    pictures = results / again.outputs[0] / "pictures"
    pictures.mkdir()
    (pictures / "stack.csv").write_text("not,whole")
    os.utime(results / again.outputs[0], (2e9 + 1, 2e9 + 1))
    folder, _ = partial.write(study(), results)
    missing = pd.read_csv(folder / "missing.csv")["missing"].tolist()
    assert missing == ["score_emulation 1 (seed 3), reverse_engineer 1 (seed 0)"]
    for name, lost in (("scores_metrics", 3), ("reverse_decay", 0)):
        table = pd.read_csv(folder / "tables" / f"{name}.csv")
        seeds = set(table.loc[table["network"] == "chain2", "seed"])
        assert seeds == set(range(8)) - {lost}


def test_pictures_are_read_of_steps_that_are_reported(tmp_path: Path) -> None:
    networks = finished_study.networks()
    for seed in (0, 1):
        folder = tmp_path / "chain2" / str(seed) / "reverse" / "pictures"
        folder.mkdir(parents=True)
        pd.DataFrame({"pc1": [seed]}).to_csv(folder / "states.csv", index=False)
    done = {Job("reverse_engineer", ("chain2", "1"))}
    found = figures.pictures(tmp_path, networks, "pictures/states", done)
    assert found is not None and found["pc1"].tolist() == [1]
    assert figures.pictures(tmp_path, networks, "pictures/states", set()) is None


@pytest.mark.usefixtures("one_figure")
def test_a_result_that_is_replaced_meanwhile_stops_the_report(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = copied
    whole = pipeline.tables

    def slowly(*given: object) -> dict[str, pd.DataFrame]:
        found = whole(*given)  # type: ignore[arg-type]
        os.utime(results / "chain2" / "1" / "trained", (2e9 + 1, 2e9 + 1))
        return found

    monkeypatch.setattr(pipeline, "tables", slowly)
    with pytest.raises(DataError, match="was replaced while it was read"):
        partial.write(study(), results)
    assert not (results / partial.FOLDER).exists()


def test_nothing_to_report_raises_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["partial", "--configfile", str(SMOKE)]) == cli.WRONG
    errors = capsys.readouterr().err
    assert (
        "there is nothing to report of torre-smoke yet, because no job has ended: 0 of 8" in errors
    )
    assert not (tmp_path / "results").exists()
    # A training alone does not say whether it escaped.
    results = tmp_path / "results" / "torre-smoke"
    job = Job("train_emulation", ("chain2", "0"))
    write_tables(good("chain2")["trained"], results / job.outputs[0])
    end(results, job)
    assert cli.main(["partial", "--configfile", str(SMOKE)]) == cli.WRONG
    assert "because no training has ended and had its plateau" in capsys.readouterr().err
    assert not (results / partial.FOLDER).exists()


def test_objectives_are_compared_when_networks_of_both_are_scored(tmp_path: Path) -> None:
    networks = {
        name: {"target": "chain2", "training": {"objective": name}}
        for name in ("sinkhorn", "split")
    }
    given = emulation_study.load({"study": "s", "emulation": {}, "networks": networks}, "s")
    for name in networks:
        for step in ("trained", "plateau"):
            write_tables(good("chain2")[step], tmp_path / name / "0" / step)
    trained = {
        job for job in jobs.of_study(given) if job.rule in (STEPS["trained"], STEPS["plateau"])
    }
    found = pipeline.tables(tmp_path, given, emulation_jobs.reported(given, trained))
    assert found["comparison"].empty and found["trends"].empty
    assert set(found["answers"]["question"]) == {"plateau"}
    assert len(found["networks"]) == 2 and not found["networks"]["scored"].any()


@pytest.mark.study
@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0.2, 0.5, 0.9]))
def test_what_is_not_there_yet_breaks_no_promise(
    whole: Path, differing: set[tuple[str, str]], rng: random.Random, share: float
) -> None:
    every = [job for job in jobs.of_study(study()) if job.rule in RULES]
    first = [Job(rule, ("chain2", "0")) for rule in ("train_emulation", "find_plateau")]
    done = {job for job in every if rng.random() < share} | set(first)
    reported = emulation_jobs.reported(study(), done)
    found = pipeline.tables(whole, study(), reported)
    assert "missed" not in set(found["gates"]["outcome"])
    assert set(found["gates"]["value"].dropna()) <= {1.0, 0.9}
    answers = found["paper"].set_index(["what", "target"])["answer"]
    assert set(answers[answers == "differs"].index) <= differing
    n = sum(job.rule == "train_emulation" for job in reported)
    assert len(found["networks"]) == n == len(found["trained_outcome"])
    assert found["networks"]["scored"].sum() == sum(
        job.rule == "score_emulation" for job in reported
    )


def made_up(results: Path) -> EmulationStudy:
    """Write the made-up study of the figures as its trainings leave it, all done."""
    for name, table in finished_study.tables().items():
        step, _, rest = name.partition("_")
        if step == "bias":
            write_tables({rest: table.drop(columns="target")}, results / "bias" / "chain2")
        elif step in STEPS:
            step = "plateau" if rest in ("plateau", "escape") else step
            for (network, seed), part in table.groupby(["network", "seed"]):
                own = part.drop(columns=["network", "target", "seed"])
                write_tables({rest: own}, results / network / str(seed) / step)
    for name, *_ in finished_study.NETWORKS:
        write_tables(finished_study.pictures(), results / name / "0" / "reverse" / "pictures")
    networks = {}
    for row in finished_study.networks().to_dict("records"):
        name, seed = row["network"], str(row["seed"])
        folder = results / name / seed
        outcome = {key: row[key] for key in ("n_updates", "diverged", "loss")}
        write_tables({"outcome": pd.DataFrame([outcome])}, folder / "trained")
        for step in folder.iterdir():
            write_tables({"cost": pd.DataFrame([{"cpu_seconds": 1.0, "memory_mb": 1.0}])}, step)
        training = {key: row[key] for key in ("objective", "n_steps", "batch_size", "n_updates")}
        networks[name] = {
            **{key: row[key] for key in ("target", "cell", "bias")},
            **{"n_seeds": len(finished_study.SEEDS), "training": training},
            **({} if row["scored"] else {"analyses": []}),
        }
    made = {"study": "made-up", "emulation": {}, "networks": networks, "bias": {}}
    given = emulation_study.load(made, "made-up")
    for job in jobs.of_study(given):
        if all((results / path).exists() for path in job.outputs):
            end(results, job)
    return given


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_any_part_of_a_study_is_drawn_and_set(share: float, tmp_path: Path) -> None:
    given = made_up(tmp_path)
    rng = np.random.default_rng(int(100 * share))
    keep = Job("train_emulation", ("chain2-tanh", "0")), Job("find_plateau", ("chain2-tanh", "0"))
    for job in jobs.of_study(given):
        if (tmp_path / job.benchmark).exists() and job not in keep and rng.random() > share:
            (tmp_path / job.benchmark).unlink()
    folder, found = partial.write(given, tmp_path)
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    networks = pd.read_csv(folder / "tables" / "networks.csv")
    reported = emulation_jobs.reported(given, found.done)
    assert len(networks) == sum(job.rule == "train_emulation" for job in reported)
    assert list((folder / "figures").glob("*.pdf"))
