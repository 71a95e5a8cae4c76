"""The examples of ``docs/extending.md`` work, and keep the contracts of their registries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Tests of contracts, and how the new members are named among their parameters.
CONTRACTS = {
    "tests/reduction/test_reducers.py": "random_projection",
    "tests/datasets/test_registered_datasets.py": "parity",
    "tests/rnn/test_equations.py": "test_equations_equal and relu",
    "tests/rnn/adapters/test_adapters.py": "test_declared_layers and gait-mean",
    "tests/validation/baselines/test_registry.py": "persistence",
    "tests/validation/test_numbers.py": "contract and states_per_endpoint",
    "tests/validation/test_rules.py": "contract and compact",
    "tests/report/test_figures.py": "overview-grade_counts",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the library to which the examples are added."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("hmmlens", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    text = (ROOT / "docs" / "extending.md").read_text()
    blocks = re.findall(r"```python\n# (append: )?(\S+)\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == text.count("```python")
    for appended, name, code in blocks:
        path = folder / name
        assert path.exists() == bool(appended), name
        path.write_text(f"{path.read_text()}\n\n{code}" if appended else code)
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
