"""The examples in docstrings run and print what they show."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import hmmlens
import hmmlens.hmm

LIBRARY = Path(__file__).parents[1] / "hmmlens"
MODULES = sorted(
    ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)
    for path in LIBRARY.rglob("*.py")
    if ">>>" in path.read_text()
)
#: Packages that export functions and classes to users; nothing is imported to list these.
EXPORTED = [
    (package.__name__, name)
    for package in (hmmlens, hmmlens.hmm)
    for name in package.__all__
    if not name.startswith("_") and not name.endswith("Error")
]


@pytest.mark.parametrize(("package", "name"), EXPORTED)
def test_exported_names_have_examples(package: str, name: str) -> None:
    exported = getattr(importlib.import_module(package), name)
    lines = inspect.cleandoc(exported.__doc__ or "").splitlines()
    assert "Examples" in lines
    assert any(line.startswith(">>> ") for line in lines[lines.index("Examples") :])


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert tried
    assert not failed, capsys.readouterr().out
