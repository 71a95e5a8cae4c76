"""A small network through every rule of a study of emulating networks."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from hmmlens.cli import command as cli
from hmmlens.io.yaml_files import read_yaml
from hmmlens.study import emulation_study
from tests.study.test_names import EMULATING, names_in, refused, with_name
from tests.workflow.runs import ROOT, snakemake

STUDIES = ROOT / "workflow" / "studies"
SMOKE, LAPTOP, PAPER = (STUDIES / f"torre{name}.yaml" for name in ("-smoke", "", "-paper"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the smoke study once, and return its folder."""
    folder = tmp_path_factory.mktemp("torre")
    done = snakemake(folder, SMOKE, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 training will take about" in done.stdout
    return folder


@pytest.mark.study
def test_a_small_network_goes_through_every_rule(finished: Path) -> None:
    results = finished / "results" / "torre-smoke"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    tables = {path.stem: pd.read_csv(path) for path in (results / "tables").glob("*.csv")}
    network = tables["networks"].iloc[0]
    # The second drop is seen: the loss was on the plateau, left it, and came near the floor.
    assert network["length"] > 50 and network["escape"] < network["n_updates"]
    assert network["loss"] < (network["level"] + 3 * network["floor"]) / 4
    assert not network["diverged"] and network["lyapunov"] < 0
    assert tables["gates"]["outcome"].isin(["reached", "missed", "reported", "not asked"]).all()
    assert set(tables["paper"]["answer"]) <= {
        *("agrees", "differs"), *("not testable at this scale", "not asked"),
    }  # fmt: skip
    assert set(tables["answers"]["question"]) == {"bias", "homogeneity", "plateau"}
    assert not list((results / "checkpoints").glob("*"))
    fixed = names_in(results) - set(tables["networks"]["network"])
    assert {"tables", "figures", "bias"} <= fixed
    for name in fixed:
        assert f"networks.{name}: the name" in refused(with_name(EMULATING, "networks", name))
    again = snakemake(finished, SMOKE, "--cores", "1", "--dry-run")
    assert "Nothing to be done" in again.stdout


@pytest.mark.study
def test_what_there_is_of_it_is_reported(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    shutil.copytree(finished, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(tmp_path / "study")
    results = Path("results/torre-smoke")
    command = ["partial", "--configfile", str(SMOKE)]

    def files(folder: Path, pattern: str) -> dict[str, bytes]:
        found = folder.rglob(pattern)
        return {
            str(p.relative_to(folder)): p.read_bytes() for p in found if "partial" not in str(p)
        }

    assert cli.main(command) == 0
    assert "8 of 8 jobs are done, 1 of 1 trainings among them, all but" in capsys.readouterr().out
    folder = results / "partial_report"
    for kind in ("tables", "figures"):
        written = {p.name: p.read_bytes() for p in (folder / kind).glob("*.csv")}
        assert written == files(results / kind, "*.csv"), kind
    # Now the scores are being computed again, and states have not been tied.
    shutil.rmtree(results / "chain2" / "0" / "states")
    (results / "benchmarks" / "tie_states" / "chain2" / "0.tsv").unlink()
    scores = results / "chain2" / "0" / "scores"
    half = (scores / "metrics.csv").read_bytes()[:100]
    shutil.rmtree(scores)
    scores.mkdir()
    (scores / "metrics.csv").write_bytes(half)
    before = {kind: files(results, f"*.{kind}") for kind in ("csv", "pdf", "png", "safetensors")}
    assert cli.main(command) == 0
    assert {kind: files(results, f"*.{kind}") for kind in before} == before
    missing = pd.read_csv(folder / "missing.csv")["missing"].tolist()
    assert missing == ["score_emulation 1 (seed 0), tie_states 1 (seed 0)"]
    tables = {path.stem for path in (folder / "tables").glob("*.csv")}
    assert "reverse_orbits" in tables and "kicks_kicks" in tables
    assert not {name for name in tables if name.startswith(("scores", "states"))}
    assert (folder / "report.pdf").read_bytes() != (results / "report.pdf").read_bytes()
    # It is a study of its own for nobody.
    planned = snakemake(Path.cwd(), SMOKE, "--cores", "1", "-n", "--rerun-triggers", "mtime").stdout
    assert "partial_report" not in planned and re.search(r"^tie_states +1$", planned, re.MULTILINE)


def test_the_papers_study_has_its_networks() -> None:
    study = emulation_study.load(read_yaml(PAPER), "torre-paper.yaml")
    objectives = {name: study.training_of(name).objective for name in study.networks}
    papers = {n: net for n, net in study.networks.items() if objectives[n] == "sinkhorn"}
    kinds = [(net.target, net.n_units, net.n_noise, net.n_seeds) for net in papers.values()]
    assert sum(kind[3] for kind in kinds) == 151
    chains = Counter(kind[0] for kind in kinds if kind[0].startswith("chain"))
    assert chains == {"chain2": 13, "chain3": 12, "chain4": 12, "chain5": 12}
    assert len(set(kinds)) == len(kinds)
    # The other objective is asked of each target three times.
    others: Counter[str] = Counter()
    for name, net in study.networks.items():
        if name not in papers:
            assert objectives[name] == "split"
            others[net.target] += net.n_seeds
    assert set(others) == {kind[0] for kind in kinds} and set(others.values()) == {3}
    for name, network in papers.items():
        training = study.training_of(name)
        steps = {"chain2": 100, "chain3": 30, "chain4": 30, "chain5": 40, "fully3": 30}
        assert training.n_steps == steps.get(network.target, 40), name
        assert training.n_updates == (3000 if network.target == "fully3" else 1500)
        clip = 0.3 if network.target in ("fully3", "cyclic4") else 0.9
        assert training.clip_norm == clip
        assert (training.batch_size, training.n_data) == (4096, 10000)
        assert training.objective == "sinkhorn" and network.cell == "relu" and not network.bias


def test_the_laptops_study_asks_what_the_gates_want() -> None:
    study = emulation_study.load(read_yaml(LAPTOP), "torre.yaml")
    seeds: Counter[str] = Counter()
    for name, network in study.networks.items():
        if network.cell == "relu" and not network.bias and "kicks" in network.analyses:
            seeds[network.target, study.training_of(name).objective] += network.n_seeds
    assert seeds["chain2", "sinkhorn"] >= 8
    for target in ("fully3", "cyclic4"):
        assert sum(n for (name, _), n in seeds.items() if name == target) >= 5


@pytest.mark.study
@pytest.mark.parametrize("study", [SMOKE, LAPTOP, PAPER], ids=lambda p: p.stem)
def test_a_mistake_is_reported_before_any_job(study: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(re.sub("target: chain2", "target: chain9", study.read_text(), count=1))
    done = snakemake(tmp_path, wrong, "--cores", "1")
    assert done.returncode != 0
    assert "there is no target 'chain9' (did you mean" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()
