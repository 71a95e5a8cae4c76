"""The examples of ``docs/extending.md`` work, and keep the contracts of their registries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.study

ROOT = Path(__file__).parents[1]
#: Tests of contracts, and how the new members are named among their parameters.
CONTRACTS = {
    "tests/reduction/test_reducers.py": "random_projection",
    "tests/datasets/test_registered_datasets.py": "parity",
    "tests/rnn/test_recurrent_network.py": "test_weights_survive_a_file and relu",
    "tests/rnn/cells/test_networks.py": "(steps_equal or has_a_name or replays or train) and leaky",
    "tests/rnn/adapters/test_adapters.py": "(declared_layers or steps_equal) and gait-example",
    "tests/rnn/adapters/test_gait_example.py": "read_from_the_wheel",
    "tests/validation/baselines/test_registry.py": "persistence",
    "tests/validation/grading/test_numbers.py": "contract and states_per_endpoint",
    "tests/validation/grading/test_rules.py": "contract and compact",
    "tests/report/test_figures.py": "overview-grade_counts",
    "tests/hmm/test_poisson.py": "poisson",
    "tests/test_doctests.py": "hmmlens.stages.occupancy",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the library to which the examples are added."""
    folder = tmp_path_factory.mktemp("extended")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("hmmlens", "tests", "workflow", "envs", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "Snakefile"):
        shutil.copy(ROOT / name, folder)
    text = (ROOT / "docs" / "extending.md").read_text()
    head = r"# (?:(append|insert|replace): )?(\S+)(?: (?:after|line): ([^\n]+))?"
    blocks = re.findall(rf"```python\n{head}\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == text.count("```python")
    for kind, name, place, code in blocks:
        path = folder / name
        assert path.exists() == bool(kind), name
        if kind in ("insert", "replace"):
            lines = path.read_text().splitlines(keepends=True)
            (index,) = (i for i, line in enumerate(lines) if place in line)
            lines[index + (kind == "insert") : index + 1] = [code]
            path.write_text("".join(lines))
        else:
            path.write_text(f"{path.read_text()}\n\n{code}" if kind else code)
    return folder


def test_new_members_keep_the_contracts(extended: Path) -> None:
    wanted = " or ".join(f"({names})" for names in CONTRACTS.values())
    command = [sys.executable, "-m", "pytest", "-v", "-n0", "-rN", *CONTRACTS, "-k", wanted]
    environment = os.environ | {"PYTHONPATH": str(extended)}
    done = subprocess.run(
        command, cwd=extended, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    for path, names in CONTRACTS.items():
        member = names.rpartition(" ")[2]
        assert re.search(rf"^{path}::.*{member}.* PASSED", done.stdout, re.MULTILINE), path


def test_a_new_rule_is_part_of_a_study_and_of_its_plan(extended: Path) -> None:
    study = extended / "workflow" / "studies" / "smoke.yaml"
    environment = os.environ | {"PYTHONPATH": str(extended)}
    command = [sys.executable, "-m", "snakemake", "--configfile", str(study), "-n", "--cores", "1"]
    done = subprocess.run(
        command, cwd=extended, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    listed = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    assert int(listed["measure_occupancy"]) == int(listed["interpret_layer"]) > 0
    count = (
        "import sys, yaml; from hmmlens.study import jobs; "
        "study = jobs.load(yaml.safe_load(open(sys.argv[1])), 'smoke.yaml'); "
        "print(sum(job.rule == 'measure_occupancy' for job in jobs.of_study(study)))"
    )
    planned = subprocess.run(
        [sys.executable, "-c", count, str(study)],
        cwd=extended, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert planned.stdout.strip() == listed["measure_occupancy"]
