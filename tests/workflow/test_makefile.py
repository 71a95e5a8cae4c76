"""``make report`` with any text as the study, with stand-ins for Python's environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.runs import ROOT, SMOKE

#: Notes its arguments, and makes what it is asked for.
SNAKEMAKE = f"""#!{sys.executable}
import json, pathlib, sys
with open("calls.jsonl", "a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
if "--report" in sys.argv:
    pathlib.Path(sys.argv[-1]).write_text("made")
else:
    folder = pathlib.Path("results/named")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "report.pdf").exists():
        (folder / "report.pdf").write_text("made")
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder, with a blank in its path, where all is installed already."""
    folder = tmp_path / "a clone"
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt", ".venv/.installed"):
        (folder / name).touch()
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
    snakemake = folder / ".venv" / "bin" / "snakemake"
    snakemake.write_text(SNAKEMAKE)
    for file in (python, snakemake):
        file.chmod(0o755)
    return folder


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # As from a shell, also where `make test` runs the tests.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "report", *arguments],
        cwd=clone,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=outside,
    )


def calls(clone: Path) -> list[list[str]]:
    file = clone / "calls.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def write(path: Path) -> None:
    # A name as a line of text would not give it away.
    path.write_text(
        SMOKE.read_text().replace("study: smoke", "# study: wrong\n'study' :  \"named\"")
    )


@pytest.mark.parametrize(
    "name",
    [
        "plain.yaml",
        "a'b\"c.yaml",
        "x; touch pwned.yaml",
        "$(touch pwned).yaml",
        "$(shell touch pwned).yaml",
        "$HOME `touch pwned` $$ ${STUDY} #.yaml",
    ],
)
def test_any_name_of_a_file_is_a_name(clone: Path, name: str) -> None:
    write(clone / name)
    before = {path.name for path in clone.iterdir()}
    done = make(clone, f"STUDY={name}")
    assert done.returncode == 0, done.stdout
    options = ["--cores", "all", "--configfile", name]
    assert calls(clone) == [options, [*options, "--report", "results/named/run.html"]]
    assert done.stdout.endswith(
        "\nThe report:       results/named/report.pdf\nHow it was made:  results/named/run.html\n"
    )
    assert {path.name for path in clone.iterdir()} - before == {"calls.jsonl", "results"}


def test_the_default_study_needs_no_name(clone: Path) -> None:
    write(clone / "config.yaml")
    assert make(clone).returncode == 0
    assert calls(clone)[0] == ["--cores", "all"]
    # What was made stays.
    make(clone)
    assert len(calls(clone)) == 3


@pytest.mark.parametrize("name", ["x; touch pwned", "$(shell touch pwned)"])
def test_a_missing_study_is_reported(clone: Path, name: str) -> None:
    done = make(clone, f"STUDY={name}")
    assert done.returncode != 0
    assert f"{name}: the file cannot be read: No such file or directory\n" in done.stdout
    assert not calls(clone)
    assert not list(clone.glob("pwned*"))


@pytest.mark.parametrize("mark", [" ", "'", '"', "$", "`", "{", "(", ";", "\\"])
def test_a_folder_that_jobs_cannot_run_in_is_reported_before_anything_is_made(
    tmp_path: Path, mark: str
) -> None:
    folder = tmp_path / f"a{mark}b"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    before = {path.name for path in folder.iterdir()}
    done = make(folder)
    assert done.returncode != 0
    assert f"This folder is {folder}, and Snakemake cannot run jobs below a path" in done.stdout
    assert {path.name for path in folder.iterdir()} == before


def test_other_marks_in_the_path_of_a_folder_are_fine(tmp_path: Path) -> None:
    folder = tmp_path / "a-b_c.d+e@f,g=h%i"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    assert "There is no /nothing here" in make(folder, "PYTHON=/nothing").stdout
