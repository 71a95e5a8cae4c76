"""The code that a rule depends on is what its script imports, and no more."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import hmmlens
from hmmlens import hmm
from hmmlens.hmm import sweep
from hmmlens.rnn import adapters
from hmmlens.study import rule_code
from tests.study import import_graph
from tests.workflow.runs import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.fixture(scope="module")
def graph() -> dict[str, dict[str, list[str]]]:
    """Return what Python imports, see :mod:`tests.study.import_graph`."""
    command = [sys.executable, str(inspect.getfile(import_graph)), str(SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_files_are_those_that_python_imports(
    name: str, graph: dict[str, dict[str, list[str]]]
) -> None:
    ignored = set(rule_code.IGNORED)
    files = graph["files"]
    ignored |= {m for m, file in files.items() if Path(file).name == rule_code.SETTINGS}
    reached: set[str] = set()
    todo, passed = [f"script {name}"], set[str]()
    while todo:
        module = todo.pop()
        if module not in reached | ignored:
            reached.add(module)
            todo += graph["modules"].get(module, [])
            passed |= set(graph["packages"].get(module, []))
    imported = (reached | passed) - ignored - {f"script {name}"}
    script = SCRIPTS / f"{name}.py"
    expected = {str(script)} | {str(graph["files"][module]) for module in imported}
    assert set(rule_code.of_script(script)) == expected


def test_what_is_ignored_is_imported_by_a_script(graph: dict[str, dict[str, list[str]]]) -> None:
    every = {module for found in graph["modules"].values() for module in found}
    assert rule_code.IGNORED.keys() <= every | {hmmlens.__name__}
    assert all(reason and reason[0].islower() for reason in rule_code.IGNORED.values())


@pytest.mark.parametrize("name", sorted(adapters.ADAPTERS))
def test_a_bundled_network_depends_on_its_own_module(name: str) -> None:
    own = str(inspect.getfile(adapters.module(name)))
    assert own in rule_code.of_module(adapters.module_name(name))
    for script in NAMES:
        assert own not in rule_code.of_script(SCRIPTS / f"{script}.py")


def test_a_package_counts_in_full_only_where_a_name_is_its_own(tmp_path: Path) -> None:
    package = str(inspect.getfile(hmm))
    module, name = "from hmmlens.hmm import checks\n", "    from hmmlens.hmm import HMMSweep\n"
    sources = {
        "module": module,
        "types": f"{module}if TYPE_CHECKING:\n{name}",
        "name": f"{module}def f():\n{name}",
    }
    found = {}
    for name, text in sources.items():
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        found[name] = set(rule_code.of_script(path)) - {str(path)}
    assert found["module"] == found["types"] and found["module"] < found["name"]
    assert package in found["module"]
    assert str(inspect.getfile(sweep)) in found["name"] - found["module"]
