"""What holds for the workflow whatever it computes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hmmlens.datasets.published_packages import SPEECH
from hmmlens.study import config as study_config
from tests.workflow.runs import PUBLISHED, ROOT, SMOKE, command, snakemake

STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "workflow" / "studies").glob("*.yaml"))]
#: Studies of so many jobs that a dry run takes long.
LARGE = ("cluster", "torre-paper", "torre", "roundtrip")
RULES = sorted((ROOT / "workflow" / "rules").rglob("*.smk"))


@pytest.mark.study
@pytest.mark.parametrize(
    "study",
    [pytest.param(p, marks=pytest.mark.slow) if p.stem in LARGE else p for p in STUDIES],
    ids=lambda p: p.stem,
)
def test_every_shipped_study_plans_a_report(study: Path, tmp_path: Path) -> None:
    # Whether or not there is an apt-get here.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / SPEECH.file).touch()
    done = snakemake(tmp_path, study, "--cores", "1", "--dry-run", "--quiet", "all")
    assert done.returncode == 0, done.stdout[-2000:]
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("study", STUDIES, ids=lambda p: p.stem)
def test_a_study_names_its_schema_for_editors(study: Path) -> None:
    first = study.read_text().splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
    assert match is not None
    keys = yaml.safe_load(study.read_text())
    kind = "roundtrip" if "trips" in keys else "emulation" if "emulation" in keys else "config"
    assert (study.parent / match[1]).resolve() == (
        ROOT / "workflow" / "schemas" / f"{kind}.schema.json"
    )


def test_another_study_takes_nothing_from_the_default_one(tmp_path: Path) -> None:
    done = snakemake(tmp_path, SMOKE, "--cores", "1", "--dry-run", "--quiet", "host")
    assert done.returncode == 0, done.stdout[-2000:]
    # What jobs make, and not the code that they depend on.
    made = "".join(line for line in done.stdout.splitlines() if line.strip().startswith("output:"))
    assert "results/smoke/fully3-lstm/" in made
    default = study_config.read(ROOT / "config.yaml")
    for network in default.networks:
        assert f"results/smoke/{network}/" not in made or network in SMOKE.read_text()
    assert "gait" not in made


def test_every_key_of_the_default_study_is_known_and_every_section_stands_in_it() -> None:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert set(raw) == set(study_config.Study.model_fields)


def test_a_config_mistake_is_reported_before_any_job(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SMOKE.read_text().replace("n_restarts: 2", "n_restart: 2"))
    done = snakemake(tmp_path, wrong, "--cores", "1")
    assert done.returncode != 0
    assert "sweep.n_restart" in done.stdout
    assert "did you mean 'n_restarts'" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.study
def test_a_debian_package_is_missed_before_any_job(tmp_path: Path) -> None:
    # A folder without apt-get, and no dry run: a job would leave something.
    done = snakemake(tmp_path, PUBLISHED, "--cores", "1", PATH=str(tmp_path))
    assert done.returncode != 0
    lines = [line for line in done.stdout.splitlines() if "apt-get" in line]
    assert lines == [
        f"datasets.speech: needs the Debian package {SPEECH.package} {SPEECH.version}, and there "
        "is no apt-get here to fetch it with; run the study on Debian, put the package at "
        f"data/{SPEECH.file}, or take out this dataset and its networks"
    ]
    assert "Traceback" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [".snakemake"]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / SPEECH.file).touch()
    done = snakemake(tmp_path, PUBLISHED, "--cores", "1", "--dry-run", PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("rules", RULES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_rules_are_complete(rules: Path) -> None:
    text = rules.read_text()
    blocks = re.split(r"^rule (\w+):\n", text, flags=re.M)[1:]
    for name, body in zip(blocks[::2], blocks[1::2], strict=True):
        assert body.lstrip().startswith('"""'), f"{name} has no docstring"
        for directive in ("log:", "conda:", "resources:", "script:"):
            assert directive in body, f"{name} has no {directive}"
        assert "\n    run:" not in body
        assert "\n    shadow:" not in body
        script = re.search(r'"(?:\.\./)+scripts/(\w+)\.py"', body)
        assert script is not None
        assert script[1] == name, f"{name} runs {script[1]}.py"


def test_scripts_are_thin() -> None:
    for script in (ROOT / "workflow" / "scripts").glob("*.py"):
        assert len(script.read_text().splitlines()) <= 60, script.name


def test_the_snakefile_fits_one_screen() -> None:
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 55


def test_a_path_that_jobs_cannot_have_is_refused_before_any_job(tmp_path: Path) -> None:
    environment = tmp_path / "with a blank"
    environment.symlink_to(sys.prefix)
    python = environment / "bin" / Path(sys.executable).name
    _, *arguments = command(tmp_path, SMOKE, "--cores", "1")
    done = subprocess.run(
        [python, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == (
        f"Python is at {python}, and Snakemake cannot run jobs with ' ' in that path; move the "
        "folder to a path of letters, digits, dots and dashes, and install anew"
    )
    assert not (tmp_path / "results").exists()


def test_a_config_without_a_name_of_its_study_is_refused(tmp_path: Path) -> None:
    nameless = tmp_path / "nameless.yaml"
    nameless.write_text(SMOKE.read_text().replace("study: smoke", ""))
    done = snakemake(tmp_path, nameless, "--cores", "1", "--dry-run")
    assert done.returncode != 0
    # The last line on the screen, and nothing of config.yaml.
    assert done.stdout.splitlines()[-1] == (
        f"{nameless}: study: the key 'study' is missing, it wants a name of lowercase letters, "
        "digits and hyphens that begins with a letter or digit, at most 40 characters"
    )
