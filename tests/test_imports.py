"""Start-up stays short: what is not needed is not imported."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import hmmlens

ROOT = Path(hmmlens.__file__).parents[1]
HEAVY = ("torch", "matplotlib", "sklearn", "hmmlearn")


def loaded_after(statement: str) -> set[str]:
    """Return which heavy packages a fresh Python holds after a statement."""
    report = f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    code = f"{statement}\nimport json, sys\n{report}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def modules(package: str) -> list[str]:
    """Return a package of hmmlens and all its modules."""
    folder = ROOT.joinpath(*package.split("."))
    return [package, *(f"{package}.{m.name}" for m in pkgutil.iter_modules([str(folder)]))]


LIGHT = {
    # What the command needs before its arguments are known to be good.
    "command": [
        "hmmlens.cli.command",
        "hmmlens.datasets.own.files",
        "hmmlens.report.explain.folder",
    ],
    "hmmlens": [
        "hmmlens",
        "hmmlens.study.config",
        "hmmlens.io.store",
        "hmmlens.seeds",
        "hmmlens.study.schema",
    ],
    "modules": [
        *modules("hmmlens.hmm"),
        *modules("hmmlens.validation"),
        *modules("hmmlens.validation.grading"),
        *modules("hmmlens.validation.model_checks"),
        *(
            "hmmlens.datasets.build",
            "hmmlens.datasets.published_packages",
            "hmmlens.recording.activations",
        ),
        *("hmmlens.recording.extract", "hmmlens.recording.during_training"),
        *(
            "hmmlens.reduction.estimator",
            "hmmlens.interpretation.states",
            "hmmlens.dynamics.endpoints",
        ),
    ],
}


@pytest.mark.parametrize("names", LIGHT.values(), ids=LIGHT)
def test_import_is_light(names: list[str]) -> None:
    assert loaded_after(f"import {', '.join(names)}") == set()


def test_check_sees_what_is_imported() -> None:
    assert "hmmlearn" in loaded_after("import hmmlearn")


def test_public_names_are_found_where_they_are_used() -> None:
    for name in hmmlens.__all__:
        assert getattr(hmmlens, name) is not None
    with pytest.raises(AttributeError, match="module 'hmmlens' has no attribute 'nothing'"):
        _ = hmmlens.nothing
